# uMeter - the Wi-Fi owner in a scripted radio: back within a minute of whatever went wrong
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 200k

import asyncio
import gc

import network
import world
from _wifi import BARN, HOME, NEVER, SPARE, House

BACK_S = 60


async def test_connects_at_once():
    house = await House(HOME).start()
    assert house.wifi.status_word() == "unspecified" and house.wifi.rssi() == 31
    assert await house.joins("home", 2) <= 1
    assert house.wifi.status_word() == "connected" and house.wifi.rssi() == -60
    assert house.wifi.address == "192.168.1.77" and house.wifi.disconnects == 0
    assert network.hostname() == "umeter-c0ffee"
    await house.stays("home", 7200)
    assert len(house.ups) == 1


async def test_wrong_password_then_the_right_one():
    for reason, word in ((202, "auth_fail"), (15, "4way_handshake_timeout")):
        world.config["wrong_key"] = reason
        house = await House(HOME, password="not-this-one").start()
        await asyncio.sleep(600)
        assert not house.wifi.connected
        assert house.wifi.status_word() == word
        house["home"]["password"] = "not-this-one"
        await house.joins("home", BACK_S)
        house.task.cancel()


async def test_vanishing_access_point():
    house = await House(HOME).start()
    await house.joins("home", 5)
    for outage in (1, 5, 17, 60, 333, 7200):
        house.down("home")
        await asyncio.sleep(outage)
        assert not house.wifi.connected
        house.up("home")
        await house.joins("home", BACK_S)
    assert house.wifi.disconnects == 6 and len(house.ups) == 7


async def test_back_within_a_minute_whenever_it_comes():
    """The moment of the return, step by step through a whole round of tries."""
    house = await House(HOME, networks=[["barn", "barn-pass"]], fallback_ssid="spare",
                        fallback_password="spare-pass").start()  # fmt: skip
    longest = 0
    for moment in range(40, 88, 2):
        house.down("home")
        await asyncio.sleep(moment)
        house.up("home")
        longest = max(longest, await house.joins("home", BACK_S))
    print("back after %d s at most" % longest)


async def test_moved_channel():
    house = await House(HOME).start()
    await house.joins("home", 5)
    for channel in (6, 11, 3):
        house["home"]["channel"] = channel
        await asyncio.sleep(1)
        await house.joins("home", 10)
        assert network.WLAN().config("channel") == channel
    assert house.wifi.disconnects == 3


async def test_dhcp_that_never_answers():
    house = await House(dict(HOME, dhcp=False)).start()
    await asyncio.sleep(900)
    assert house.wifi.status_word() == "dhcp_timeout" and house.wifi.disconnects > 10
    house["home"]["dhcp"] = True
    await house.joins("home", BACK_S)


async def test_dhcp_fails_and_another_network_works():
    house = await House(dict(HOME, dhcp=False), BARN, networks=[["barn", "barn-pass"]]).start()
    await house.joins("barn", BACK_S)


async def test_lost_lease():
    house = await House(HOME).start()
    await house.joins("home", 5)
    house["home"]["lease"] = False
    await asyncio.sleep(300)
    assert not house.wifi.connected
    house["home"]["lease"] = True
    await house.joins("home", BACK_S)


async def test_flapping():
    house = await House(HOME).start()
    await house.joins("home", 5)
    for n in range(200):
        house.down("home")
        await asyncio.sleep_ms(700 + 37 * n % 5000)
        house.up("home")
        await asyncio.sleep_ms(900 + 53 * n % 4000)
    await house.joins("home", BACK_S)
    await house.stays("home", 3600)


async def test_flapping_never_starves():
    """Up for half a minute, down for half a minute: it is used most of the time it is there."""
    house = await House(HOME).start()
    seconds = 0
    for _ in range(20):
        for _ in range(30):
            seconds += house.wifi.connected
            await asyncio.sleep(1)
        house.down("home")
        await asyncio.sleep(30)
        house.up("home")
    assert seconds > 20 * 15, seconds


async def test_refused_for_other_reasons():
    for reason in (5, 17, 203, 210):
        house = await House(dict(HOME, refuses=reason)).start()
        await asyncio.sleep(120)
        assert house.wifi.status_word() != "connected"
        house["home"]["refuses"] = 0
        await house.joins("home", BACK_S)
        house.task.cancel()


async def test_hidden_network():
    house = await House(dict(HOME, hidden=True), SPARE, fallback_ssid="spare",
                        fallback_password="spare-pass").start()  # fmt: skip
    await house.joins("home", 5)
    house.down("home")
    await house.joins("spare", BACK_S)
    house.up("home")
    await house.joins("home", 100)


async def test_an_open_network_and_no_network():
    house = await House({"ssid": "cafe"}, ssid="").start()
    await asyncio.sleep(300)
    assert not house.wifi.connected and not house.ups
    house.settings.update(ssid="cafe", password="")
    house.wifi.reconnect()
    await house.joins("cafe", 10)


async def test_static_address_for_its_own_network_only():
    house = await House(dict(HOME, dhcp=False), dict(BARN, ip="10.9.8.7"),
                        networks=[["barn", "barn-pass"]],
                        ip="192.168.1.50", gateway="192.168.1.1").start()  # fmt: skip
    await house.joins("home", 5)
    assert house.wifi.address == "192.168.1.50"
    assert network.WLAN().ifconfig() == ("192.168.1.50", "255.255.255.0", "192.168.1.1",
                                         "192.168.1.1")  # fmt: skip
    house.down("home")
    await house.joins("barn", BACK_S)
    assert house.wifi.address == "10.9.8.7"


