# uMeter - the app's meter task with a meter that pushes: pace and content of the samples
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import sys
import time


class Flags:
    METER = "han"
    SERIAL = "9999999"


sys.modules["config"] = Flags

from firmware.app.meter import MeterTask  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402
from firmware.meters.errors import BadCheck  # noqa: E402
from firmware.meters.han_latest import Latest  # noqa: E402
from firmware.reading import Quantity, Reading  # noqa: E402


class Pushed:
    """A meter whose readings are made up; None: a damaged telegram."""

    push = True

    def __init__(self, readings):
        self._left = list(readings)
        self.latest = Latest()

    async def read(self):
        await asyncio.sleep(0)
        if not self._left:
            raise asyncio.CancelledError
        found = self._left.pop(0)
        if found is None:
            raise BadCheck("reject fcs")
        self.latest.update(found)
        return found


class Counted(Pushed):
    """Pulses: every reading has all values."""

    def __init__(self, readings):
        super().__init__(readings)
        del self.latest

    async def read(self):
        await asyncio.sleep(0)
        if not self._left:
            raise asyncio.CancelledError
        return self._left.pop(0)


class Beats:
    def beat(self, name):
        pass


def reading(uptime, serial="7210086", **values):
    quantities = {name: Quantity(values[name], 0, "") for name in values}
    return Reading("han", serial, uptime, quantities)


def run(readings, interval=10, before=None, kind=Pushed):
    """(uptimes of the samples, the samples, the task) for these readings."""
    clock = Clock(time.ticks_ms, time.ticks_diff)
    log = Log(clock, write=lambda line: None)
    task = MeterTask(kind(readings), clock, log, {"interval": interval}, Beats())
    samples = []
    taken = []
    task.on_sample = samples.append
    task.on_reading = lambda found: (taken.append(found), before and before(task, found))
    try:
        asyncio.run(task.run())
    except asyncio.CancelledError:
        pass
    assert len(taken) == len([found for found in readings if found and found.serial])
    return [sample.uptime for sample in samples], samples, task


def test_one_sample_in_the_interval():
    uptimes, samples, _ = run([reading(n, p=n) for n in range(5, 66)])
    assert uptimes[0] == 5 and len(uptimes) in (6, 7)
    assert all(9 <= b - a <= 10 for a, b in zip(uptimes, uptimes[1:])), uptimes


def test_a_list_each_ten_seconds_is_a_sample_each_time():
    """Its seconds do not begin with ours: some seem to come a second early or late."""
    times = [5 + 10 * n + (0, 1, 0, -1, 0, 1)[n % 6] for n in range(30)]
    assert run([reading(n, p=n) for n in times])[0] == times


def test_every_second():
    times = list(range(5, 40))
    assert run([reading(n, p=n) for n in times], interval=1)[0] == times


def test_slow_lists_come_at_their_own_pace():
    times = [5, 65, 125, 126, 186]
    assert run([reading(n, p=n) for n in times])[0] == [5, 65, 125, 186]


def test_what_comes_between_samples_is_in_the_next():
    found = [reading(5, p=1), reading(7, p=2, e=100), reading(9, p=3), None, reading(15, p=4),
             reading(25, p=5)]  # fmt: skip
    _, samples, task = run(found)
    shown = [{name: sample.values[name].mantissa for name in sample.values} for sample in samples]
    assert shown == [{"p": 1}, {"p": 4, "e": 100}, {"p": 5}], shown
    assert sorted(task.latest.values) == ["e", "p"]
    assert task.latest.age("e", 30) == 23 and task.latest.age("p", 30) == 5


def test_a_meter_that_tells_all_each_time():
    uptimes, _, task = run([reading(n, p=n) for n in range(5, 40)], kind=Counted)
    assert uptimes == [5, 14, 24, 34] and task.latest.uptime == 39


def test_a_sample_at_once_after_a_connect():
    def connect(task, found):
        if found.uptime == 8:
            task.sample_now()

    uptimes = run([reading(n, p=n) for n in range(5, 40)], before=connect)[0]
    assert uptimes[:2] == [5, 8] and 14 <= uptimes[2] <= 15


def test_nothing_before_the_meter_has_a_name():
    found = [reading(5, None, p=1), reading(9, p=2)]
    uptimes, samples, _ = run(found)
    assert uptimes == [9] and samples[0].values["p"].mantissa == 2


def test_a_full_heap_costs_a_sample_and_is_said_once():
    clock = Clock(time.ticks_ms, time.ticks_diff)
    lines = []
    task = MeterTask(Pushed([reading(n, p=n) for n in range(10, 60, 10)]), clock,
                     Log(clock, write=lines.append), {"interval": 10}, Beats())  # fmt: skip
    samples = []

    def take(sample):
        if sample.uptime in (20, 30):
            raise MemoryError("memory allocation failed, allocating 1234 bytes")
        samples.append(sample.uptime)

    task.on_sample = take
    try:
        asyncio.run(task.run())
    except asyncio.CancelledError:
        pass
    assert samples == [10, 40, 50]
    said = [line.partition("] ")[2] for line in lines if "sample:" in line]
    assert said == ["sample: made", "sample: left out: memory allocation failed, allocating 1234"
                    " bytes", "sample: made"]  # fmt: skip


def test_a_heap_that_stays_full_is_a_reason_to_restart():
    clock = Clock(time.ticks_ms, time.ticks_diff)
    log = Log(clock, write=lambda line: None)
    task = MeterTask(Pushed([reading(n, p=n) for n in range(10, 900, 10)]), clock, log,
                     {"interval": 10}, Beats())  # fmt: skip
    tried = []

    def take(sample):
        tried.append(sample.uptime)
        if len(tried) != 11:
            raise MemoryError

    task.on_sample = take
    try:
        asyncio.run(task.run())
        raise AssertionError("it ended")
    except MemoryError:
        assert len(tried) == 22, tried  # ten, one that found room, eleven
