# uMeter - factory settings: by command, and by the button for a second after each start
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import time
from micropython import const

from firmware.board import STARTED
from firmware.control.gesture import IDLE, RESET, Gesture

_LOOK_MS = const(50)
_FLASHES = const(6)
_FLASH_MS = const(250)


async def offer(app, light, pressed):
    """Until it is clear that nobody wants them; else the chip restarts.

    light: f(level, True), of the lamp for errors. pressed: f() -> the button is.
    """
    gesture = Gesture(time.ticks_ms())
    found = 0
    while found < IDLE:
        found = gesture.look(pressed(), time.ticks_ms())
        light(found & 1, True)
        await asyncio.sleep_ms(_LOOK_MS)
    if found == RESET:
        await _reset(app, light)


async def _reset(app, light):
    app.log.event("panel", "factory settings")
    erase(app)
    for _ in range(_FLASHES):
        for level in (1, 0):
            light(level, True)
            await asyncio.sleep_ms(_FLASH_MS)
    app.board.restart(STARTED)  # as if by the reset button: the set-up network comes up


def erase(app):
    """All that people have set is gone; the valve, its limit and what guards from replay stay."""
    app.settings.reset()
    app.state.update({"joined": []})
    for _ in range(2):  # the generation before is kept, too
        app.state.pending = True
        app.state.save()
