# uMeter - timed jobs: what they do, and who hears of those that were missed
# MIT license; Copyright (c) 2026 The uMeter authors

from micropython import const

import config
from firmware.control.cron_runner import CronRunner

_MOST_REPORTS = const(16)
_CRON = const(2)  # control.commands.CRON


class Cron:
    """run() is the task; the rows of the command table are in cron_commands."""

    def __init__(self, app):
        self._app = app
        self._reports = []  # of missed runs, until there is a serial to report them for
        self.runner = CronRunner(
            app.settings, app.state, app.clock, app.log, self._obey, config.TIMEZONE
        )
        self.runner.on_missed = self._missed
        self.run = self.runner.run

    def _obey(self, name, text):
        """Nobody asked, so nobody is answered; the valve tells its moves itself."""
        app = self._app
        try:
            commands = app.commands
        except MemoryError:
            app.log.state("cron", "no room for the commands")
            return False
        if name not in commands:
            app.log.event("cron", "%s: not on this device" % name)
            return True
        try:
            if not commands.keeps(name):
                app.state.save()  # a job that ran is not run again, whatever happens now
            for _, answer in commands.run(name, text.encode(), _CRON):
                if answer.startswith("error: "):
                    app.log.event("cron", "%s: %s" % (name, answer))
        except Exception as error:  # the other jobs are not to blame
            app.note(error)
        return True

    def _missed(self, text, first, count):
        if len(self._reports) >= _MOST_REPORTS:
            self._reports.pop(0)
        from firmware.app.cron_commands import shown  # freed with the command table

        self._reports.append("count=%d&since=%d&%s" % (count, first, shown(text)))
        self.tell()

    def tell(self):
        """Publish what was missed; call it when the broker has become known, too."""
        publisher = self._app.publisher
        if publisher.serial is not None:
            reports, self._reports = self._reports, []
            for report in reports:
                publisher.reply("cron_missed", report)
