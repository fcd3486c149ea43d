# uMeter - what only electricity meters that push ask of the app
# MIT license; Copyright (c) 2026 The uMeter authors

# Their decoders and the set-up pages do not fit into the heap together: the meter rests while
# somebody uses the pages.

import asyncio
import gc
import sys
from micropython import const

from firmware import overlay
from firmware.meters.errors import MeterError

_ROOM = const(16384)  # bytes that the longest telegrams take, with what is loaded to read them


class _Resting:
    """In the place of the meter."""

    push = True

    async def read(self):
        await asyncio.sleep(1)
        raise MeterError("it rests while the pages are in use")


def rest(meter_task):
    """Frees the meter's code in a moment."""
    if meter_task.task:
        meter_task.rests = True
        meter_task.meter = _Resting()
        meter_task.task.cancel()


def wake(meter_task, make_meter):
    """The meter is read again. MemoryError: there is no room for it, or for its telegrams."""
    gc.collect()
    meter_task.meter = make_meter()
    gc.collect()
    if gc.mem_free() < _ROOM:
        raise MemoryError
    meter_task.rests = False


def free_meters():
    """All but the errors, which the meter's task catches."""
    names = [name for name in sys.modules if name.startswith("firmware.meters.")]
    names = [name for name in names if name != "firmware.meters.errors"]
    overlay.free("firmware.crypto.gcm", "firmware.crypto.gcm_tables", *names)
    gc.collect()


def line_keeper(log, settings):
    """f(text) that stores how a serial line was found to be set."""

    def found(text):
        log.event("meter", "its line is set to " + text)
        gc.collect()
        settings.update({"han_line": text})
        settings.forget_checks()  # a telegram may be on its way
        gc.collect()

    return found
