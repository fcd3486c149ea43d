# uMeter - the login from the station's side
# MIT license; Copyright (c) 2026 The uMeter authors


def show(site, request, text="", status=200):
    return site.page(request, "Log in", "login.html", {"refresh": "", "text": text}, status)


def enter(site, request, answers):
    """Answer to POST /login; answers: {"password": text}. A right one opens a session."""
    access, now = site.access(), site.host.now()
    wait = access.wait_s(now)
    if wait:
        return show(site, request, "Too many tries. Wait %d seconds." % wait, 429)
    password = site.host.settings["setup_password"]
    if not password or not access.is_password(answers.get("password", ""), password, now):
        return show(site, request, "This is not the password.", 403)
    answer = site.go("/")
    answer.headers["Set-Cookie"] = "session=%s; Path=/; HttpOnly; SameSite=Strict" % (
        access.open_session(now))  # fmt: skip
    return answer
