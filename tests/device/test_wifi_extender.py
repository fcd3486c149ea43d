# uMeter - our own network: set-up, extender, with and without NAPT
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import network
import world

from firmware.clock import Clock
from firmware.log import Log
from firmware.net import extender
from firmware.net.access_point import AccessPoint

UPLINK = ("192.168.1.77", "255.255.255.0", "192.168.1.1", "192.168.1.1")
OWN = "192.168.4.1"
lines = []


def make():
    wlan = network.WLAN(network.WLAN.IF_AP)
    clock = Clock(lambda: 0, lambda a, b: a - b)
    return wlan, AccessPoint(wlan, Log(clock, write=lines.append))


def test_stock_image_says_that_it_does_not_forward():
    wlan, point = make()
    extender.start(point, "7210086", "secret-word", UPLINK)
    assert wlan.active() and wlan.config("ssid") == "mesh-7210086"
    assert wlan.config("security") == 3 and wlan.config("max_clients") == 8
    assert wlan.ifconfig() == ("10.0.5.1", "255.255.255.0", "10.0.5.1", "192.168.1.1")
    assert not point.forwards and "no NAPT" in lines[-1]
    extender.start(point, "7210086", "secret-word", UPLINK)
    assert len(lines) == 2, lines


def test_image_with_napt_forwards():
    world.config["napt"] = True
    wlan, point = make()
    extender.start(point, "7210086", "secret-word", UPLINK)
    assert point.forwards and wlan.config("napt")
    point.start("KAM_7210086", "setup-word")
    assert not point.forwards
    extender.start(point, "7210086", "secret-word", UPLINK)
    assert point.forwards


def test_follows_the_network_behind():
    wlan, point = make()
    extender.start(point, "7210086", "secret-word", ("10.0.5.7", "", "", "10.0.5.1"))
    assert wlan.ifconfig()[0] == "10.0.6.1" and wlan.ifconfig()[3] == "10.0.5.1"
    extender.start(point, "7210086", "secret-word", UPLINK)
    assert wlan.ifconfig()[0] == "10.0.5.1" and wlan.ifconfig()[3] == "192.168.1.1"


def test_set_up_has_its_own_address_again():
    wlan, point = make()
    extender.start(point, "7210086", "secret-word", UPLINK)
    point.start("KAM_7210086", "setup-word")
    assert wlan.ifconfig() == (OWN, "255.255.255.0", OWN, OWN)
    assert point.has_guests()
    extender.start(point, "7210086", "secret-word", UPLINK)
    assert not point.has_guests()
    world.config["stations"] = [(b"phone",)]
    assert point.has_guests()
    point.stop()
    assert not wlan.active() and not point.has_guests()


def test_what_does_not_change_disturbs_nobody():
    wlan, point = make()
    calls = []
    point._wlan = Recorder(wlan, calls)
    for _ in range(3):
        extender.start(point, "7210086", "secret-word", UPLINK)
    assert calls.count("active") == 1 and calls.count("ifconfig") == 1
    extender.start(point, "7210086", "another-word", UPLINK)
    assert calls.count("active") == 2 and calls.count("ifconfig") == 1


def test_a_driver_that_refuses():
    wlan, point = make()
    point._wlan = Refusing()
    point.start("KAM_7210086", "setup-word")
    assert point.ssid is None and "no network KAM_7210086" in lines[-2] and "stays on" in lines[-1]
    point._wlan = wlan
    point.start("KAM_7210086", "setup-word")
    assert wlan.active() and point.ssid == "KAM_7210086"


def test_no_open_network_is_left_where_the_settings_are_refused():
    """It would be there under the chip's name, and our pages would answer to anybody in it."""
    wlan, point = make()
    point.start("KAM_7210086", "short")  # the driver wants eight characters
    assert point.ssid is None and "no network KAM_7210086" in lines[-1]
    assert not wlan.active() and not point.has_guests()


class Refusing:
    def active(self, on):
        raise RuntimeError("Wifi Unknown Error 0x3001")


class Recorder:
    def __init__(self, wlan, calls):
        self._wlan, self._calls = wlan, calls

    def __getattr__(self, name):
        self._calls.append(name)
        return getattr(self._wlan, name)
