# uMeter - arithmetic of an impulse output: exact counters, power from the pulses' spacing
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.reading import Quantity

_MS_PER_HOUR = 3600000


class Impulse:
    """pulses_per_unit: 1 to 100 000 per kWh or m3. base: Wh or litres at count 0. water: bool.

    count and seconds (of operation) are what has to survive a power cut.
    """

    def __init__(self, pulses_per_unit, base=0, water=False, count=0, seconds=0):
        if not 1 <= pulses_per_unit <= 100000:
            raise ValueError("pulses per unit: 1 to 100000, not %d" % pulses_per_unit)
        self._per_unit = pulses_per_unit
        self._base = base
        self._water = water
        self.count = count
        self.seconds = seconds
        self._pulse_ms = None  # when the last pulse was seen; None: none since the start
        self._rate = 0  # thousandths of a unit per hour, at that pulse

    def add(self, pulses, now_ms):
        """So many pulses came since the last call."""
        if not pulses:
            return
        self.count += pulses
        if self._pulse_ms is not None and now_ms > self._pulse_ms:
            self._rate = self._hourly(pulses, now_ms - self._pulse_ms)
        self._pulse_ms = now_ms

    def _hourly(self, pulses, ms):
        return pulses * 1000 * _MS_PER_HOUR // (self._per_unit * ms)

    def total(self):
        """Wh or litres. Multiplied before it is divided: no pulse is ever rounded away."""
        return self._base + self.count * 1000 // self._per_unit

    def rate(self, now_ms):
        """W or l/h. Without pulses it sinks: at most what the absence of a pulse allows."""
        if self._pulse_ms is None or now_ms <= self._pulse_ms:
            return self._rate
        return min(self._rate, self._hourly(1, now_ms - self._pulse_ms))

    def values(self, now_ms):
        """Values of a Reading."""
        hours = Quantity(self.seconds // 3600, 0, "")
        if self._water:
            return {"flow_1": Quantity(self.rate(now_ms), 0, "l/h"),
                    "volume_v1": Quantity(self.total(), -3, "m3"), "hours": hours}  # fmt: skip
        return {"power_1": Quantity(self.rate(now_ms), -3, "kW"),
                "energy_e1": Quantity(self.total(), -3, "kWh"), "hours": hours}  # fmt: skip
