# uMeter - module time of the virtual board: epoch 2000, no libc zone, the clock starts at zero
# MIT license; Copyright (c) 2026 The uMeter authors

import utime as _utime
from utime import sleep, sleep_ms, sleep_us, ticks_add, ticks_cpu, ticks_diff  # noqa: F401
from utime import ticks_ms, ticks_us  # noqa: F401

_base = _utime.time()  # host's time when the board's clock stood at 2000-01-01


def _set(seconds):
    global _base
    _base = _utime.time() - seconds


def time():
    return _utime.time() - _base


def time_ns():
    return _utime.time_ns() - _base * 1_000_000_000


def gmtime(seconds=None):
    return _utime.gmtime((time() if seconds is None else seconds) + 946684800)[:8]


localtime = gmtime


def mktime(t):
    y, m = t[0], t[1]
    if m < 3:
        y -= 1
        m += 12
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * m - 457) // 5 + t[2] - 730426
    return ((days * 24 + t[3]) * 60 + t[4]) * 60 + t[5]
