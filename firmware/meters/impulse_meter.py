# uMeter - impulse meter: counts, keeps the count over power cuts, makes Readings
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

from firmware.meters.counters import Counters
from firmware.meters.impulse import Impulse
from firmware.reading import Reading

_LOOK_MS = const(100)  # how well a pulse's time is known
_LOOKS = const(10)  # per Reading
_SAVE_S = const(10)  # at most so much is lost in a power cut


class ImpulseMeter:
    """counter: value() grows with each pulse. store: load() -> (count, seconds), save(both)."""

    push = True

    def __init__(self, counter, store, clock, serial, pulses_per_unit, base=0, water=False):
        count, seconds = store.load()
        self._core = Impulse(pulses_per_unit, base, water, count, seconds)
        self._counter = counter
        self._store = store
        self._clock = clock
        self.serial = serial
        self._seen = counter.value()
        self._started = seconds - clock.uptime()
        self._saved = count
        self._saved_at = clock.uptime()
        self.counters = Counters()

    async def read(self):
        """-> Reading, one each second."""
        for _ in range(_LOOKS):
            await asyncio.sleep_ms(_LOOK_MS)
            self._count()
        uptime = self._clock.uptime()
        self._core.seconds = self._started + uptime
        if uptime - self._saved_at >= _SAVE_S and self._core.count != self._saved:
            self.save()
        self.counters.good += 1
        return Reading(
            "impulse", self.serial, uptime, self._core.values(self._clock.uptime_ms())
        )

    def _count(self):
        value = self._counter.value()
        self._core.add(value - self._seen, self._clock.uptime_ms())
        self._seen = value

    def save(self):
        """Keeps what was counted up to now."""
        self._count()
        self._store.save(self._core.count, self._core.seconds)
        self._saved = self._core.count
        self._saved_at = self._clock.uptime()

    def total(self):
        """Wh or litres, up to now."""
        self._count()
        return self._core.total()

    def begin_anew(self):
        """The count is 0 again: whoever sets a new reading calls this, then restarts."""
        self._count()
        self._core.count = 0
        self.save()
