# uMeter - the app's task that sets the clock each hour, when the heap is full
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import asyncio
import sys
import time


class Flags:
    METER = "kmp"
    NO_CRON = True
    DEBUG = False
    VERSION = MODEL = ""


sys.modules["config"] = Flags

from firmware.app import App  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402


class Wifi:
    connected = True


class FullAtTimes(App):
    """The app's task without the rest of it; results: what each try comes to."""

    def __init__(self, results):
        self.clock = Clock(time.ticks_ms, time.ticks_diff)
        self.lines = []
        self.log = Log(self.clock, write=self.lines.append)
        self.wifi = Wifi()
        self.results = list(results)
        self.tries = []

    async def _set_time(self):
        if not self.results:
            raise asyncio.CancelledError
        self.tries.append(self.clock.uptime())
        if self.results.pop(0) == "full":
            raise MemoryError("memory allocation failed, allocating 2048 bytes")
        self.clock.set(1800000000, self.clock.uptime())


async def gaps(results):
    app = FullAtTimes(results)
    try:
        await app._keep_time()
        raise AssertionError("it ended")
    except asyncio.CancelledError:
        pass
    full = [line for line in app.lines if "time: no room to set the clock: memory" in line]
    assert len(full) == results.count("full"), app.lines
    return [b - a for a, b in zip(app.tries, app.tries[1:])]


async def test_a_full_heap_is_tried_again_at_the_next_hour():
    assert await gaps(["set", "full", "set", "set"]) == [3600, 3600, 3600]


async def test_the_first_time_is_tried_again_soon():
    assert await gaps(["full", "full", "set", "full", "set"]) == [60, 60, 3600, 3600]


async def test_a_heap_that_stays_full_is_a_reason_to_restart():
    assert await gaps(["set"] + 10 * ["full"] + ["set"] + 10 * ["full"] + ["set"])
    app = FullAtTimes(11 * ["full"])
    try:
        await app._keep_time()
        raise AssertionError("it ended")
    except MemoryError:
        assert len(app.tries) == 11
