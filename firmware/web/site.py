# uMeter - the pages: set-up, live values, login; routes of microdot
# MIT license; Copyright (c) 2026 The uMeter authors

import json
from micropython import const

from microdot import Microdot, Request, Response

from firmware.web import fields, live, networks, trial
from firmware.web.render import FOLDER, fill, page

_MOST = const(2048)  # bytes of a form
_LINE = const(512)
Request.max_content_length = Request.max_body_length = _MOST
Request.max_readline = _LINE
_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FAILED = "Not saved: please look at the marked fields."
_REFRESH = '<meta http-equiv="refresh" content="2">'
_METER_PARTS = (("pulses_per_unit", "impulse.html"), ("han_line", "han.html"))


class Site:
    """host: what the pages ask of the device, see firmware/app/setup.py."""

    def __init__(self, host, access):
        self._host = host
        self._access = access
        self.app = Microdot()
        self._route()

    def _route(self):
        get, post = self.app.get, self.app.post
        get("/")(self._open(self._root))
        get("/setup")(self._open(self._setup))
        post("/setup")(self._form(self._submit))
        post("/save")(self._form(self._save))
        get("/progress")(self._open(self._progress))
        get("/status.json")(self._open(lambda request: _json(self._host.trial.report())))
        get("/networks.json")(self._open(self._networks))
        get("/live")(self._open(self._live))
        get("/data.json")(self._open(self._data))
        get("/login")(self._login)
        post("/login")(self._enter)
        for name, kind in (("style.css", "text/css"), ("app.js", "text/javascript")):
            get("/" + name)(_static(name, kind))
        self.app.errorhandler(404)(self._unknown)

    async def serve(self, connection, asked):
        """One request and its answer; handler of a Listener."""
        try:
            request = await Request.create(self.app, connection, connection,
                                           connection.get_extra_info("peername"))  # fmt: skip
        except (ValueError, IndexError):  # UnicodeError, too
            request = None
        asked()
        if request is not None and self._is_foreign(request):
            answer = self._to_setup()
        else:
            self._host.used(request is not None and self._is_near(request))
            answer = await self.app.dispatch_request(request)
        answer.is_head = request is not None and request.method == "HEAD"
        for name, value in _HEADERS.items():
            if name not in answer.headers:
                answer.headers[name] = value
        await answer.write(connection)
        await connection.aclose()

    # -- who asks --

    def _is_near(self, request):
        """Whether it comes over the set-up network, whose password is the key to these pages."""
        return self._host.is_near(request.client_addr[0])

    def _is_foreign(self, request):
        """A name that is not ours, on the set-up network: a probe, or the phone's next page."""
        name = request.headers.get("Host", "").split(":")[0].lower()
        numeric = not name.replace(".", "").strip("0123456789")
        return self._is_near(request) and not (numeric or self._host.is_own_name(name))

    def _unknown(self, request):
        """What phones and computers ask a network for to learn whether it has a sign-in page:
        /generate_204, /hotspot-detect.html, /connecttest.txt, /ncsi.txt, /success.txt ..."""
        return self._to_setup() if self._is_near(request) else ("Not found", 404)

    def _to_setup(self):
        return Response("", 302, {"Location": self._host.url()})

    def _cookie(self, request):
        return "" if self._is_near(request) else request.cookies.get("session", "")

    def _may(self, request):
        return self._is_near(request) or self._access.has_session(
            self._cookie(request), self._host.now()
        )

    def _open(self, handler):
        """Only for who may see it; others are sent to the login."""

        def guarded(request):
            if self._may(request):
                return handler(request)
            if request.path.endswith(".json"):
                return _json({"error": "login"}, 401)
            return Response("", 302, {"Location": "/login"})

        return guarded

    def _form(self, handler):
        def guarded(request):
            form = _form_of(request)
            if not self._may(request) or not self._access.is_token(
                form.get("token"), self._cookie(request)
            ):
                return self._page(request, "Not saved", "refused.html", {}, 403)
            return handler(request, form)

        return guarded

    # -- pages --

    def _page(self, request, title, body, slots, status=200):
        host = self._host
        slots.update(device=host.name(), version=host.version(), build=host.build(),
                     token=self._access.token(self._cookie(request)))  # fmt: skip
        return Response(page(title, body, slots), status, {"Content-Type": _HTML})

    def _root(self, request):
        return self._setup(request) if self._is_near(request) else self._live(request)

    def _setup(self, request, form=None, errors=None):
        host, settings = self._host, self._host.settings
        form, errors = form or {}, errors or {}
        ssid = form.get("ssid", settings["ssid"])
        found = networks.listed(host.scan())
        other = ssid == "*" or ssid and ssid not in [network[0] for network in found]
        typed = form.get("ssid_other", "") if ssid == "*" else ssid
        slots = {
            "failed": _FAILED if errors else "", "networks": networks.draw(found, ssid),
            "other": "checked" if other else "", "ssid_other": typed if other else "",
            "meter": (), "zones": fields.zones(form.get("timezone", settings["timezone"])),
        }  # fmt: skip
        fields.fill_slots(slots, settings, form, errors)
        for name, part in _METER_PARTS:
            if name in settings:
                slots["meter"] = fill(part, dict(slots))
        return self._page(request, "Set up", "setup.html", slots, 422 if errors else 200)

    def _submit(self, request, form):
        changes, errors = fields.read(form, self._host.settings)
        started = not errors and self._host.trial.start(changes)
        if "json" in request.headers.get("Accept", ""):
            if errors:
                return _json({"errors": errors}, 422)
            return _json(self._host.trial.report(), 202 if started else 409)
        if errors:
            return self._setup(request, form, errors)
        return Response("", 303, {"Location": "/progress"})

    def _save(self, request, form):
        self._host.trial.save_anyway()
        if "json" in request.headers.get("Accept", ""):
            return _json(self._host.trial.report())
        return Response("", 303, {"Location": "/progress"})

    def _progress(self, request):
        report = self._host.trial.report()
        state = report["state"]
        slots = {
            "refresh": [_REFRESH] if state == trial.TESTING else "",
            "text": trial.words(report),
            "anyway": "" if state == trial.FAILED else "hidden",
        }
        return self._page(request, "Progress", "progress.html", slots)

    def _networks(self, request):
        host = self._host
        if host.scan_is_old():
            host.request_scan()
        found = [{"ssid": ssid, "rssi": rssi, "bars": networks.bars(rssi), "secured": secured}
                 for ssid, rssi, secured in networks.listed(host.scan())]  # fmt: skip
        return _json({"networks": found})

    def _live(self, request):
        reading = self._host.reading()
        rows = live.draw(reading) if reading else ()
        slots = {"serial": reading.serial if reading else "no reading yet", "rows": rows,
                 "valve": self._host.facts().get("valve", "\u2013")}  # fmt: skip
        return self._page(request, "Live", "live.html", slots)

    def _data(self, request):
        text = live.pieces(self._host.reading(), self._host.facts(), self._host.now())
        return Response(text, 200, {"Content-Type": _JSON})

    # -- login --

    def _login(self, request, text="", status=200):
        return self._page(request, "Log in", "login.html", {"text": text}, status)

    def _enter(self, request):
        now = self._host.now()
        wait = self._access.wait_s(now)
        if wait:
            return self._login(request, "Too many tries. Wait %d seconds." % wait, 429)
        password = self._host.settings["setup_password"]
        given = _form_of(request).get("password", "")
        if not password or not self._access.is_password(given, password, now):
            return self._login(request, "This is not the password.", 403)
        cookie = "session=%s; Path=/; HttpOnly; SameSite=Strict" % self._access.open_session(now)
        return Response("", 303, {"Location": "/", "Set-Cookie": cookie})


def _form_of(request):
    """{name: text} of a form; {} if it is none, or no text."""
    try:
        return request.form or {}
    except (ValueError, IndexError):  # UnicodeError, too; a % without digits
        return {}


def _json(value, status=200):
    return Response(json.dumps(value), status, {"Content-Type": _JSON})


def _static(name, kind):
    def send(request):
        headers = {"Content-Type": kind, "Content-Encoding": "gzip",
                   "Cache-Control": "max-age=604800"}  # fmt: skip
        return Response(open(FOLDER + name + ".gz", "rb"), 200, headers)

    return send
