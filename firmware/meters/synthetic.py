# uMeter - a meter that does not exist, for boards without one
# MIT license; Copyright (c) 2026 The uMeter authors

# Same values as MeterLogger's DEBUG_NO_METER build: an 8-bit sine of the unix minute.

from firmware.meters.counters import Counters
from firmware.reading import Quantity, Reading

# 127 * sin(i * pi / 128) for i from 0 to 64, a quarter of the wave
_QUARTER = (
    b"\x00\x03\x06\x09\x0c\x10\x13\x16\x19\x1c\x1f\x22\x25\x28\x2b\x2e\x31\x33\x36\x39\x3c\x3f"
    b"\x41\x44\x47\x49\x4c\x4e\x51\x53\x55\x58\x5a\x5c\x5e\x60\x62\x64\x66\x68\x6a\x6b\x6d\x6f"
    b"\x70\x71\x73\x74\x75\x76\x78\x79\x7a\x7a\x7b\x7c\x7d\x7d\x7e\x7e\x7e\x7f\x7f\x7f\x7f"
)


def sine(phase):
    """0 to 255 around 128; a whole wave has 256 phases."""
    phase %= 256
    half = phase % 128
    swing = _QUARTER[half if half <= 64 else 128 - half]
    return 128 + swing if phase < 128 else 128 - swing


def values_at(minute):
    """Values of that unix minute, canonical names."""
    p = minute % 256

    def wave(phase, swing):
        return sine(phase) * swing

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
    push = False

    def __init__(self, clock, serial):
        self._clock = clock
        self.serial = serial
        self.counters = Counters()

    async def read(self):
        uptime = self._clock.uptime()
        minute = (self._clock.now() or uptime) // 60
        self.counters.good += 1
        return Reading("kmp", self.serial, uptime, values_at(minute))
