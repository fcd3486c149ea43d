# uMeter - timed jobs in the command table
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.app.cron import shown
from firmware.control.commands import ALL, CRON, NOT_KEPT, utf8


def add_rows(add, app):
    """Rows set_cron, clear_cron, cron and cron_list."""
    runner = app.cron.runner
    add("set_cron", lambda text, origin: _add(app, text), utf8, True)
    add("clear_cron", lambda _, origin: _clear(app), changes=True, origins=ALL)
    add("cron", lambda _, origin: str(runner.count))
    add("cron_list", lambda _, origin: _list(runner))


def _add(app, text):
    query = app.cron.runner.parse(text)
    rows = [row for row in app.commands.rows() if row.name == query.name]
    if not rows or not rows[0].origins & CRON:
        raise ValueError("command=%s: not on this device" % query.name)
    rows[0].parse(query.text.encode())
    app.cron.runner.add(text)
    _keep(app)
    return shown(text)


def _clear(app):
    app.cron.runner.clear()
    _keep(app)
    return ""


def _keep(app):
    """Before the answer: what was answered holds after a power cut."""
    if not (app.settings.save() and app.state.save()):
        raise ValueError(NOT_KEPT)


def _list(runner):
    texts = runner.texts()
    if not texts:
        return "jobs=0"
    form = "job=%d&jobs=%d&%s"
    return [
        ("cron_list", form % (number + 1, len(texts), shown(text)))
        for number, text in enumerate(texts)
    ]
