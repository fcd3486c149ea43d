# uMeter - settings: what a full flash did not take is saved once there is room
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 500k

import asyncio
import os

import vfs
from _flash import Flash, mount

from firmware.log import Log
from firmware.store import checks
from firmware.store.settings import Settings

ROWS = [("jobs", checks.list_of(checks.text(200, 1), 16), [], False)]
lines = []


class Uptime:
    def uptime(self):
        return 0


def fill():
    for i in range(100):
        try:
            with open("/flash/filler%d" % i, "wb") as file:
                file.write(b"x" * 2000)
        except OSError:
            return
    raise AssertionError("the flash does not get full")


async def test_recovers_when_there_is_room():
    vfs.mount(mount(Flash(blocks=8)), "/flash")
    settings = Settings("/flash/data/settings", lambda: ROWS, Log(Uptime(), write=lines.append))
    task = asyncio.create_task(settings.run())
    fill()
    settings.update({"jobs": ["y" * 190] * 16})
    await asyncio.sleep(600)
    assert settings.pending and len(lines) == 1 and "cannot save" in lines[0], lines
    os.remove("/flash/filler0")
    os.remove("/flash/filler1")
    await asyncio.sleep(70)
    assert not settings.pending and "saved" in lines[1], lines
    task.cancel()
    again = Settings("/flash/data/settings", lambda: ROWS, Log(Uptime(), write=lines.append))
    assert len(again["jobs"]) == 16
