# uMeter - reads the meter for ever
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import gc
import sys
from micropython import const

from firmware import overlay
from firmware.meters.errors import MeterError

_CONNECT_SAMPLE_MS = const(1100)  # after a connect; the line then rests from the exchange before


class _Resting:
    """In the place of a meter whose code had to make room."""

    push = True

    async def read(self):
        await asyncio.sleep(1)
        raise MeterError("it rests while the pages are in use")


class MeterTask:
    """Reads for ever; hands over each Reading, and those that are due as samples.

    on_reading: f(reading), every one. on_sample: f(reading), at the pace of the settings.
    remake: f() -> the meter, after a rest.
    """

    def __init__(self, meter, clock, log, settings, heart):
        self.meter = meter
        self._clock = clock
        self._log = log
        self._settings = settings
        self._heart = heart
        self._now = asyncio.Event()  # a sample is wanted at once
        self.on_reading = None
        self.on_sample = None
        self.remake = None
        self._task = None
        self._lets_go = False  # the read that is cancelled was that of a meter sent to rest
        self.latest = None  # last Reading, of a meter that pushes with all that came before
        self._said = self._due = -3600  # uptime of the last sample, and of the next one

    def sample_now(self):
        """The broker is there (again): the next reading is a sample, and comes soon."""
        self._now.set()

    @property
    def rests(self):
        return isinstance(self.meter, _Resting)

    def rest(self):
        """Frees the meter's code in a moment; wake() ends that."""
        if self._task and not self.rests:
            self.meter = _Resting()
            self._lets_go = True
            self._task.cancel()

    def wake(self):
        if self.rests:
            gc.collect()  # the code wants its places in one piece
            self.meter = self.remake()

    async def run(self):
        self._task = asyncio.current_task()
        while True:
            started = self._clock.uptime()
            self._heart.beat("meter")
            try:
                reading = await self.meter.read()
            except MeterError as error:
                self._log.state("meter", "no reading: ", str(error))
            except asyncio.CancelledError:
                if not self._lets_go:
                    raise
                self._lets_go = False
                _free_meters()
            else:
                self._take(reading)
                reading = None  # it need not stay until the next one
            if not self.meter.push:
                interval = self._settings["interval"]
                await self._pause(interval - (self._clock.uptime() - started))

    def _take(self, reading):
        if reading.serial is None:
            self._log.state("meter", "a reading, but the meter has not told its name yet")
            return
        self._log.state("meter", "reading %s" % reading.serial)
        for note in reading.notes:
            self._log.state("note", note)
        self.latest = sample = reading
        if self.on_reading:
            self.on_reading(reading)
        if self.meter.push:
            lists = getattr(self.meter, "latest", None)
            if lists:
                self.latest = lists.whole(reading)
            if not self._is_due(reading.uptime) and not self._now.is_set():
                return
            if lists:  # they come at several paces: a sample has what came since the last one
                sample = lists.since(reading, self._said)
        self._said = reading.uptime
        self._now.clear()
        gc.collect()  # before it, too: a long sample wants some kB in one piece
        self.on_sample(sample)
        gc.collect()

    def _is_due(self, uptime):
        # A meter's list that comes once in the interval may seem to come a second early.
        if uptime + 1 < self._due:
            return False
        interval = self._settings["interval"]
        self._due = (self._due if uptime - self._due < interval else uptime) + interval
        return True

    async def _pause(self, seconds):
        self._now.clear()
        try:
            await asyncio.wait_for(self._now.wait(), max(seconds, 1))
        except asyncio.TimeoutError:
            return
        await asyncio.sleep_ms(_CONNECT_SAMPLE_MS)


def _free_meters():
    """All but the errors, which run() catches."""
    names = [name for name in sys.modules if name.startswith("firmware.meters.")]
    names.remove("firmware.meters.errors")
    overlay.free("firmware.crypto.gcm", "firmware.crypto._gcm_fast", *names)
    gc.collect()


def line_keeper(log, settings):
    """f(text) that stores how a serial line was found to be set."""

    def found(text):
        log.event("meter", "its line is set to " + text)
        settings.note("han_line", text)  # in the midst of a push, there is no room for checks

    return found
