# uMeter - heartbeats: when the watchdog is fed, and what is told once
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import asyncio
import sys
import time


class Flags:
    METER = "none"


sys.modules["config"] = Flags

from firmware.app.heart import Heart  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402


class Beating(Heart):
    """fed: uptimes; told: texts; settled: uptimes."""

    def __init__(self):
        clock = self.clock = Clock(time.ticks_ms, time.ticks_diff)
        self.fed, self.told, self.settled = [], [], []
        super().__init__(clock, Log(clock, write=str), lambda: self.fed.append(clock.uptime()))
        self.on_stuck = self.told.append
        self.on_settled = lambda: self.settled.append(clock.uptime())


async def test_a_start_is_a_good_one_once():
    heart = Beating()
    task = asyncio.create_task(heart.run())
    await asyncio.sleep(3600)
    task.cancel()
    assert len(heart.settled) == 1 and 300 <= heart.settled[0] <= 304, heart.settled
    assert not heart.told and len(heart.fed) >= 1700


async def test_a_task_that_stays_away_is_told_each_time_and_feeds_nobody():
    heart = Beating()
    heart.watch("one", 100)
    heart.watch("other", 1000)
    task = asyncio.create_task(heart.run())
    await asyncio.sleep(190)
    assert heart.told == ["the task one is stuck"]
    assert 98 <= heart.fed[-1] <= 102, heart.fed[-1]
    heart.beat("one")
    await asyncio.sleep(50)
    assert heart.fed[-1] >= 236 and len(heart.told) == 1
    await asyncio.sleep(100)
    assert heart.told == ["the task one is stuck"] * 2
    task.cancel()


async def test_each_step_of_a_followed_task_is_a_beat():
    heart = Beating()

    async def steps():
        while True:
            await asyncio.sleep(90)

    tasks = [asyncio.create_task(heart.follow("it", steps(), 100))]
    tasks.append(asyncio.create_task(heart.run()))
    await asyncio.sleep(2000)
    assert not heart.told and heart.fed[-1] >= 1990
    tasks[0].cancel()
    await asyncio.sleep(200)
    assert heart.told == ["the task it is stuck"]
    tasks[1].cancel()
