# uMeter - anything may happen to the radio, in any order: when it is over we are back in a minute
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 200k
# timeout: 3600

import asyncio
import random

import network
import uos
import world
from _wifi import BARN, HOME, SPARE, House
from _wifi_broker import Broker

ROUNDS = min(int(uos.getenv("UMETER_FUZZ") or 400) // 100, 400)
BACK_S = 60


def drop():
    """The link is gone; nothing where the radio is off, which the driver says with an OSError."""
    if network.WLAN().active():
        network.WLAN().disconnect()


async def disturb(house, broker):
    """One thing, at random."""
    ap = random.choice(world.aps)
    which = random.randrange(9)
    if which == 0:
        ap["up"] = not ap.get("up", True)
    elif which == 1:
        ap["channel"] = random.randrange(1, 14)
    elif which == 2:
        ap["password"] = random.choice(("changed-it", ap["ssid"] + "-pass"))
    elif which == 3:
        ap["dhcp"] = not ap.get("dhcp", True)
    elif which == 4:
        ap["lease"] = not ap.get("lease", True)
    elif which == 5:
        ap["refuses"] = random.choice((0, 2, 5, 15, 201, 203))
    elif which == 6:
        house.wifi.request_scan()
    elif which == 7:
        random.choice((house.wifi.reconnect, house.wifi.restart, drop))()
    else:
        world.config["stations"] = random.choice(([], [(b"phone",)]))
    await asyncio.sleep_ms(random.choice((10, 300, 2000, 9000, 40000)))


def mend(house):
    for ap in world.aps:
        ap.update(up=True, dhcp=True, lease=True, refuses=0, password=ap["ssid"] + "-pass")


async def test_chaos():
    house = House(HOME, BARN, SPARE, networks=[["barn", "barn-pass"]], fallback_ssid="spare",
                  fallback_password="spare-pass")  # fmt: skip
    house.wifi.has_guests = lambda: bool(world.config.get("stations"))
    broker = Broker(house, "home", "barn", "spare")
    await house.start()
    await broker.start()
    for seed in range(ROUNDS):
        random.seed(seed)
        for _ in range(random.randrange(3, 40)):
            await disturb(house, broker)
        mend(house)
        try:
            await broker.hears(BACK_S)
            await broker.has_all()
        except AssertionError as error:
            raise AssertionError("seed %d: %s" % (seed, error))
