# uMeter - nothing answers: the radio restarts after two minutes, the chip after a day
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 200k

import asyncio

import machine
import network
import world
from _wifi import HOME, SPARE, Config, House
from _wifi_broker import Broker

from firmware.net.lifeline import Lifeline
from firmware.board import OFFLINE, ORDERED, Board


class Line:
    """What Session tells of its client."""

    def __init__(self, broker):
        self._broker = broker
        self.counters = broker.client.counters

    @property
    def connected(self):
        return self._broker.client.connected


async def begin(*aps, **settings):
    house = House(*aps, **settings)
    broker = Broker(house, "home", "spare")
    house.session = Line(broker)
    house.lifeline = Lifeline(house.session, house.wifi, house.clock, house.log)
    house.days = []
    house.lifeline.on_day = lambda: house.days.append(house.clock.uptime())
    await house.start()
    await broker.start()
    asyncio.create_task(house.lifeline.run())
    return house, broker


def restarts(house):
    """When; of the last ones."""
    return [int(line[1 : line.find("]")]) for line in house.lines if "the radio restarts" in line]


async def leap(seconds):
    """An hour is seven seconds long: in between the loop stands."""
    for _ in range(seconds // 3600):
        world.advance(3593000)
        await asyncio.sleep(7)


async def test_all_is_well():
    house, broker = await begin(HOME)
    await asyncio.sleep(1500)
    assert not restarts(house) and not house.days and house.wifi.disconnects == 0
    assert house.state["joined"] == ["home", "home-pass"]


async def test_pings_are_answers_too():
    house, broker = await begin(HOME)
    await broker.hears(60)
    broker.client.publish = lambda *message: True  # no more samples
    await asyncio.sleep(1000)
    assert not restarts(house)


async def test_broker_that_falls_silent():
    house, broker = await begin(HOME)
    await broker.hears(60)
    broker.answers = False
    silent = house.clock.uptime()
    await asyncio.sleep(1000)
    when = restarts(house)
    assert 100 <= when[0] - silent <= 130, when
    for first, second in zip(when, when[1:]):
        assert 120 <= second - first <= 130, when
    assert house.wifi.disconnects == len(when) == 8
    broker.answers = True
    await broker.hears(60)
    await asyncio.sleep(1000)
    assert len(restarts(house)) == 8
    await broker.has_all()


async def test_radio_is_off_for_six_seconds():
    house, broker = await begin(HOME)
    await broker.hears(60)
    house.wifi.restart()
    await asyncio.sleep_ms(5400)
    assert not network.WLAN().active()
    await house.joins("home", 3)


async def test_a_radio_that_hangs():
    """It says that it is connected, and nothing goes through until it is off and on again."""
    house, broker = await begin(HOME)
    await broker.hears(60)
    ups = len(house.ups)
    stay = broker.stay
    broker.stay = lambda: stay() if len(house.ups) > ups else None
    await asyncio.sleep(130)
    await broker.hears(60)
    assert len(restarts(house)) == 1
    await broker.has_all()


async def test_another_network_gets_its_turn():
    """The broker is not behind the first one any more: the fallback is used, and kept."""
    house, broker = await begin(HOME, SPARE, fallback_ssid="spare", fallback_password="spare-pass")
    await broker.hears(60)
    broker._ssids = ("spare",)
    await asyncio.sleep(200)
    await broker.hears(60)
    assert house.wifi.ssid == "spare"
    await house.stays("spare", 400)
    await broker.has_all()


async def test_a_day_without_an_answer():
    house, broker = await begin(HOME)
    await broker.hears(60)
    broker.answers = False
    silent = house.clock.uptime()
    await asyncio.sleep(10)
    await leap(86400 - 3600)
    await asyncio.sleep(3500)
    assert not house.days
    await asyncio.sleep(150)
    assert [day for day in house.days if abs(day - silent - 86400) < 60], (house.days, silent)


async def test_never_when_nothing_is_configured():
    house, broker = await begin(HOME, ssid="", password="")
    await leap(200000)
    assert not house.days and not restarts(house) and house.wifi.disconnects == 0
    house.session.counters = None  # a network and no broker
    house.settings.update(ssid="home", password="home-pass")
    await house.joins("home", 60)
    await leap(200000)
    assert not house.days and not restarts(house) and house.wifi.disconnects == 0


async def test_not_while_somebody_is_at_the_pages():
    house, broker = await begin(HOME)
    await broker.hears(60)
    broker.answers = False
    house.lifeline.is_busy = lambda: True
    await asyncio.sleep(3000)
    assert not restarts(house)
    house.lifeline.is_busy = lambda: False
    await asyncio.sleep(130)
    assert len(restarts(house)) == 1


def reset(board=None, reason=None):
    """What comes after a reset; board: it restarts itself."""
    if board:
        try:
            board.restart(reason)
        except SystemExit:
            pass
    world.reset_cause = machine.HARD_RESET
    return Board(Config)


def test_reset_reason_is_told_once():
    board = Board(Config)
    assert board.reset_reason == 0
    board.begin()
    board = reset(board, OFFLINE)
    assert board.reset_reason == 7
    board.begin()
    assert reset().reset_reason == 6  # the reset pin
    assert reset(board, ORDERED).reset_reason == 4
    reset(board, OFFLINE)
    world.rtc_memory = bytes((world.rtc_memory[0] ^ 1,)) + world.rtc_memory[1:]
    assert reset().reset_reason == 6


async def test_a_fixed_address_that_is_wrong():
    """It was never answered to: DHCP gets its turn. One that has worked stays."""
    house, broker = await begin(HOME)
    await broker.hears(60)
    stay = broker.stay
    broker.stay = lambda: stay() if house.wifi.address != "192.168.9.9" else None
    house.settings.update(ip="192.168.9.9", gateway="192.168.9.1")
    house.wifi.reconnect()
    await asyncio.sleep(2)
    assert house.wifi.address == "192.168.9.9"
    await asyncio.sleep(150)
    await broker.hears(60)
    assert house.wifi.address == "192.168.1.77"
    broker.stay = stay
    house.settings.update(ip="192.168.1.9", gateway="192.168.1.1")
    house.wifi.reconnect()
    await asyncio.sleep(2)
    await broker.hears(60)
    broker.answers = False
    await asyncio.sleep(700)
    assert house.wifi.address == "192.168.1.9"


async def test_time_of_the_way_is_a_mean():
    house, broker = await begin(HOME)
    await broker.hears(60)
    link, counters = broker.client._link, broker.client.counters
    counters.pongs = 0
    for took, mean in ((20, 20000), (40, 30000), (60, 40000)):
        link._note_pong(took)
        assert counters.ping_us == mean
    for _ in range(1000):
        link._note_pong(8)
    assert 7900 <= counters.ping_us <= 8100
