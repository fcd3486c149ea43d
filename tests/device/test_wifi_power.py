# uMeter - the radio of a board that the meter feeds: on for uploads, off when the voltage is low
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 200k

import asyncio

import machine
import network
import world
from _wifi import HOME, Config, House
from _wifi_broker import Broker

from firmware.net.power import PowerSaver


class Powered(Config):
    PINS = {"vdd": 34}
    VDD_SCALE = 200


def supply(millivolts):
    world.config["adc_uv"] = {"34": millivolts * 500}


class Bench:
    """House and broker with a power saver. on(), off(): counts of half seconds of the radio."""

    def __init__(self):
        self.house = House(HOME)
        self.house.board._config = Powered
        self.broker = Broker(self.house, "home")
        self.saver = PowerSaver(
            self.house.board, self, self.house.wifi, self.house.clock, self.house.log
        )
        self.uploads = 0
        self.seconds_on = 0

    client = property(lambda self: self.broker.client)

    @property
    def task(self):
        return self.broker.task

    @task.setter
    def task(self, task):
        self.broker.task = task

    async def start(self):
        await self.house.start()
        await self.broker.start()
        asyncio.create_task(self.saver.run())
        asyncio.create_task(self._watch())
        return self

    async def _watch(self):
        before = False
        while True:
            on = network.WLAN().active()
            self.uploads += on and not before
            self.seconds_on += on
            before = on
            await asyncio.sleep(1)


async def test_uploads_in_batches():
    supply(3300)
    bench = await Bench().start()
    assert machine.freq() == 80000000 and bench.house.board.supply_mv() == 3300
    await asyncio.sleep(3600)
    assert 5 <= bench.uploads <= 7, bench.uploads
    assert bench.seconds_on < 30 * bench.uploads, bench.seconds_on
    assert bench.broker.farewells == bench.broker.connects == bench.uploads
    await asyncio.sleep(600)
    assert len(set(bench.broker.payloads)) >= 60
    assert not bench.client.counters.dropped


async def test_a_full_queue_does_not_wait():
    supply(3300)
    bench = await Bench().start()
    await asyncio.sleep(60)
    assert not network.WLAN().active()
    for _ in range(21):
        bench.client.publish(b"/sample/v2/7210086/1", bytes(300))
    await asyncio.sleep(5)
    assert network.WLAN().active()


async def test_low_voltage_ends_the_upload_and_delays_the_next():
    supply(3300)
    bench = await Bench().start()
    bench.broker.answers = False
    await asyncio.sleep(3)
    assert network.WLAN().active()
    supply(2900)
    await asyncio.sleep(2)
    assert not network.WLAN().active()
    bench.broker.answers = True
    await asyncio.sleep(1200)
    assert not network.WLAN().active() and not bench.broker.connects
    supply(3000)  # better, not good
    await asyncio.sleep(60)
    assert not network.WLAN().active()
    supply(3150)
    await bench.broker.hears(30)


async def test_a_voltage_of_better_days_does_not_keep_it_off_for_ever():
    supply(3600)
    bench = await Bench().start()
    await asyncio.sleep(60)
    supply(3100)
    await asyncio.sleep(3500)
    assert bench.uploads == 1
    await bench.broker.hears(200)
    await asyncio.sleep(3600)
    assert bench.uploads >= 6


async def test_without_a_pin_it_only_batches():
    bench = Bench()
    bench.house.board._config = Config
    await bench.start()
    assert bench.house.board.supply_mv() is None
    await asyncio.sleep(3600)
    assert 5 <= bench.uploads <= 7, bench.uploads


async def test_broker_away_costs_a_minute_and_a_half_each_time():
    supply(3300)
    bench = await Bench().start()
    bench.broker.answers = False
    await asyncio.sleep(3000)
    assert bench.seconds_on <= 95 * bench.uploads and bench.uploads >= 4
    bench.broker.answers = True
    await bench.broker.hears(700)


async def test_somebody_sets_it_up():
    supply(3300)
    bench = await Bench().start()
    bench.saver.is_busy = lambda: True
    await asyncio.sleep(400)
    assert network.WLAN().active() and bench.uploads == 1
    bench.saver.is_busy = lambda: False
    await asyncio.sleep(10)
    assert not network.WLAN().active()
    bench.saver.is_busy = lambda: True
    await asyncio.sleep(3)
    assert network.WLAN().active()


async def test_start_waits_for_the_capacitor():
    supply(1000)
    bench = Bench()
    for millivolts in range(1000, 3400, 200):
        world.after((millivolts - 1000) * 10, supply, millivolts)
    await bench.saver.charge()
    assert 22 <= bench.house.clock.uptime() <= 30
    supply(2000)
    for n in range(1000):
        world.after(n * 1000, supply, 1000 + n * 100)  # it never ends
    began = bench.house.clock.uptime()
    await bench.saver.charge()
    assert bench.house.clock.uptime() - began <= 60
