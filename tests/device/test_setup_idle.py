# uMeter - how long the pages stay in the heap once nobody asks for them any more
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import asyncio
import sys
import time

import world


class Flags:
    METER = "p1"
    DEBUG_SHORT_WEB_CONFIG_TIME = False


sys.modules["config"] = Flags

from firmware.app.setup import Setup  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402


class Portal:
    trying = False

    def __init__(self, clock):
        self._clock = clock
        self.used = clock.uptime()
        self.ended = 0

    def serve(self, door):
        pass

    def idle_s(self):
        return self._clock.uptime() - self.used

    def end(self):
        self.ended = self._clock.uptime()


class Settings(dict):
    def forget_checks(self):
        pass


class App:
    """As much of it as a loaded portal needs; it is in its network, no window is open."""

    class board:
        reset_reason = 4

    class wifi:
        connected = True

    class meter:
        rests = False
        meter = None

    def __init__(self):
        self.clock = Clock(time.ticks_ms, time.ticks_diff)
        self.settings = Settings(ssid="home")
        self.log = Log(self.clock, write=lambda line: None)

    def make_meter(self):
        return "a new one"


async def stays(rests):
    """Seconds from the last request to the end of the pages."""
    world.config["ports"] = {"80": 0}
    app = App()
    app.meter.rests = rests
    setup = Setup(app)
    portal = setup.portal = Portal(app.clock)
    task = asyncio.create_task(setup.run())
    await asyncio.sleep(50)
    portal.used = app.clock.uptime()
    await asyncio.sleep(600)
    task.cancel()
    assert setup.portal is None
    return app, portal.ended - portal.used


async def test_for_a_while():
    assert 300 <= (await stays(False))[1] <= 302


async def test_not_for_long_where_the_meter_rests():
    app, seconds = await stays(True)
    assert 60 <= seconds <= 62
    assert not app.meter.rests and app.meter.meter == "a new one"


async def test_a_meter_that_finds_no_room_again_restarts_the_device():
    """The heap may be short of it, or the UART's driver, which says so with OSError."""
    for error in (MemoryError(), OSError(12, "ESP_ERR_NO_MEM")):
        app = App()
        app.meter.rests = True
        restarts = []

        def fail(error=error):
            raise error

        app.make_meter = fail
        app.settings.save = lambda: None
        app.board.restart = lambda restarts=restarts: restarts.append(1)
        Setup(app)._unload()
        assert restarts == [1]


def test_pages_without_room_for_their_name_server_are_given_back():
    class Crowded(Portal):
        def __init__(self, app):
            Portal.__init__(self, app.clock)

        def open(self, names):
            raise MemoryError

    class Pages:
        Portal = Crowded

    sys.modules["firmware.app.portal"] = Pages
    setup = Setup(App())
    setup.open = True
    setup._load()
    assert setup.portal is None
    assert "firmware.app.portal" not in sys.modules
