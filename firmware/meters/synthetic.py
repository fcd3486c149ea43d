# uMeter - a meter that does not exist, for boards without one
# MIT license; Copyright (c) 2026 The uMeter authors

# Same values as MeterLogger's DEBUG_NO_METER build: an 8-bit sine of the unix minute.

import math

from firmware.meters.counters import Counters
from firmware.reading import Quantity, Reading

_SINE = bytes([128 + int(127 * math.sin(2 * math.pi * i / 256)) for i in range(256)])


def values_at(minute):
    """Values of that unix minute, canonical names."""
    p = minute % 256

    def wave(phase, swing):
        return _SINE[phase % 256] * swing

    return {
        "temp_t1": Quantity(6500 + wave(p, 1000) // 256, -2, "C"),
        "temp_t2": Quantity(4500 + wave(p + 128, 1000) // 256, -2, "C"),
        "temp_diff": Quantity(1000, -2, "K"),
        "flow_1": Quantity(100 + wave((p + 64) * 7, 50) // 256, 0, "l/h"),
        "power_1": Quantity(150 + wave(p, 100) // 256, -1, "kW"),
        "hours": Quantity(p // 60, 0, "h"),
        "volume_v1": Quantity(p * 100, -2, "m3"),
        "energy_e1": Quantity(p, 0, "kWh"),
    }


class SyntheticMeter:
    def __init__(self, clock, serial):
        self._clock = clock
        self.serial = serial
        self.counters = Counters()

    async def read(self):
        uptime = self._clock.uptime()
        minute = (self._clock.now() or uptime) // 60
        self.counters.good += 1
        return Reading("kmp", self.serial, uptime, values_at(minute))
