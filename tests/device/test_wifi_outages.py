# uMeter - a bad radio in front of a broker: back on line within a minute, no sample lost
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 200k

import asyncio

import network
import world
from _wifi import BARN, HOME, SPARE, House
from _wifi_broker import Broker

BACK_S = 60  # after the cause is gone
WITH_SPARE = {"fallback_ssid": "spare", "fallback_password": "spare-pass"}


async def begin(*aps, **settings):
    """A house on line."""
    house = House(*aps, **settings)
    broker = Broker(house, "home", "barn", "spare")
    await house.start()
    await broker.start()
    await broker.hears(BACK_S)
    return house, broker


async def recovers(house, broker, break_it, mend_it, outages=(20, 200, 1200)):
    """Breaks it for some seconds and mends it, several times."""
    for outage in outages:
        break_it()
        await asyncio.sleep(outage)
        mend_it()
        await broker.hears(BACK_S)
    await broker.has_all()


def setter(house, ssid, name, value):
    """f() that sets a property of an access point, and ends what it holds of us."""

    def set_it():
        house[ssid][name] = value
        network.WLAN().disconnect()

    return set_it


async def test_wrong_password():
    house, broker = await begin(HOME)
    for reason in (202, 15):
        world.config["wrong_key"] = reason
        await recovers(house, broker, setter(house, "home", "password", "not-this-one"),
                       setter(house, "home", "password", "home-pass"))  # fmt: skip


async def test_vanishing_access_point():
    house, broker = await begin(HOME)
    await recovers(house, broker, lambda: house.down("home"), lambda: house.up("home"),
                   (1, 7, 31, 118, 122, 600, 1800))  # fmt: skip


async def test_moved_channel():
    house, broker = await begin(HOME)
    for channel in (6, 11, 1):
        house["home"]["channel"] = channel
        await broker.hears(BACK_S)
    await broker.has_all()


async def test_dhcp_that_never_answers():
    house, broker = await begin(HOME)
    await recovers(house, broker, setter(house, "home", "dhcp", False),
                   setter(house, "home", "dhcp", True))  # fmt: skip


async def test_lease_that_ends():
    house, broker = await begin(HOME)

    def lose():
        house["home"]["lease"] = False

    def renew():
        house["home"]["lease"] = True

    await recovers(house, broker, lose, renew)


async def test_many_networks_that_give_no_address():
    """They cost twenty seconds each, and the best one gets its turn in between."""
    names = ["n%d" % n for n in range(4)]
    dead = [{"ssid": name, "password": "12345678", "dhcp": False} for name in names]
    house, broker = await begin(HOME, *(dead + [dict(SPARE, dhcp=False)]), **WITH_SPARE,
                                networks=[[name, "12345678"] for name in names])  # fmt: skip
    house.wifi.has_guests = lambda: True
    for outage in range(60, 160, 7):
        house.down("home")
        await asyncio.sleep(outage)
        house.up("home")
        await broker.hears(BACK_S)
    house.down("home")
    tried = set()
    house.log.event = lambda area, text: tried.add(text.split(": ")[0].split(" ")[-1])
    await asyncio.sleep(600)
    assert {"n0", "n1", "n2", "n3", "spare"} <= tried, tried


