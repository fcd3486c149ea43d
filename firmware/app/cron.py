# uMeter - timed jobs in the command table
# MIT license; Copyright (c) 2026 The uMeter authors

from micropython import const

import config
from firmware.control import cron_query
from firmware.control.commands import ALL, CRON, NOT_KEPT, utf8
from firmware.control.cron_runner import CronRunner

_MOST_REPORTS = const(16)


class Cron:
    """Rows set_cron, clear_cron, cron and cron_list; run() is the task."""

    def __init__(self, app):
        self._app = app
        self._reports = []  # of missed runs, until there is a serial to report them for
        self._runner = CronRunner(
            app.settings, app.state, app.clock, app.log, self._obey, config.TIMEZONE
        )
        self._runner.on_missed = self._missed
        self.run = self._runner.run
        add = app.commands.add
        add("set_cron", lambda text, origin: self._add(text), utf8, True)
        add("clear_cron", lambda _, origin: self._clear(), changes=True, origins=ALL)
        add("cron", lambda _, origin: str(self._runner.count))
        add("cron_list", lambda _, origin: self._list())

    def _add(self, text):
        query = cron_query.parse(text)
        rows = [row for row in self._app.commands.rows() if row.name == query.name]
        if not rows or not rows[0].origins & CRON:
            raise ValueError("command=%s: not on this device" % query.name)
        rows[0].parse(query.text.encode())
        self._runner.add(text)
        self._keep()
        return _shown(text)

    def _clear(self):
        self._runner.clear()
        self._keep()
        return ""

    def _keep(self):
        """Before the answer: what was answered holds after a power cut."""
        if not (self._app.settings.save() and self._app.state.save()):
            raise ValueError(NOT_KEPT)

    def _list(self):
        texts = self._runner.texts()
        if not texts:
            return "jobs=0"
        form = "job=%d&jobs=%d&%s"
        return [
            ("cron_list", form % (number + 1, len(texts), _shown(text)))
            for number, text in enumerate(texts)
        ]

    def _obey(self, name, text):
        """Nobody asked, so nobody is answered; the valve tells its moves itself."""
        commands = self._app.commands
        if name not in commands:
            self._app.log.event("cron", "%s: not on this device" % name)
            return
        for _, answer in commands.run(name, text.encode(), CRON):
            if answer.startswith("error: "):
                self._app.log.event("cron", "%s: %s" % (name, answer))

    def _missed(self, text, first, count):
        if len(self._reports) >= _MOST_REPORTS:
            self._reports.pop(0)
        self._reports.append("count=%d&since=%d&%s" % (count, first, _shown(text)))
        self.tell()

    def tell(self):
        """Publish what was missed; call it when the broker has become known, too."""
        publisher = self._app.publisher
        if publisher.serial is not None:
            reports, self._reports = self._reports, []
            for report in reports:
                publisher.reply("cron_missed", report)


def _shown(text):
    """Without the password, of which only the length is told."""
    head, found, password = text.partition("&pwd=")
    if not found or config.ECHO_SECRETS:
        return text
    return "%s&pwd=%d characters" % (head, len(password))
