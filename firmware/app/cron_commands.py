# uMeter - timed jobs in the command table
# MIT license; Copyright (c) 2026 The uMeter authors

import config
from firmware.control.commands import ALL, CRON, NOT_KEPT, utf8


def add_rows(add, app):
    """Rows set_cron, clear_cron, cron and cron_list."""
    add("set_cron", lambda text, origin: _add(app, text), utf8, True)
    add("clear_cron", lambda _, origin: _clear(app), changes=True, origins=ALL)
    add("cron", lambda _, origin: str(len(_texts(app))))
    add("cron_list", lambda _, origin: _list(app))


def _texts(app):
    return app.cron.runner.texts() if app.settings["cron_jobs"] else []


def _add(app, text):
    query = app.cron.runner.parse(text)
    rows = [row for row in app.commands.rows() if row.name == query.name]
    if not rows or not rows[0].origins & CRON:
        raise ValueError("command=%s: not on this device" % query.name)
    argument = rows[0].parse(query.text.encode())
    if query.name.startswith("open_until") and argument < 0:
        raise ValueError("command=%s=%s: below zero it does nothing" % (query.name, query.text))
    _keep(app, lambda: app.cron.runner.add(text))
    app.run_cron()
    return shown(text)


def _clear(app):
    _keep(app, app.cron.runner.clear)
    return ""


def _keep(app, change):
    """Before the answer: what was answered holds after a power cut, or nothing has changed."""
    runner = app.cron.runner
    before = list(runner.jobs), app.state["cron_done"]
    change()
    if not (app.state.save() and app.settings.save()):  # the jobs last: they are what counts
        runner.put_back(*before)
        raise ValueError(NOT_KEPT)


def _list(app):
    texts = _texts(app)
    if not texts:
        return "jobs=0"
    form = "job=%d&jobs=%d&%s"
    return [
        ("cron_list", form % (number + 1, len(texts), shown(text)))
        for number, text in enumerate(texts)
    ]


def shown(text):
    """Without the password, of which only the length is told."""
    head, found, password = text.partition("&pwd=")
    if not found or config.ECHO_SECRETS:
        return text
    return "%s&pwd=%d characters" % (head, len(password))
