# uMeter - timed jobs on the small engine: the same due times, a week of virtual time, a flat heap
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 160k

import asyncio
import gc
import time

from firmware.clock import Clock
from firmware.control.cron import next_run
from firmware.control.cron_query import parse
from firmware.control.cron_runner import CronRunner
from firmware.control.timezone import Timezone, date_of, days_of
from firmware.log import Log

COPENHAGEN = "CET-1CEST,M3.5.0,M10.5.0/3"
START = 1792792800  # 2026-10-24 00:00 in Copenhagen, the night before clocks go back


def test_calendar():
    for days in range(0, 40000, 37):
        assert days_of(*date_of(days)) == days


def test_changes_of_clocks():
    zone = Timezone(COPENHAGEN)
    night = parse("minute=30&hour=2&command=open")
    assert next_run(night, zone, 1774659600) == 1774661400
    assert next_run(night, zone, 1774661400) == 1774746000  # left out: at the hour's end
    assert next_run(night, zone, START) == START + 9000
    assert next_run(night, zone, START + 9000) == START + 86400 + 9000  # the first of two
    assert next_run(night, zone, START + 86400 + 9000) == START + 2 * 86400 + 3600 + 9000


def test_malformed_query():
    for text in ("minute=60&command=open", "command=fly", "hour=\u0663&command=open", "x"):
        try:
            parse(text)
        except ValueError as error:
            assert "=" in error.args[0]
            continue
        raise AssertionError(text)


def test_a_week_of_sixteen_jobs():
    clock = Clock(time.ticks_ms, time.ticks_diff)
    clock.set(START)
    jobs = ["minute=%d&hour=%d&command=open" % (i, i) for i in range(14)]
    jobs += ["minute=*/15&command=close", "minute=30&hour=2&command=off"]
    settings = dict(cron_jobs=jobs, cron_most=16, timezone=COPENHAGEN)
    ran, used = [], []

    def run(name, text):
        assert clock.now() % 60 < 6, clock.now()
        ran.append(name)
        return True

    runner = CronRunner(settings, dict(cron_done=0), clock, Log(clock, write=len), run, "UTC0")

    async def main():
        task = asyncio.create_task(runner.run())
        for _ in range(7):
            await asyncio.sleep(86400)
            gc.collect()
            used.append(gc.mem_alloc() - 4 * len(ran))
        task.cancel()

    asyncio.run(main())
    counts = [ran.count(name) for name in ("open", "close", "off")]
    # Midnight was over at the start; an hour came twice; the last minute belongs to the next.
    assert counts == [14 * 7 - 1, 7 * 96 - 4 - 1, 7], counts
    assert max(used[1:]) - min(used[1:]) < 8192, used  # the list of what ran grows in steps
