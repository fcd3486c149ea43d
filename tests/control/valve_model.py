# uMeter - what the valve has to do, written from the specification, not from the firmware
# MIT license; Copyright (c) 2026 The uMeter authors

"""MeterLogger sections 4.3, 6, 7 with the rules of docs/commands.md and docs/cron.md on top.

The model hears what the device hears: messages, readings, answers of time servers, resets. It
says which messages are obeyed, where the valve stands and what is told of it. When a job runs
within its minute is the device's to choose; that it runs, and once, is checked here.
"""

from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

WINDOW = 1800
JUMP = 3600
LATE = 600  # seconds that a job may be late
SLACK = 12  # seconds after the full minute within which an idle device has to begin
ZONE = ZoneInfo("Europe/Copenhagen")
KWH = {"MWh": Fraction(1000), "kWh": Fraction(1), "GJ": Fraction(10**4, 36),
       "Gcal": Fraction(41868, 10000) * 10**4 / 36}  # fmt: skip


class Job:
    def __init__(self, text, minutes, hours, days, command, argument):
        """days: of the week, Monday is 0."""
        self.text = text
        self.fields = minutes, hours, days
        self.command, self.argument = command, argument
        self.ran = 0  # due time of the last run, or until when nothing is to be run

    def is_due(self, unix):
        """The hour that comes twice in autumn counts the first time only."""
        local = datetime.fromtimestamp(unix, ZONE)
        minutes, hours, days = self.fields
        return (not local.fold and local.minute in minutes and local.hour in hours
                and local.weekday() in days)  # fmt: skip


class Model:
    def __init__(self, build):
        self.build = build
        self.valve = False
        self.limit = None  # Wh
        self.jobs = []
        self.done = 0  # newest due time begun, or time at which the newest job was added
        self.newest = 0  # date of the newest accepted message
        self.floor = build  # of the clock
        self.accepted = set()
        self.levels = []  # (ms, level of AC 1), each change; a reset begins anew
        self.told = []  # (status, cause)
        self.positions = []  # (ms, "open" or "close") after each command
        self.obeyed = []
        self.boot(0)

    # -- power and time --

    def boot(self, ms):
        self.ahead = None  # of the truth, seconds; None: the device knows no time
        self.doubt = None
        self.current = self.delta = None
        self.is_known = False  # the meter's serial: without it there is no topic
        self.waiting, self.held = [], []
        self.same_since = None  # unix time by the device from which its clock has run evenly
        for job in self.jobs:
            job.ran = self.done
        self._drive(ms)

    def now(self, truth):
        return None if self.ahead is None else truth + self.ahead

    def hear_time(self, ms, server, unix, truth):
        """A time server's answer."""
        if unix < self.floor:
            return
        now = self.now(truth)
        off = 0 if now is None else unix - now
        if abs(off) > JUMP:
            sure = self.doubt and self.doubt[0] != server and abs(off - self.doubt[1]) <= 10
            if not sure:
                self.doubt = server, off
                return
        self.doubt = None
        if now is None or abs(off) > 1:
            self.ahead = unix - truth
            self.same_since = unix
        self.told += self.held
        self.held = []
        waiting, self.waiting = self.waiting, []
        for message in waiting:
            self._judge(ms, truth, *message)

    # -- messages --

    def hear(self, ms, truth, message):
        """message: (identity, when, function, text)."""
        if self.ahead is None:
            if len(self.waiting) < 8:
                self.waiting.append(message)
        else:
            self._judge(ms, truth, *message)

    def _judge(self, ms, truth, identity, when, function, text):
        now = self.now(truth)
        if not now - WINDOW <= when <= now + WINDOW or identity in self.accepted:
            return
        if when <= self.reset_at:
            return
        self.accepted.add(identity)
        self.newest = max(self.newest, when)
        self.floor = max(self.floor, min(when, now))
        self.obeyed.append(function)
        self.obey(ms, function, text, "command", now)

    reset_at = 0  # high-water of the reset before: nothing older counts any more

    def cut(self):
        self.reset_at = self.newest
        self.ahead = None

    # -- commands --

    def obey(self, ms, function, text, cause, now):
        if function in ("open", "close", "open_until"):
            self.delta = None
        if function in ("open", "close"):
            self._move(ms, function == "open", cause)
        elif function == "open_until":
            self.limit = int(text) * 1000
            self._move(ms, not self._is_reached(), cause)
        elif function == "open_until_delta":
            if self.current is None:
                self.delta = int(text), cause
            else:
                self._add(ms, int(text), cause)
        elif function == "off":
            self._put(ms, 0)
        elif function == "clear_cron":
            self.jobs, self.done = [], 0
        elif function == "set_cron":
            if text.text not in [job.text for job in self.jobs] and len(self.jobs) < 16:
                self.done = max(self.done, now)
                text.ran = now
                self.jobs.append(text)
        else:
            raise ValueError(function)

    def _add(self, ms, kwh, cause):
        self.limit = self.current + kwh * 1000
        self._move(ms, not self._is_reached(), cause)

    def _is_reached(self):
        return None not in (self.limit, self.current) and self.current >= self.limit

    def read(self, ms, mantissa, exponent, unit):
        self.is_known = True
        self.current = int(mantissa * Fraction(10) ** exponent * KWH[unit] * 1000)
        if self.delta:
            (kwh, cause), self.delta = self.delta, None
            self._add(ms, kwh, cause)
        if self.valve and self._is_reached():
            self._move(ms, False, "limit")

    def _move(self, ms, is_open, cause):
        if is_open != self.valve and self.is_known:
            told = self.held if self.ahead is None else self.told
            told.append(("open" if is_open else "close", cause))
        self.valve = is_open
        self.positions.append((ms, "open" if is_open else "close"))
        self._drive(ms)

    def _drive(self, ms):
        self._put(ms, int(self.valve))

    def _put(self, ms, level):
        self.levels.append((ms, level))

    # -- jobs --

    def run_job(self, ms, truth, command, text):
        """The device says that it runs a job: it has to be due, and not to have been run."""
        assert self.ahead is not None, "a job without a clock"
        now = self.now(truth) + 1  # two clocks that are cut to whole seconds
        ready = []
        for place, job in enumerate(self.jobs):
            due = now - now % 60
            while now - due <= LATE + 5 and not (job.is_due(due) and due > job.ran):
                due -= 60
            if (job.command, job.argument or "") == (command, text) and now - due <= LATE + 5:
                ready.append((-due, place, job))
        assert ready, "%s %s is not due at %d" % (command, text, now)
        due, _, job = min(ready)  # the least late: an earlier one was missed then
        job.ran = -due
        self.done = max(self.done, job.ran)
        self.obey(ms, command, job.argument, "cron", now)

    def check_jobs(self, truth):
        """An even clock, and the minute is over: whatever was due has been run."""
        now = self.now(truth)
        if now is None:
            return
        due = now - now % 60
        while now - due < SLACK:
            due -= 60
        for job in self.jobs:
            if due >= self.same_since + 10 and job.is_due(due):
                assert job.ran >= due, "%s was not run at %d" % (job.text, due)
