# uMeter - surroundings of the Wi-Fi tests: a scripted radio in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import time

import machine
import world

from firmware.board import Board
from firmware.clock import Clock
from firmware.log import Log
from firmware.net.wifi import Wifi

HOME = {"ssid": "home", "password": "home-pass", "channel": 1, "rssi": -60}
BARN = {"ssid": "barn", "password": "barn-pass", "channel": 6, "rssi": -75}
SPARE = {"ssid": "spare", "password": "spare-pass", "channel": 11, "rssi": -80}
NEVER = 1 << 28


class Values(dict):
    """Settings that nobody saves."""


def defaults(**given):
    values = Values(
        ssid="home", password="home-pass", networks=[], fallback_ssid="", fallback_password="",
        ip="", netmask="255.255.255.0", gateway="", dns="", hostname="", country="", tx_power=0,
        power_save=False,
    )  # fmt: skip
    values.update(given)
    return values


class Config:
    PINS = {}
    INVERTED = ()


class House:
    """A device, and the access points round it: up("home"), down("home") ..."""

    def __init__(self, *aps, **settings):
        world.aps[:] = [dict(ap) for ap in aps]
        self.clock = Clock(time.ticks_ms, time.ticks_diff)
        self.lines = []
        self.log = Log(self.clock, write=self._note_line)
        self.settings = defaults(**settings)
        self.state = Values(joined=[])
        self.ups = []
        self.restarts = []
        world.on_restart = self.restarts.append
        self.board = Board(Config)
        self.wifi = Wifi(self.board, self.settings, self.state, self.clock, self.log)
        self.on_up = None
        self.wifi.on_up = self._note_up
        self.task = None

    def _note_line(self, line):
        self.lines.append(line)
        if len(self.lines) > 50:
            self.lines.pop(0)

    def _note_up(self):
        self.ups.append((self.clock.uptime(), self.wifi.ssid))
        if self.on_up:
            self.on_up()

    def __getitem__(self, ssid):
        for ap in world.aps:
            if ap["ssid"] == ssid:
                return ap

    def up(self, ssid):
        self[ssid]["up"] = True

    def down(self, ssid):
        self[ssid]["up"] = False

    async def start(self):
        self.task = asyncio.create_task(self.wifi.run())
        await asyncio.sleep_ms(0)
        return self

    async def joins(self, ssid, seconds):
        """Seconds until it is there; in time."""
        began = self.clock.uptime()
        while not (self.wifi.connected and self.wifi.ssid == ssid):
            waited = self.clock.uptime() - began
            assert waited <= seconds, "not in %s after %d s: %s" % (ssid, waited, self.lines)
            await asyncio.sleep_ms(100)
        assert not self.restarts
        return self.clock.uptime() - began

    async def stays(self, ssid, seconds):
        for _ in range(seconds * 4):
            assert self.wifi.connected and self.wifi.ssid == ssid, self.lines
            await asyncio.sleep_ms(250)


assert machine.reset_cause() == machine.PWRON_RESET
