# uMeter - the pages: who may see them, where they come from; routes of microdot
# MIT license; Copyright (c) 2026 The uMeter authors

# What a page needs by itself is loaded with it and goes with the last open connection.

from micropython import const

from microdot import Microdot, Request, Response

from firmware import overlay
from firmware.crypto.mac import equal

FOLDER = "/firmware/web/static/"
_LONGEST = const(64)  # characters of a path: each takes its part of the stack to be matched
_MOST = const(2048)  # bytes of a form,
_FIELDS = const(40)  # and how many answers: each takes a hundred bytes of the heap
Request.max_content_length = Request.max_body_length = _MOST
Request.max_readline = Response.send_file_buffer_size = 512
_PLACES = {"setup": "form", "progress": "form", "save": "form", "networks.json": "form",
           "status.json": "form", "live": "live", "data.json": "live"}  # fmt: skip
_KINDS = {"style.css": "text/css", "app.js": "text/javascript"}
_POLICY = "default-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"))


def escape(text):
    """For texts and for attributes in quotes."""
    for sign, name in _ESCAPES:
        if sign in text:
            text = text.replace(sign, name)
    return text


def fill(name, slots):
    """Pieces of a page. slots: {name: text, escaped here, or an iterable of finished HTML}."""
    with open(FOLDER + name) as file:
        while True:
            line = file.readline()
            if not line:
                return
            parts = line.split("{{")
            yield parts[0]
            for part in parts[1:]:
                slot, _, rest = part.partition("}}")
                value = slots[slot]
                if isinstance(value, str):
                    yield escape(value)
                else:
                    yield from value
                yield rest


class Site:
    """host: what the pages ask of the device, see firmware/app/portal.py; token: a text that
    nobody else knows, for the forms of the set-up network."""

    def __init__(self, host, token):
        self.host = host
        self._token = token
        self._access = None  # comes with the first request from the station's side
        self._open = 0
        self.app = Microdot()
        self.app.get("/")(self._get)
        self.app.get("/<name>")(self._get)
        self.app.post("/<name>")(self._post)
        self.app.errorhandler(404)(self._unknown)

    async def serve(self, connection):
        """One request and its answer; handler of a Listener."""
        self._open += 1
        try:
            try:
                request = await Request.create(self.app, connection, connection, connection.peer)
            except (ValueError, IndexError):  # UnicodeError, too
                request = None
            connection.asked = True
            near = request is not None and self._is_near(request)
            if near and self._is_foreign(request):
                answer = self.go(self.host.url(), 302)
            elif request is not None and len(request.path) > _LONGEST:
                answer = self._unknown(request)
            else:
                self.host.used(near)
                answer = await self.app.dispatch_request(request)
            answer.headers["X-Content-Type-Options"] = "nosniff"
            answer.headers["Referrer-Policy"] = "no-referrer"
            answer.headers["Content-Security-Policy"] = _POLICY
            if "Cache-Control" not in answer.headers:
                answer.headers["Cache-Control"] = "no-store"
            await answer.write(connection)
            await connection.aclose()
        finally:
            self._open -= 1
            if not self._open:
                overlay.free("firmware.web.form", "firmware.web.answers", "firmware.web.live",
                             "firmware.web.login")  # fmt: skip
                self.host.rests()

    def forget_sessions(self):
        """The password is another one now."""
        self._access = None

    # -- who asks --

    def _is_near(self, request):
        """Whether it comes over the set-up network, whose password is the key to these pages."""
        return self.host.is_near(request.client_addr[0])

    def _is_foreign(self, request):
        """A name that is not ours, on the set-up network: a probe, or the phone's next page."""
        name = request.headers.get("Host", "").split(":")[0].lower()
        return bool(name.replace(".", "").strip("0123456789")) and not self.host.is_own_name(name)

    def _unknown(self, request):
        """What phones and computers ask a network for to learn whether it has a sign-in page:
        /generate_204, /hotspot-detect.html, /connecttest.txt, /ncsi.txt, /success.txt ..."""
        if self._is_near(request):
            return self.go(self.host.url(), 302)
        return Response("Not found", 404)

    def access(self):
        """Sessions and tries of passwords."""
        if self._access is None:
            import os

            from firmware.crypto.mac import HmacSha256
            from firmware.web.access import Access

            self._access = Access(HmacSha256(os.urandom(16)), equal, os.urandom)
        return self._access

    def _cookie(self, request):
        return "" if self._is_near(request) else request.cookies.get("session", "")

    def _may(self, request):
        return self._is_near(request) or self.access().has_session(
            self._cookie(request), self.host.now()
        )

    def token(self, request):
        """What a form has to bring back: another site can neither read nor make it."""
        if self._is_near(request):
            return self._token
        return self.access().token(self._cookie(request))

    # -- what is asked for --

    def _get(self, request, name=""):
        if name in _KINDS:
            return _static(name)
        if name == "login" and not self._is_near(request):
            from firmware.web import login

            return login.show(self, request)
        if not name:
            name = self._first() if self._is_near(request) else "live"
        place = _PLACES.get(name)
        if not place:
            return self._unknown(request)
        if not self._may(request):
            if name.endswith(".json"):
                return json_text('{"error":"login"}', 401)
            return self.go("/login")
        if place == "form":
            from firmware.web import form

            return form.show(self, request, name)
        from firmware.web import live

        return live.show(self, request, name)

    def _first(self):
        """A phone that lost us, with the radio's channel, opens a new sign-in sheet: it tells how
        it went on."""
        return "setup" if self.host.report()["state"] == "idle" else "progress"

    def _post(self, request, name):
        answers = _answers(request)
        if name == "login":
            from firmware.web import login

            return login.enter(self, request, answers)
        token = answers.get("token", "").encode()
        if not self._may(request) or not equal(token, self.token(request).encode()):
            if "json" in request.headers.get("Accept", ""):
                return json_text('{"error":"token"}', 403)
            return self.page(request, "Not saved", "refused.html", {"refresh": ""}, 403)
        from firmware.web import answers as place

        return place.submit(self, request, name, answers)

    # -- answers --

    def page(self, request, title, body, slots, status=200):
        """A whole page: the frame that all share, with the template `body` in it."""
        host = self.host
        slots.update(device=host.name(), version=host.version(), build=host.build(),
                     token=self.token(request), title=title, at=body[:-5],
                     body=fill(body, slots))  # fmt: skip
        headers = {"Content-Type": "text/html; charset=utf-8"}
        return Response(fill("frame.html", slots), status, headers)

    def go(self, where, status=303):
        return Response("", status, {"Location": where})


def json_text(text, status=200):
    """text: or its pieces."""
    return Response(text, status, {"Content-Type": "application/json"})


def _answers(request):
    """{name: text} of a form; {} if it is none, or no text."""
    answers = {}
    if request.body.count(b"&") < _FIELDS:
        try:
            form = request.form or {}
            for name in form:
                answers[name] = form[name] or ""  # b"" where there is no `=`
        except (ValueError, IndexError):  # UnicodeError, too; a % without digits
            answers.clear()
    return answers


def _static(name):
    headers = {"Content-Type": _KINDS[name], "Content-Encoding": "gzip",
               "Cache-Control": "max-age=604800"}  # fmt: skip
    return Response(open(FOLDER + name + ".gz", "rb"), 200, headers)
