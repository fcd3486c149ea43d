# uMeter - how often the radio tries, and what it tries first (docs/wifi.md)
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import asyncio
import time

import network
from _wifi import HOME, House


def tries():
    """[(ticks in ms, ssid)] of each try from now on."""
    seen, connect = [], network.WLAN.connect

    def noted(wlan, ssid, *key):
        seen.append((time.ticks_ms(), ssid))
        return connect(wlan, ssid, *key)

    network.WLAN.connect = noted
    return seen


def gaps(seen):
    return [time.ticks_diff(b[0], a[0]) for a, b in zip(seen, seen[1:])]


async def test_guests_are_muted_four_times_a_minute_at_most():
    house = House(HOME, password="not-this-one")
    house.wifi.has_guests = lambda: True
    seen = tries()
    await house.start()
    await asyncio.sleep(600)
    assert len(seen) > 20 and min(gaps(seen)) >= 15000, gaps(seen)
    house.wifi.has_guests = lambda: False
    await asyncio.sleep(60)
    del seen[:]
    await asyncio.sleep(600)
    assert len(seen) > 40 and min(gaps(seen)) >= 1000, gaps(seen)


async def test_a_network_that_held_is_tried_at_once_and_one_that_did_not_after_a_rest():
    house = await House(HOME).start()
    seen = tries()
    for held_s, soonest_ms, latest_ms in (20, 0, 1000), (2, 1000, 10000), (20, 0, 1000):
        await house.joins("home", 60)
        await asyncio.sleep(held_s)
        del seen[:]
        lost = time.ticks_ms()
        house.down("home")
        await asyncio.sleep_ms(300)
        house.up("home")
        while not seen:
            await asyncio.sleep_ms(50)
        waited = time.ticks_diff(seen[0][0], lost)
        assert soonest_ms <= waited <= latest_ms, (held_s, waited)


async def test_the_first_one_gets_its_turn_again_after_a_few_others():
    others = ["one", "two", "three", "four"]
    aps = [dict(HOME, ssid=ssid, dhcp=False) for ssid in ["home"] + others]  # a try takes 12 s
    house = House(*aps, networks=[[ssid, "home-pass"] for ssid in others])
    seen = tries()
    await house.start()
    await asyncio.sleep(600)
    names = [ssid for _, ssid in seen]
    assert set(names) == set(["home"] + others), names
    turns = [i for i, name in enumerate(names) if name == "home"]
    assert max([b - a for a, b in zip(turns, turns[1:])]) <= 3, names
