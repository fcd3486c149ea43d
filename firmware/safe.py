# uMeter - the safe mode: the set-up network, its pages and the console
# MIT license; Copyright (c) 2026 The uMeter authors

# The valve stays as it was and nothing reads the meter. It ends with a power cycle, when something
# is saved on the pages, with Ctrl-C and Ctrl-D at the console, and after an hour: what has failed
# may have been outside, and a device in a cellar has to come back by itself.

import asyncio
import os
import sys
import time
from micropython import const

import config
import firmware


class _Folder:
    """Stands for the package firmware.app, whose own code may be what is broken."""

    __path__ = firmware.__path__ + "/app"


if "firmware.app" not in sys.modules:
    sys.modules["firmware.app"] = _Folder

from firmware.app.heart import Heart  # noqa: E402
from firmware.app.setup import Setup  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402
from firmware.net.access_point import AccessPoint  # noqa: E402
from firmware.net.wifi import Wifi  # noqa: E402
from firmware.store.schema import setting_rows  # noqa: E402
from firmware.store.settings import Settings, state_rows  # noqa: E402

_OPEN_S = const(3600)
_IDLE_S = const(300)  # so long the pages must have rested then
_LOOK_S = const(1)


class _Nobody:
    """In the place of publisher, session and meter."""

    serial = latest = meter = None
    connected = rests = False

    def restart(self):
        """A session with the broker begins with the next start."""


class Safe:
    """What the set-up network and its pages ask of the app, and nothing that reads a meter."""

    def __init__(self, board, clock, log):
        self.board = board
        self.clock = clock
        self.log = log
        self.settings = self._stored("/data/settings", lambda: setting_rows(config))
        self.state = self._stored("/data/state", state_rows)
        self.publisher = self.session = _Nobody()
        self.meter = _Nobody()
        self.valve = None
        self.power = True  # the lamp shows the window only, as where a meter feeds the board
        if config.METER == "impulse":
            self.meter.meter = self._part("meter", self._make_meter)
        else:
            self.valve = self._part("valve", self._make_valve)
        self.heart = Heart(clock, log, board.feed_watchdog)
        self.wifi = Wifi(board, self.settings, self.state, clock, log)
        self.wifi.on_scan = self._scanned
        self.access_point = AccessPoint(board.access_point(), log)
        self.wifi.has_guests = self.access_point.has_guests
        self.setup = Setup(self)
        self.panel = self._part("lamp and button", self._make_panel)

    def _stored(self, path, rows):
        """Settings; files that cannot be read are set aside, not lost."""
        try:
            return Settings(path, rows, self.log)
        except Exception as error:
            self.log.event("safe", "%s is set aside: %s" % (path, type(error).__name__))
            for end in ("", ".new", ".old"):
                try:
                    os.rename(path + end, path + end + ".bad")
                except OSError:
                    continue  # there is none
            return Settings(path, rows, self.log)

    def _part(self, name, make):
        """What is good to have; it may be the one that fails."""
        try:
            return make()
        except Exception as error:
            self.log.event("safe", "no %s: %s" % (name, type(error).__name__))
            return None

    def _make_valve(self):
        """Drives the outputs as they were."""
        from firmware.app.valve import Valve

        return Valve(self.board, self.settings, self.state, self.clock, self.log, lambda *_: None)

    def _make_meter(self):
        """For the pages: a new reading begins a new count. The counter counts by itself."""
        from firmware.app.meters import make_meter

        return make_meter(self.board, self.clock, self.log, self.settings)

    def _make_panel(self):
        """For factory settings, if it is the settings that fail."""
        from firmware.app.panel import Panel

        return Panel(self)

    def model(self):
        return "%s-%s-%s" % (self.board.platform(), config.VERSION, config.MODEL)

    def _scanned(self, networks):
        self.setup.take_scan(networks)

    def extend(self):
        """The window is over: no network of our own."""
        self.access_point.stop()

    async def main(self):
        """Until it is over."""
        loop = asyncio.get_event_loop()
        loop.set_exception_handler(self._task_failed)
        self.setup.start(_OPEN_S)
        self._greet()
        parts = self.heart, self.setup, self.wifi, self.settings, self.state, self.panel
        for part in parts:
            if part:
                asyncio.create_task(part.run())
        while not self._is_over():
            await asyncio.sleep(_LOOK_S)
        self._leave()

    def _greet(self):
        say = self.log.event
        say("safe", "SAFE MODE after %d starts that failed" % (self.board.failures - 1))
        self._part("crash log", _tell)
        say("safe", "join %s, open http://192.168.4.1/" % self.setup.ssid())
        say("safe", "or press Ctrl-C for the console; a power cycle tries the app again")

    def _is_over(self):
        if not self.setup.open:
            return True
        portal = self.setup.portal
        late = self.clock.uptime() >= _OPEN_S
        return late and (portal is None or portal.idle_s() > _IDLE_S)

    def _leave(self):
        if self.meter.meter:
            self.meter.meter.save()
        self.settings.save()
        self.state.save()
        self.log.event("safe", "ends, the app gets another try")
        self.board.restart()

    def _task_failed(self, loop, context):
        """The others go on: any way in is better than none."""
        self._part("crash log", lambda: self._keep(context["exception"]))

    def _keep(self, error):
        from firmware.crash import keep

        keep(error, self.clock.uptime(), (self.settings, self.state))


def _tell():
    from firmware.crash import told

    print(told(), end="")


def run(board, stores):
    """Never returns. stores: gets the settings in use."""
    clock = Clock(time.ticks_ms, time.ticks_diff)
    safe = Safe(board, clock, Log(clock, config.DEBUG))
    stores += safe.settings, safe.state
    asyncio.run(safe.main())
