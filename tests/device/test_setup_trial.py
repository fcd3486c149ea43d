# uMeter - a form whose settings the flash does not take: nothing has changed, and it is told
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import asyncio
import sys
import time


class Flags:
    METER = "kmp"


sys.modules["config"] = Flags

from firmware.app.trial import Trial  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402


class Settings(dict):
    works = False

    def keep(self, changes):
        if self.works:
            self.update(changes)
        return self.works


class Wifi:
    connected = True
    ssid = "new"
    address = "192.168.1.77"
    again = 0

    async def try_network(self, ssid, password, seconds, changes):
        return "connected"

    def reconnect(self):
        self.again += 1


class App:
    class setup:
        open = False

    def __init__(self):
        self.clock = Clock(time.ticks_ms, time.ticks_diff)
        self.lines = []
        self.log = Log(self.clock, write=self.lines.append)
        self.settings = Settings(ssid="old", password="", broker_host="", ip="",
                                 netmask="", gateway="", dns="")  # fmt: skip
        self.wifi = Wifi()
        self.told = []

    def saved(self, *what):
        """As the portal does."""
        self.told.append(what)


async def test_the_flash_does_not_take_it():
    app = App()
    trial = Trial(app, app, {"ssid": "new", "password": "correct horse"})
    await asyncio.sleep(1)
    report = trial.report()
    assert (report["state"], report["reason"]) == ("failed", "flash")
    assert "horse" not in str(report)
    assert app.settings["ssid"] == "old" and app.wifi.again == 1 and not app.told
    assert not app.lines
    app.settings.works = True
    trial.save_anyway()
    assert trial.report()["state"] == "saved" and app.settings["ssid"] == "new"
    assert app.told and app.lines


async def test_what_is_no_network_does_not_end_the_link():
    app = App()
    trial = Trial(app, app, {"broker_host": "broker"})
    assert trial.report()["state"] == "failed" and app.settings["broker_host"] == ""
