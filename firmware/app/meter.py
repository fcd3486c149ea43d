# uMeter - reads the meter for ever
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import gc
from micropython import const

from firmware.meters.errors import MeterError

_CONNECT_SAMPLE_MS = const(1100)  # after a connect; the line then rests from the exchange before
_MOST_FULL = const(10)
_SIGN_S = const(60)  # a pause may be longer than a task may stay away


class MeterTask:
    """Reads for ever; hands over each Reading, and those that are due as samples.

    on_reading: f(reading), every one. on_sample: f(reading), at the pace of the settings.
    rests: the meter's code had to make room, see push.py.
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
        self.task = None  # of run()
        self.rests = False
        self.latest = None  # last Reading, of a meter that pushes with all that came before
        self._full = 0  # samples one after the other for which there was no room
        self._said = self._due = -3600  # uptime of the last sample, and of the next one

    def sample_now(self):
        """The broker is there (again): the next reading is a sample, and comes soon."""
        self._now.set()

    async def run(self):
        self.task = asyncio.current_task()
        while True:
            started = self._clock.uptime()
            self._heart.beat("meter")
            try:
                reading = await self.meter.read()
            except MeterError as error:
                self._log.state("meter", "no reading: ", str(error))
            except asyncio.CancelledError:
                if not self.rests:
                    raise
                from firmware.app.push import free_meters

                free_meters()
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
        self.latest = reading
        if self.on_reading:
            self.on_reading(reading)
        try:
            if self._publish(reading):
                self._log.state("sample", "made")
                self._full = 0
        except MemoryError as error:  # the next one may find room
            self._full += 1
            if self._full > _MOST_FULL:
                raise  # nothing but a restart will make any
            self._log.state("sample", "left out: ", str(error))
            gc.collect()

    def _publish(self, reading):
        """True: it was due, and is a sample now."""
        said = self._said
        lists = None
        if self.meter.push:
            lists = getattr(self.meter, "latest", None)
            if lists:
                self.latest = lists.whole(reading)
            if not self._is_due(reading.uptime) and not self._now.is_set():
                return False
        self._said = reading.uptime
        self._now.clear()
        keep = getattr(self.meter, "keep", None)
        if keep:
            keep()
        gc.collect()  # before it, too: a long sample wants some kB in one piece
        # Lists come at several paces: a sample has what came since the last one.
        self.on_sample(lists.since(reading, said) if lists else reading)
        gc.collect()
        return True

    def _is_due(self, uptime):
        # A meter's list that comes once in the interval may seem to come a second early.
        if uptime + 1 < self._due:
            return False
        interval = self._settings["interval"]
        self._due = (self._due if uptime - self._due < interval else uptime) + interval
        return True

    async def _pause(self, seconds):
        seconds = max(seconds, 1)
        while seconds > 0:
            try:
                await asyncio.wait_for(self._now.wait(), min(seconds, _SIGN_S))
            except asyncio.TimeoutError:
                seconds -= _SIGN_S
                self._heart.beat("meter")
            else:
                self._now.clear()
                await asyncio.sleep_ms(_CONNECT_SAMPLE_MS)
                return
