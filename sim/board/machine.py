# uMeter - module machine of the virtual board
# MIT license; Copyright (c) 2026 The uMeter authors

from time import gmtime as _gmtime, mktime as _mktime
from time import ticks_add as _ticks_add, ticks_diff as _ticks_diff, ticks_ms as _ticks_ms
from umachine import Signal, idle  # noqa: F401

import time as _time
import world as _world
from _pins import Counter, Pin  # noqa: F401
from _uart import UART  # noqa: F401

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
DEEPSLEEP, SLEEP = 4, 2

if not _world.has_pcnt:
    del Counter

_frequency = 160_000_000


def freq(hertz=None):
    global _frequency
    if hertz is None:
        return _frequency
    top = 160_000_000 if _world.chip == "esp32c3" else 240_000_000
    if hertz not in (20_000_000, 40_000_000, 80_000_000, 160_000_000, 240_000_000) or hertz > top:
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _frequency = hertz


def unique_id():
    return _world.unique_id


def reset_cause():
    return _world.reset_cause


def reset():
    _world.restart(HARD_RESET)


def soft_reset():
    _world.restart(SOFT_RESET)


def disable_irq():
    _world.blocked = True
    return 1


def enable_irq(state):
    _world.blocked = False
    _world.pump_irqs()


class WDT:
    """The task watchdog: cannot be stopped; made again it takes the new timeout."""

    _due = None

    def __init__(self, id=0, timeout=5000):
        if id:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        WDT._timeout = timeout
        started = WDT._due is not None
        self.feed()
        if not started:
            _world.after(timeout, WDT._look, None)

    def feed(self):
        WDT._due = _ticks_add(_ticks_ms(), WDT._timeout)

    @staticmethod
    def _look(_):
        left = _ticks_diff(WDT._due, _ticks_ms())
        if left <= 0:
            _world.restart(WDT_RESET)
        # Not longer than 50 ms: a new, shorter timeout must be seen in _time.
        _world.after(min(left, 50 if not _world._events.VIRTUAL else left), WDT._look, None)


class RTC:
    def datetime(self, new=None):
        if new is None:
            ns = _time.time_ns() % 1_000_000_000
            y, mo, d, h, mi, s, wd, _ = _gmtime()
            return (y, mo, d, wd, h, mi, s, ns // 1000)
        y, mo, d, _, h, mi, s, _ = new
        _time._set(_mktime((y, mo, d, h, mi, s, 0, 0)))

    init = datetime

    def memory(self, data=None):
        if data is None:
            return _world.rtc_memory
        if len(data) > 2048:
            raise ValueError("buffer too long")
        _world.rtc_memory = bytes(data)


class Timer:
    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id, **kwargs):
        if not 0 <= id < (2 if _world.chip == "esp32c3" else 4):
            raise ValueError("invalid Timer number")
        self._run = 0
        if kwargs:
            self.init(**kwargs)

    def init(self, *, mode=1, freq=-1, tick_hz=1000, callback=None, period=0):
        if freq > 0:
            period = 1000 // freq
        self._run += 1  # an earlier run finds that it is over
        self._mode, self._period, self._call = mode, period, callback
        _world.after(period, self._fire, self._run)

    def deinit(self):
        self._run += 1

    def _fire(self, run):
        if run != self._run:
            return
        if self._mode:
            _world.after(self._period, self._fire, run)
        if len(_world._queue) < _world.IRQ_DEPTH:
            _world._queue.append((self._call, self, 0))
            _world._kick()


class ADC:
    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3

    def __init__(self, pin, *, atten=0):
        self._pin = pin._id if isinstance(pin, Pin) else pin

    def atten(self, atten):
        return None

    def read_uv(self):
        return _world.config.get("adc_uv", {}).get(str(self._pin), 0)

    def read_u16(self):
        return min(65535, self.read_uv() * 65535 // 3_300_000)


class PWM:
    """Keeps duty and frequency; _world.outputs[pin] is the duty in 1/65535."""

    def __init__(self, pin, freq=5000, duty_u16=0):
        self._pin, self._freq = pin._id, freq
        self.duty_u16(duty_u16)

    def freq(self, hertz=None):
        if hertz is None:
            return self._freq
        self._freq = hertz

    def duty_u16(self, duty=None):
        if duty is None:
            return _world.outputs.get(self._pin, 0)
        _world.output(self._pin, duty)

    def deinit(self):
        _world.output(self._pin, 0)