async def test_flapping():
    house, broker = await begin(HOME)
    for step in (300, 1700, 5100, 12700):
        for _ in range(30):
            house.down("home")
            await asyncio.sleep_ms(step)
            house.up("home")
            await asyncio.sleep_ms(step * 2 // 3)
        house.up("home")
        await broker.hears(BACK_S)
    await broker.has_all()


async def test_fallback_appears_and_disappears():
    house, broker = await begin(HOME, dict(SPARE, up=False), **WITH_SPARE)
    house.down("home")
    await asyncio.sleep(400)
    house.up("spare")
    await broker.hears(BACK_S)
    assert house.wifi.ssid == "spare"
    for _ in range(3):
        house.down("spare")
        await asyncio.sleep(100)
        house.up("spare")
        await broker.hears(BACK_S)
    house.up("home")
    assert await house.joins("home", 120)
    await broker.hears(BACK_S)
    house.down("spare")
    await house.stays("home", 600)
    await broker.has_all()


async def test_fallback_is_not_used_while_another_works():
    house, broker = await begin(HOME, BARN, SPARE, networks=[["barn", "barn-pass"]], **WITH_SPARE)
    for ssid in ("barn", "spare"):
        house.down("home" if ssid == "barn" else "barn")
        await asyncio.sleep(1)
        assert await house.joins(ssid, BACK_S) < BACK_S
        await broker.hears(BACK_S)
    house.up("barn")
    await house.joins("barn", 150)
    house.up("home")
    await house.joins("home", 700)
    await broker.has_all()


async def test_fallback_that_flaps_with_the_network():
    house, broker = await begin(HOME, SPARE, **WITH_SPARE)
    for n in range(40):
        house.down(("home", "spare")[n % 2])
        await asyncio.sleep(11 + n)
        house.up(("home", "spare")[n % 2])
        await asyncio.sleep(5 + n % 7)
    await broker.hears(BACK_S)
    await house.joins("home", 130)
    await broker.has_all()


async def test_somebody_uses_our_network_meanwhile():
    """Tries mute it, so they are rarer; yet we are back in time."""
    house, broker = await begin(HOME)
    world.config["stations"] = [(b"\x02phone",)]
    house.wifi.has_guests = lambda: bool(network.WLAN(network.WLAN.IF_AP).status("stations"))
    await recovers(house, broker, lambda: house.down("home"), lambda: house.up("home"))


async def test_guests_do_not_hold_us_on_the_fallback():
    house, broker = await begin(HOME, SPARE, **WITH_SPARE)
    house.wifi.has_guests = lambda: True
    house.down("home")
    await house.joins("spare", BACK_S)
    house.up("home")
    await house.joins("home", 700)
    await broker.hears(BACK_S)
    await broker.has_all()


async def test_scans_in_the_middle_of_everything():
    house, broker = await begin(HOME, SPARE, **WITH_SPARE)
    scans = []
    house.wifi.on_scan = scans.append
    for n in range(30):
        house.wifi.request_scan()
        house.down("home") if n % 3 else house.up("home")
        await asyncio.sleep(n)
    house.up("home")
    await house.joins("home", 150)
    await broker.hears(BACK_S)
    house.wifi.request_scan()
    await asyncio.sleep(5)
    assert house.wifi.connected and len(scans) > 10
    assert {found[0] for found in scans[-1]} == {b"home", b"spare"}
    await broker.has_all()


async def test_a_trial_with_a_fixed_address():
    house, broker = await begin(HOME, dict(BARN, dhcp=False))
    way = {"ssid": "barn", "ip": "192.168.1.9", "gateway": "192.168.1.1"}
    assert await house.wifi.try_network("barn", "barn-pass", 30) == "dhcp_timeout"
    assert await house.wifi.try_network("barn", "barn-pass", 30, way) == "connected"
    assert house.wifi.address == "192.168.1.9"
    house.wifi.reconnect()
    await house.joins("home", BACK_S)
    assert house.wifi.address == "192.168.1.77"


async def test_a_trial_of_other_credentials_costs_nothing():
    house, broker = await begin(HOME, BARN)
    word = await house.wifi.try_network("barn", "no-such-pass", 30)
    assert word == "auth_fail"
    await broker.hears(BACK_S)
    assert house.wifi.ssid == "home"
    assert await house.wifi.try_network("barn", "barn-pass", 30) == "connected"
    assert house.wifi.ssid == "barn"
    await broker.hears(BACK_S)
    await broker.has_all()


async def test_new_credentials_that_are_wrong():
    """The network behind which the broker answered is kept, also over a restart."""
    house, broker = await begin(HOME)
    house.wifi.answered()
    assert house.state["joined"] == ["home", "home-pass"]
    house.settings.update(ssid="hone", password="home-pass")
    house.wifi.reconnect()
    await asyncio.sleep(1)
    assert not house.wifi.connected
    await broker.hears(BACK_S)
    assert house.wifi.ssid == "home"
    house.task.cancel()
    network.WLAN().disconnect()
    again = House(HOME, ssid="hone", password="home-pass")
    again.state.update(joined=house.state["joined"])
    await again.start()
    await again.joins("home", BACK_S)