async def test_static_address_without_name_server_and_gateway():
    """The driver takes no 0.0.0.0 for a name server."""
    house = await House(dict(HOME, dhcp=False), ip="192.168.1.50", gateway="0.0.0.0").start()
    await house.joins("home", 5)
    assert house.wifi.address == "192.168.1.50"


async def test_name_server_beside_dhcp():
    house = await House(HOME, dns="9.9.9.9", hostname="cellar", country="DK", tx_power=8,
                        power_save=True).start()  # fmt: skip
    await house.joins("home", 5)
    wlan = network.WLAN()
    assert network.ipconfig("dns") == "9.9.9.9" and network.hostname() == "cellar"
    assert wlan.config("txpower") == 8 and wlan.config("pm") == wlan.PM_POWERSAVE
    assert wlan.config("reconnects") == 0
    network.ipconfig(dns="192.168.1.1")  # the lease is renewed
    await asyncio.sleep(10)
    assert network.ipconfig("dns") == "9.9.9.9"


async def test_switched_off_and_on():
    house = await House(HOME).start()
    await house.joins("home", 5)
    house.wifi.switch_off(600)
    await asyncio.sleep(1)
    assert not network.WLAN().active() and house.wifi.is_off and not house.wifi.connected
    await asyncio.sleep(598)
    assert not network.WLAN().active()
    await house.joins("home", 10)
    house.wifi.switch_off(NEVER)
    await asyncio.sleep(7200)
    house.wifi.switch_off(0)
    await house.joins("home", 10)
    assert house.wifi.disconnects == 0


async def test_a_driver_that_fails():
    """Its errors are said; after two minutes of nothing else the app starts anew."""
    house = House(HOME)
    real, house.wifi.wlan = house.wifi.wlan, Broken(OSError("WiFi Out of Memory"))
    await house.start()
    await asyncio.sleep(60)
    assert "WiFi Out of Memory" in house.lines[-1] and not house.wifi.connected
    house.wifi.wlan = real
    await house.joins("home", BACK_S)
    house.down("home")
    house.wifi.wlan = Broken(RuntimeError("Wifi Unknown Error 0x0101"))  # the same before 1.26
    try:
        await asyncio.wait_for(house.task, 130)
        raise AssertionError("it goes on")
    except RuntimeError:
        assert len([line for line in house.lines if "Unknown Error" in line]) > 10, house.lines


class Broken:
    def __init__(self, error):
        self._error = error

    def isconnected(self):
        return False

    def __getattr__(self, name):
        raise self._error


async def test_a_power_that_the_driver_does_not_take():
    house = await House(HOME, tx_power=1).start()
    await house.joins("home", 5)
    assert network.WLAN().config("txpower") == 2


async def test_a_scan_that_fails_is_not_the_last():
    """Whatever a thread ends with: nobody is there to catch it, and the next scan must begin."""
    house = await House(HOME).start()
    await house.joins("home", 5)
    scans = []
    house.wifi.on_scan = scans.append
    station = house.wifi.wlan
    for error in (OSError("STA must be active"), RuntimeError("Wifi Unknown Error 0x0101"),
                  MemoryError()):  # fmt: skip
        house.wifi.wlan = Failing(station, error)
        house.wifi.request_scan()
        await asyncio.sleep(5)
        assert not scans.pop() and not scans
    house.wifi.wlan = station
    house.wifi.request_scan()
    await asyncio.sleep(5)
    assert len(scans) == 1 and scans[0][0][0] == b"home"


class Failing:
    def __init__(self, wlan, error):
        self._wlan, self._error = wlan, error

    def __getattr__(self, name):
        if name == "scan":
            raise self._error
        return getattr(self._wlan, name)


async def test_a_trial_that_takes_too_long_is_none():
    """Who asked was told that it failed: the device is not to stay there nevertheless."""
    house = await House(HOME, BARN).start()
    await house.joins("home", 5)
    world.config["join_ms"] = 4000
    changes = {"ssid": "barn", "ip": "10.0.0.9", "gateway": "10.0.0.1"}
    assert await house.wifi.try_network("barn", "barn-pass", 2, changes) == "handshake_timeout"
    await house.joins("home", BACK_S)
    assert house.wifi.address == "192.168.1.77" and not house.wifi.changes
    await house.stays("home", 600)


async def test_a_trial_that_never_begins():
    """What was to be tried with it is not used for the stored network."""
    house = await House(HOME).start()
    await house.joins("home", 5)
    world.config["scan_ms"] = 14000
    house.wifi.request_scan()
    await asyncio.sleep(2)
    changes = {"ssid": "home", "ip": "10.0.0.9", "gateway": "10.0.0.1"}
    word = await house.wifi.try_network("home", "home-pass", 2, changes)
    assert word == "handshake_timeout"
    await asyncio.sleep(30)
    await house.joins("home", BACK_S)
    assert house.wifi.address == "192.168.1.77", house.lines
    house.down("home")
    await asyncio.sleep(10)
    house.up("home")
    await house.joins("home", BACK_S)
    assert house.wifi.address == "192.168.1.77", house.lines


async def test_heap_stays_flat():
    """What gets into a network is read and freed each time; scans, too."""
    house = await House(HOME, SPARE, fallback_ssid="spare", fallback_password="spare-pass").start()
    house.wifi.on_scan = lambda found: None
    sizes = []
    for _ in range(60):
        house.up("home")
        await asyncio.sleep(70)
        house.wifi.request_scan()
        await asyncio.sleep(3)
        house.down("home")
        await asyncio.sleep(30)
        house.ups.clear()
        house.lines.clear()
        gc.collect()
        gc.collect()
        sizes.append(gc.mem_alloc())
    assert max(sizes[-20:]) <= max(sizes[10:30]) + 256, sizes
