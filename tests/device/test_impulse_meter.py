# uMeter - impulse meter on the virtual board, in virtual time: stalls, filter, decay, settings
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# timeout: 1800

import asyncio
import random
import sys
import time

import machine
import uos
import world


class Config:
    PINS = {"pulse": 27}
    INVERTED = ()


sys.modules["config"] = Config

from firmware.app.meter import MeterTask  # noqa: E402
from firmware.board import Board  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402
from firmware.meters.impulse_filter import FilteredCounter  # noqa: E402
from firmware.meters.impulse_meter import ImpulseMeter  # noqa: E402
from firmware.net.sample import sample_text  # noqa: E402

PIN = Config.PINS["pulse"]
PULSES = min(1000000, 10 * int(uos.getenv("UMETER_FUZZ") or 600))  # make soak: a million


class Store:
    """A tally in RAM."""

    def __init__(self, saved=()):
        self.saved = saved
        self.saves = []  # seconds of the first ones

    def load(self):
        return self.saved

    def save(self, *numbers):
        self.saved = numbers
        if len(self.saves) < 200:
            self.saves.append(time.ticks_ms() // 1000)
        return True


def make(window="", store=None, per_unit=1000, reading=0, water=False):
    board = Board(Config)
    counter = FilteredCounter(board, window) if window else board.pulse_counter()
    clock = Clock(time.ticks_ms, time.ticks_diff)
    return ImpulseMeter(counter, store or Store(), clock, "9999999", per_unit, reading, water)


def without_counter():
    """As on an ESP32-C3. Before Board is asked for pulses."""
    if hasattr(machine, "Counter"):
        del machine.Counter


class Source:
    """Pulses that come by themselves: length ms low, then pause ms (a number, or f())."""

    def __init__(self, length, pause, count):
        self._length, self._pause, self.left = length, pause, count
        self.sent = 0
        world.after(1, self._fall, None)

    def _fall(self, _):
        if self.left:
            world.drive(PIN, 0)
            world.after(self._length, self._rise, None)

    def _rise(self, _):
        world.drive(PIN, 1)
        self.left -= 1
        self.sent += 1
        pause = self._pause
        world.after(pause if isinstance(pause, int) else pause(), self._fall, None)


async def last(meter, seconds):
    for _ in range(seconds):
        reading = await meter.read()
    return reading


async def run_with_stalls(meter, source, longest):
    """Reads until all pulses have come; the chip sits in C calls of up to longest ms."""

    async def stalls():
        while source.left:
            world.stall(random.getrandbits(16) % (longest + 1))
            await asyncio.sleep_ms(random.getrandbits(16) % 1000)

    task = asyncio.create_task(stalls())
    while source.left:
        await meter.read()
    await task
    return await last(meter, 2)


async def test_a_counter_loses_nothing_in_stalls():
    random.seed(1)
    meter = make()
    reading = await run_with_stalls(meter, Source(25, 25, PULSES), 2000)
    assert tuple(reading.values["energy_e1"]) == (PULSES, -3, "kWh")


async def test_a_counter_with_filter_loses_nothing_in_stalls():
    random.seed(2)
    meter = make("5-")  # stalls up to 20 ms are not noticed
    source = Source(25, 25, PULSES // 4)
    reading = await run_with_stalls(meter, source, 2000)
    assert reading.values["energy_e1"].mantissa == PULSES // 4
    assert meter._counter.lengths.unmeasured > 0


async def test_without_a_counter_eight_pulses_wait_for_the_end_of_a_stall():
    without_counter()
    random.seed(3)
    meter = make()
    reading = await run_with_stalls(meter, Source(25, 25, PULSES // 4), 400)  # up to 8 pulses
    assert reading.values["energy_e1"].mantissa == PULSES // 4 and world.irq_dropped == 0
    before = meter._core.count
    Source(25, 25, 20)
    world.stall(1000)
    await last(meter, 1)
    assert meter._core.count - before == 8  # of twenty


async def test_without_a_counter_the_filter_takes_four_pulses_in_a_stall():
    without_counter()
    meter = make("80-120")
    Source(100, 150, 12)
    await last(meter, 1)
    world.stall(1000)  # four pulses: eight edges
    await last(meter, 3)
    assert meter._core.count == 12 and meter._counter.lengths.unmeasured in (4, 5)


async def test_the_filter_takes_the_window_only():
    meter = make("80-120")
    for length, more in ((100, 10), (60, 0), (79, 0), (81, 10), (119, 10), (140, 0)):
        before = meter._core.count
        Source(length, 200, 10)
        reading = await last(meter, 5)
        assert meter._core.count - before == more, length
    assert meter.counters.bad == 30 and meter._counter.lengths.length == 140
    assert reading.notes == ()
    Source(30, 200, 1)
    assert "pulse_ms" in (await last(meter, 1)).notes[0]


async def test_chatter_on_both_edges():
    for chip_has_counter in (True, False):
        if not chip_has_counter:
            without_counter()
        meter = make("20-")
        for _ in range(30):
            for _ in range(4):  # within one ms: the interrupts see all of it or less
                world.drive(PIN, 0)
                world.drive(PIN, 1)
            world.drive(PIN, 0)
            await asyncio.sleep_ms(60)
            meter._count()
            for _ in range(7):
                world.drive(PIN, 1)
                world.drive(PIN, 0)
            world.drive(PIN, 1)
            await asyncio.sleep_ms(5)
            meter._count()
            await asyncio.sleep_ms(5)
            for _ in range(20):
                meter._count()
                await asyncio.sleep_ms(10)
        assert meter._core.count == 30, meter._core.count


async def test_samples_of_the_specification():
    meter = make(per_unit=100, reading=1234500)
    assert sample_text(await last(meter, 60)) == "heap=0&effect1=0.000 kW&e1=1234.500 kWh&hr=0&"
    Source(100, 29900, 200)
    reading = await last(meter, 100)
    assert sample_text(reading) == "heap=0&effect1=1.200 kW&e1=1234.540 kWh&hr=0&"
    reading = await last(meter, 3700)
    assert sample_text(reading).endswith("&hr=1&")


async def test_the_power_decays_to_nothing():
    meter = make(per_unit=100000)
    Source(25, 975, 20)
    powers = []
    for _ in range(200):
        powers.append((await meter.read()).values["power_1"].mantissa)
    assert powers[15] == 36 and sorted(powers[20:], reverse=True) == powers[20:]
    assert powers[-1] == 0
    assert sample_text(await meter.read()).startswith("heap=0&effect1=0.000 kW&e1=0.000 kWh")


async def test_a_sample_of_water():
    meter = make(per_unit=1, reading=5000, water=True)
    Source(100, 59900, 3)
    text = sample_text(await last(meter, 122), flow_meter=True)
    assert text == "heap=0&flow1=60000 l/h&v1=8.000 m3&hr=0&"


async def test_saves_at_least_each_ten_seconds():
    store = Store()
    meter = make(store=store)
    start = time.ticks_ms()
    source = Source(25, lambda: 300 + random.getrandbits(12), 100)
    while source.left:
        await meter.read()
        assert source.sent - store.saved[0] < 12 if store.saved else source.sent < 30
    saves = list(store.saves)
    assert len(saves) <= (time.ticks_ms() - start) // 8000 + 1
    assert max(b - a for a, b in zip(saves, saves[1:])) <= 12  # some seconds without pulses
    await last(meter, 12)
    assert store.saved[0] == 100
    count = len(store.saves)
    await last(meter, 570)
    assert len(store.saves) == count  # nothing new, nothing written
    await last(meter, 40)
    assert len(store.saves) == count + 1 and store.saved[1] >= 600  # but for the hours


async def test_what_other_settings_mean():
    store = Store()
    meter = make(store=store, per_unit=600)
    Source(25, 25, 601)
    await last(meter, 40)
    meter.save()
    assert (await make(store=store, per_unit=600).read()).values["energy_e1"].mantissa == 1001
    again = make(store=store, per_unit=100)  # other pulses per unit: the total goes on
    assert again._core.total() == 1001 and store.saved[0] == 0
    assert make(store=store, per_unit=100)._core.total() == 1001
    anew = make(store=store, per_unit=100, reading=7000)  # its display shows 7 kWh now
    assert anew._core.total() == 7000
    Source(25, 25, 3)
    await last(anew, 2)
    assert anew._core.total() == 7030
    anew.begin_anew(7000)  # the same once more, by the page
    assert anew._core.total() == 7000
    assert make(store=store, per_unit=100, reading=7000)._core.total() == 7000


async def test_a_full_flash_is_tried_again():
    store = Store()
    keep = store.save
    meter = make(store=store)
    store.save = lambda *numbers: False
    Source(25, 25, 3)
    await last(meter, 30)
    assert not meter.save() and store.saved == ()
    store.save = keep
    await last(meter, 10)
    assert store.saved[0] == 3


async def test_save_keeps_what_came_up_to_now():
    store = Store()
    meter = make(store=store)
    Source(25, 25, 3)
    await asyncio.sleep_ms(200)
    assert meter.save() and store.saved[0] == 3


class Beats:
    def beat(self, name):
        pass


async def test_a_power_cut_takes_back_nothing_that_a_sample_told():
    """Lives of all lengths up to eight minutes, an hour of operation becomes full in them."""
    source = Source(25, 701, 100000)
    for seconds in range(1, 480, 17):
        store = Store((1000, 3300, 0, 0, 1000))
        meter = make(store=store)
        log = Log(meter._clock, write=lambda line: None)
        task = MeterTask(meter, meter._clock, log, {"interval": 3}, Beats())
        told = []
        task.on_sample = told.append
        running = asyncio.create_task(task.run())
        await asyncio.sleep(seconds)
        running.cancel()  # the power fails
        after = make(store=store)._core.values(0)
        for name in ("energy_e1", "hours"):
            assert all([after[name].mantissa >= sample.values[name].mantissa for sample in told])
        assert len(told) >= seconds // 3 - 1
    source.left = 0
