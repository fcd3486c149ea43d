# uMeter - when the set-up network is there, and for how long (docs/portal.md)
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import asyncio
import sys
import time

import world


class Flags:
    METER = "kmp"
    SERIAL = "9999999"
    FLOW_METER = False
    DEBUG_SHORT_WEB_CONFIG_TIME = False


sys.modules["config"] = Flags
world.config["ports"] = {"80": 0, "53": 0}

from firmware.app.setup import Setup  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402

POWER_ON, ORDERED, RESET_BUTTON = 0, 4, 6


class Portal:
    """Loaded, and in use by nobody."""

    trying = False
    open = serve = lambda *_: None

    def idle_s(self):
        return 0

    def close(self):
        return False


class App:
    """As much of it as the window needs: seen has (uptime, name) of each beginning and end."""

    class wifi:
        connected = False

    class meter:
        rests = False

    class publisher:
        serial = "7013412"

    def __init__(self, reason=POWER_ON, ssid="home"):
        self.clock = Clock(time.ticks_ms, time.ticks_diff)
        self.log = Log(self.clock, write=str)
        self.settings = {"ssid": ssid, "setup_password": "twelve words"}
        self.board = self.access_point = self
        self.reset_reason = reason
        self.seen = []
        self.setup = Setup(self)
        self.task = asyncio.create_task(self.setup.run())

    def start(self, ssid, password):
        assert password == "twelve words"
        self.seen.append((self.clock.uptime(), ssid))

    def extend(self):
        self.seen.append((self.clock.uptime(), None))

    async def seen_after(self, seconds):
        await asyncio.sleep(seconds)
        return self.seen


def ends(seen, begin, end, name="KAM_7013412"):
    """Whether it was there once, from begin to end: seconds, with one for the looks between."""
    (began, first), (ended, last) = seen
    return first == name and last is None and 0 <= began - begin <= 1 and 0 <= ended - end <= 1


async def test_two_minutes_after_power_on_and_the_reset_button():
    for reason in POWER_ON, RESET_BUTTON:
        app = App(reason)
        assert ends(await app.seen_after(4000), 0, 120), app.seen
        app.task.cancel()


async def test_not_after_another_reset():
    app = App(ORDERED)
    assert await app.seen_after(4000) == []
    app.task.cancel()


async def test_as_long_as_no_network_is_configured():
    app = App(ORDERED, ssid="")
    assert len(await app.seen_after(4000)) == 1, app.seen
    app.settings["ssid"] = "home"
    assert ends(await app.seen_after(2), 0, 4000), app.seen
    app.task.cancel()


async def test_longer_while_it_is_used():
    app = App()
    await asyncio.sleep(100)
    app.setup.stay()
    await asyncio.sleep(100)
    app.setup.start()  # asked for once more, by command or button
    assert ends(await app.seen_after(1000), 0, 320), app.seen
    app.task.cancel()


async def test_not_cut_off_while_a_form_is_tried():
    app = App()
    portal = app.setup.portal = Portal()
    portal.trying = True
    assert len(await app.seen_after(500)) == 1
    portal.trying = False
    assert ends(await app.seen_after(2), 0, 500), app.seen
    app.task.cancel()


async def test_it_waits_for_the_name_of_the_meter_but_not_for_ever():
    try:
        App.publisher.serial = None
        app = App()
        assert ends(await app.seen_after(500), 12, 132, "KAM_9999999"), app.seen
        app.task.cancel()
        app = App()
        await asyncio.sleep(5)
        App.publisher.serial = "42"
        assert ends(await app.seen_after(500), 5, 125, "KAM_0000042"), app.seen
        app.task.cancel()
    finally:
        App.publisher.serial = "7013412"
