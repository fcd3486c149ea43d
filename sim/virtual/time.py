# uMeter - module time in virtual time: it passes when the program sleeps, and in no other way
# MIT license; Copyright (c) 2026 The uMeter authors

# First on the path (sim/virtual:sim/board) it makes asyncio, fakes and firmware run on this
# clock. Real sockets know nothing of it and do not belong here. The C TaskQueue of asyncio stamps
# tasks with the real clock, so asyncio gets the twin in _tasks. ticks_ms() wraps as on the chip.

import sys as _sys
from utime import gmtime as _gmtime
from utime import ticks_add, ticks_diff  # noqa: F401

import _tasks
import _threads

_sys.modules["_asyncio"] = _tasks
_sys.modules["_thread"] = _threads

_MASK = 0x3FFFFFFF
_ticks = 0  # ms, wraps
_us = 0  # 0..999
_second = 0  # since start
_milli = 0
_base = 0  # seconds that the board's clock was ahead of _second at start
_minutes_us = 0  # _second's whole part in ticks_us(), wraps
_events = []  # (due in ticks, function, argument), earliest first


def ticks_ms():
    return _ticks


def ticks_us():
    return (_minutes_us + _milli * 1000 + _us) & _MASK


ticks_cpu = ticks_us


def _pass(ms):
    global _ticks, _second, _milli, _minutes_us
    _ticks = (_ticks + ms) & _MASK
    _milli += ms
    if _milli >= 1000:
        seconds = _milli // 1000
        _milli -= seconds * 1000
        _second += seconds
        _minutes_us = (_minutes_us + seconds % 1000000 * 1000000) & _MASK


def _after(ms, function, argument):
    """Calls function(argument) when the clock has reached `ms` from now."""
    due = ticks_add(_ticks, ms)
    i = len(_events)
    while i and ticks_diff(_events[i - 1][0], due) > 0:
        i -= 1
    _events.insert(i, (due, function, argument))


def _next_event():
    """Milliseconds to the next event of the simulated hardware; None: there is none."""
    return max(0, ticks_diff(_events[0][0], _ticks)) if _events else None


def _advance(ms):
    """Lets `ms` pass; what is due meanwhile happens at its time."""
    while _events:
        step = max(0, ticks_diff(_events[0][0], _ticks))
        if step > ms:
            break
        _pass(step)
        ms -= step
        event = _events.pop(0)
        event[1](event[2])
    _pass(ms)


def sleep_ms(ms):
    if ms > 0:
        _advance(ms)


def sleep(seconds):
    sleep_ms(int(seconds * 1000))


def sleep_us(us):
    global _us
    us += _us
    _us = us % 1000
    _advance(us // 1000)


def _set(seconds):
    global _base
    _base = seconds - _second


def time():
    return _second + _base


def time_ns():
    return time() * 1_000_000_000 + _milli * 1_000_000


def gmtime(seconds=None):
    return _gmtime((time() if seconds is None else seconds) + 946684800)[:8]


localtime = gmtime


def mktime(t):
    y, m = t[0], t[1]
    if m < 3:
        y -= 1
        m += 12
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * m - 457) // 5 + t[2] - 730426
    return ((days * 24 + t[3]) * 60 + t[4]) * 60 + t[5]
