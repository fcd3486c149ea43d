# uMeter - arithmetic of an impulse output: exact counters, power from the pulses' spacing
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.reading import Quantity

_MS_PER_HOUR = 3600000
_WINDOW_MS = 10000  # power is the mean since a pulse this long ago, or since the last one


class Impulse:
    """pulses_per_unit: 1 to 100 000 per kWh or m3. base: Wh or litres at count 0. water: bool.

    count and seconds (of operation) are what has to survive a power cut.
    """

    def __init__(self, pulses_per_unit, base=0, water=False, count=0, seconds=0):
        if not 1 <= pulses_per_unit <= 100000:
            raise ValueError("pulses per unit: 1 to 100000, not %d" % pulses_per_unit)
        self.per_unit = pulses_per_unit
        self.base = base
        self._water = water
        self.count = count
        self.seconds = seconds
        self._pulse_ms = None  # when the last pulse was seen; None: none since the start
        # Pulses that power is measured from, now and soon: (ms, count)
        self._from = self._next = None

    def begin_anew(self, base):
        self.base, self.count = base, 0
        self._pulse_ms = self._from = self._next = None

    def add(self, pulses, now_ms):
        """So many pulses came since the last call."""
        if not pulses:
            return
        before, self.count = self.count, self.count + pulses
        if self._pulse_ms is None:
            self._from = self._next = (now_ms, self.count)
        elif now_ms - self._pulse_ms >= _WINDOW_MS:
            self._from = (self._pulse_ms, before)
            self._next = (now_ms, self.count)
        elif now_ms - self._next[0] >= _WINDOW_MS:
            self._from = self._next
            self._next = (now_ms, self.count)
        self._pulse_ms = now_ms

    def _hourly(self, pulses, ms):
        return pulses * 1000 * _MS_PER_HOUR // (self.per_unit * ms)

    def total(self):
        """Wh or litres. Multiplied before it is divided: no pulse is ever rounded away."""
        return self.base + self.count * 1000 // self.per_unit

    def rate(self, now_ms):
        """W or l/h. Without pulses it sinks: at most what the absence of a pulse allows."""
        if self._from is None or self._pulse_ms <= self._from[0]:
            return 0
        rate = self._hourly(self.count - self._from[1], self._pulse_ms - self._from[0])
        if now_ms <= self._pulse_ms:
            return rate
        return min(rate, self._hourly(1, now_ms - self._pulse_ms))

    def values(self, now_ms):
        """Values of a Reading."""
        hours = Quantity(self.seconds // 3600, 0, "")
        if self._water:
            return {"flow_1": Quantity(self.rate(now_ms), 0, "l/h"),
                    "volume_v1": Quantity(self.total(), -3, "m3"), "hours": hours}  # fmt: skip
        return {"power_1": Quantity(self.rate(now_ms), -3, "kW"),
                "energy_e1": Quantity(self.total(), -3, "kWh"), "hours": hours}  # fmt: skip
