# uMeter - runs the timed jobs: each due minute once, or reported as missed
# MIT license; Copyright (c) 2026 The uMeter authors

# Each job's next due time only moves forward, so neither a loop that comes late nor a clock that
# steps back runs a minute twice. `cron_done` in the state is the last due time that was begun,
# or the time of the last new job: written before a job runs, so that a power cut in the middle
# does not run it again. What was due while the device was off or knew no time is reported after
# the start, counted from `cron_done`; it is not run.
#
# The calendar takes 9 kB of the heap. It is there only while due times are looked for.

import asyncio
from micropython import const

from firmware import overlay

_LATE_S = const(600)  # a loop may come so late
_LOOK_S = const(5)
_COUNTED = const(100)  # missed runs of one job; more are not counted


class _Job:
    def __init__(self, text):
        self.text = text
        rest = text.partition("command=")[2]
        self.name, _, self.argument = rest.partition("=")
        self.due = None  # unix second of the next run; None: never
        self.ran = 0  # due time that was run last


class CronRunner:
    """Jobs are query texts in settings["cron_jobs"].

    run: f(name, text) saves the state, then obeys a job's command; both str. False: it could not
    even begin, and is asked again. on_missed: f(text of the job, unix second of the first missed
    run, how many, 100 at most). default_zone: POSIX TZ text that counts while the setting's is
    wrong.
    """

    def __init__(self, settings, state, clock, log, run, default_zone):
        self._settings = settings
        self._state = state
        self._clock = clock
        self._log = log
        self._run = run
        self._default_zone = default_zone
        self._loaded = False  # modules that _rest() frees
        self._calendar = None
        self._zone_text = None  # for which the due times hold
        self.jobs = []  # of _Job; see put_back()
        self._last = 0  # unix second of the last look; 0: the time was not known
        self.on_missed = None
        for text in settings["cron_jobs"]:
            try:
                self.parse(text)
            except ValueError as error:
                log.event("cron", "a stored job is dropped: %s" % error)
            else:
                self.jobs.append(_Job(text))
        self._stored = list(self.jobs)  # as old as cron_done at least

    @property
    def count(self):
        return len(self.jobs)

    def texts(self):
        """The jobs' queries, word for word."""
        return [job.text for job in self.jobs]

    def add(self, text):
        """ValueError when it is malformed or there is no room; then nothing has changed.

        One that is there already is not added again: servers repeat themselves.
        """
        if text in self.texts():
            return
        most = self._settings["cron_most"]
        if self.count >= most:
            raise ValueError("cron_jobs: %d jobs at most" % most)
        self.parse(text)
        job = _Job(text)
        self._settings.update({"cron_jobs": self.texts() + [text]})
        self.jobs.append(job)
        now = self._clock.now()
        if now:
            self._mark(max(now, self._state["cron_done"]))
            self._plan(job, now)

    def clear(self):
        """No jobs, and nothing remembered that keeps new ones from running."""
        self._settings.update({"cron_jobs": []})
        self.jobs = []
        self._mark(0)

    def put_back(self, jobs, done):
        """add() or clear() cannot be kept: what `jobs` and cron_done were before it."""
        self.jobs = jobs
        self._settings.update({"cron_jobs": self.texts()})
        self._mark(done)

    def _mark(self, unix):
        self._state.update({"cron_done": unix})

    def parse(self, text):
        """cron_query.Query; ValueError."""
        self._loaded = True
        from firmware.control import cron_query

        return cron_query.parse(text)

    def _plan(self, job, now):
        text = self._settings["timezone"]
        if self._calendar is None or text != self._zone_text:
            self._loaded = True
            from firmware.control.cron import Calendar

            self._calendar = Calendar(text, self._default_zone)
            if self._calendar.error and text != self._zone_text:
                self._log.event("cron", self._calendar.error)
            self._zone_text = text
        job.due = self._calendar.next_run(job.text, max(now, job.ran))

    def _rest(self):
        self._loaded = False
        self._calendar = None
        overlay.free(
            "firmware.control.cron", "firmware.control.cron_query", "firmware.control.timezone"
        )

    async def look(self):
        """Run and report what has become due since the last look."""
        now = self._clock.now()
        if not now:
            return
        late = _LATE_S
        if not self._last:
            await self._begin(now)
            late = -1  # all that is due by now was missed
        elif now < self._last or self._settings["timezone"] != self._zone_text:
            for job in list(self.jobs):
                self._plan(job, now)
                await asyncio.sleep(0)  # each is a search through the calendar
        self._last = now
        ready = []
        for job in list(self.jobs):
            if job.due is not None and job.due <= now:
                try:
                    due = await self._pass(job, now, late)
                except MemoryError:  # the next look comes back to it
                    self._log.state("cron", "no room for the calendar")
                    continue
                if due:
                    ready.append((due, len(ready), job))
        if ready:
            self._rest()  # commands want the room
        ready.sort(key=lambda entry: entry[:2])
        for due, _, job in ready:
            self._obey(job, due)

    async def _begin(self, now):
        done = self._state["cron_done"]
        if done > now:
            self._log.event("cron", "the clock was at %d before, jobs wait for it" % done)
        for job in list(self.jobs):
            known = job in self._stored and done
            job.ran = max(job.ran, done)
            self._plan(job, known or now)
            await asyncio.sleep(0)

    async def _pass(self, job, now, late):
        """Move the job's due time beyond now. -> the last due time that is to be run; None."""
        ready = first = None
        missed = 0
        while job.due is not None and job.due <= now:
            if now - job.due <= late:
                ready = job.due
            elif missed < _COUNTED:
                first = first or job.due
                missed += 1
            else:
                self._plan(job, max(job.due, now - late - 1))
                continue
            self._plan(job, job.due)
            await asyncio.sleep(0)
        if missed:
            name = job.name
            self._log.event("cron", "%s missed, %d times since %d" % (name, missed, first))
            if self.on_missed:
                self.on_missed(job.text, first, missed)
        return ready

    def _obey(self, job, due):
        if job not in self.jobs:  # cleared by the one before
            return
        before = job.ran, self._state["cron_done"]
        job.ran = due
        self._mark(max(due, before[1]))
        if self._run(job.name, job.argument):
            self._log.event("cron", job.name)
        else:
            job.ran, job.due = before[0], due  # the next look finds it late
            self._mark(before[1])

    async def run(self):
        """For ever."""
        while True:
            try:
                await self.look()
            except MemoryError:
                self._log.state("cron", "no room for the calendar")
            if self._loaded:
                self._rest()
            wait = _LOOK_S
            if self._last:
                for job in self.jobs:
                    if job.due is not None and 0 < job.due - self._last < wait:
                        wait = job.due - self._last
            await asyncio.sleep(wait)
