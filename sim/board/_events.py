# uMeter - the hardware beside the processor, in real time: one thread that runs what is due
# MIT license; Copyright (c) 2026 The uMeter authors

import _thread
import sys
from utime import sleep_ms, ticks_add, ticks_diff, ticks_ms

VIRTUAL = False
TX_CHUNK = 1  # a transmitter's bytes leave one by one where a byte lasts a millisecond or more
_STEP_MS = 4  # longest sleep: no way to wake the thread for an event that was added meanwhile

_pending = []  # (due, function, argument)
_lock = _thread.allocate_lock()
_running = False


def after(ms, function, argument):
    """Calls function(argument) in `ms` from the hardware thread."""
    global _running
    with _lock:
        _pending.append((ticks_add(ticks_ms(), ms), function, argument))
        start = not _running
        _running = True
    if start:
        _thread.start_new_thread(_run, ())


wait = sleep_ms  # of a fake that keeps its caller waiting


def advance(ms):
    raise RuntimeError("real time cannot be advanced; run with sim/virtual first on the path")


def _next(now):
    for i in range(len(_pending)):
        if ticks_diff(_pending[i][0], now) <= 0:
            return _pending.pop(i)
    return None


def _run():
    global _running
    while True:
        with _lock:
            event = _next(ticks_ms())
            if event is None and not _pending:
                _running = False
                return
        if event is None:
            sleep_ms(_STEP_MS if len(_pending) != 1 else _remaining())
            continue
        try:
            event[1](event[2])
        except Exception as error:
            sys.print_exception(error)


def _remaining():
    left = ticks_diff(_pending[0][0], ticks_ms())
    return max(1, min(left, _STEP_MS))
