# uMeter - impulse meter: counts, keeps the count over power cuts, makes Readings
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

from firmware.meters.counters import Counters
from firmware.meters.impulse import Impulse
from firmware.reading import Reading

_LOOK_MS = const(100)  # how well a pulse's time is known
_READING_MS = const(1000)
_SAVE_S = const(8)  # 10 s is the most that a power cut may cost, a stall of the loop included
_HOURS_S = const(600)  # so often the hours of operation are kept when no pulse comes


class ImpulseMeter:
    """counter: value() grows with each pulse. store: a Tally. reading: Wh or litres.

    A reading other than the one that the stored count belongs to is that of now. Other pulses per
    unit hold from now on. Both begin a new count, on top of what the old one came to.
    """

    push = True

    def __init__(self, counter, store, clock, serial, pulses_per_unit, reading=0, water=False):
        saved = store.load() or (0, 0, reading, reading, pulses_per_unit)
        count, seconds, base, self._reading, per_unit = saved
        self._core = Impulse(pulses_per_unit, base, water, count, seconds)
        self._counter = counter
        self._look_ms = getattr(counter, "look_ms", _LOOK_MS)
        self._store = store
        self._clock = clock
        self.serial = serial
        self._seen = counter.value()
        self._started = seconds - clock.uptime()
        self._saved = self._told()  # None: something is not kept yet
        self._saved_at = clock.uptime()
        self.counters = Counters()
        if self._reading != reading:
            self.begin_anew(reading)
        elif per_unit != pulses_per_unit:
            self._core.begin_anew(base + count * 1000 // per_unit)
            self.save()

    @property
    def count(self):
        """Pulses since the count began."""
        return self._core.count

    async def read(self):
        """-> Reading, one each second."""
        for _ in range(_READING_MS // self._look_ms):
            await asyncio.sleep_ms(self._look_ms)
            self._count()
        uptime = self._clock.uptime()
        self._core.seconds = self._started + uptime
        age = uptime - self._saved_at
        if age >= _HOURS_S:
            self.save()
        elif age >= _SAVE_S:
            self.keep()
        self.counters.good += 1
        values = self._core.values(self._clock.uptime_ms())
        return Reading("impulse", self.serial, uptime, values, notes=self._notes())

    def _count(self):
        value = self._counter.value()
        if value != self._seen:
            self._core.add(value - self._seen, self._clock.uptime_ms())
            self._seen = value

    def _notes(self):
        """Said, because a pulse_ms that does not fit the meter makes it count nothing."""
        lengths = getattr(self._counter, "lengths", None)
        if not lengths or lengths.refused == self.counters.bad:
            return ()
        self.counters.bad = lengths.refused
        return ("pulses refused, of a length that pulse_ms does not want",)

    def _told(self):
        """What a reading tells of it."""
        return self._core.count, self._core.seconds // 3600

    def keep(self):
        """Before a reading is published: a power cut must not take back what servers know."""
        if self._told() != self._saved:
            self.save()

    def save(self):
        """Keeps what was counted up to now. False: the flash does not; read() tries again."""
        self._count()
        core = self._core
        core.seconds = self._started + self._clock.uptime()
        kept = self._store.save(core.count, core.seconds, core.base, self._reading, core.per_unit)
        self._saved = self._told() if kept else None
        self._saved_at = self._clock.uptime()
        return kept

    def begin_anew(self, reading):
        """Its display shows this now, in Wh or litres. Settings keep it first: see __init__."""
        self._count()
        self._reading = reading
        self._core.begin_anew(reading)
        self.save()
