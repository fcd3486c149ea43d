# uMeter - the web pages in use: the parts that serve them, and what they may ask of the device
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import os
from binascii import hexlify
from micropython import const

import config
from firmware import overlay
from firmware.web.server import Listener
from firmware.web.site import Site

_ADDRESS = "192.168.4.1"  # of an access point; nothing here changes it
_NET = "192.168.4."
_SCAN_S = const(15)  # how old the list of networks may be
_ANSWER_S = const(5)  # until what was set from the station's side holds: the answer goes first


class Portal:
    """No secret leaves it but in settings, whose secret ones the form does not show."""

    def __init__(self, app):
        self._app = app
        self.settings = app.settings
        self._found = ()  # of the last scan
        self._asked = -_SCAN_S  # uptime of our last scan
        self._waits = False  # for a scan
        self._used = app.clock.uptime()
        self._dns = None  # task
        self._served = None  # task of the listener
        self._restart = self._renew = False  # to do when the window closes
        self._trial = None
        self._site = Site(self, hexlify(os.urandom(16)).decode())
        self._listener = Listener(self._site.serve, app.log)

    # -- the set-up window --

    @property
    def trying(self):
        return self.report()["state"] == "testing"

    @property
    def busy(self):
        return self._listener.busy

    def open(self, names):
        """The set-up network begins; names: UDP socket, None if there is none to be had."""
        if names:
            from firmware.web.dns import DnsServer

            self._dns = asyncio.create_task(DnsServer(names, _ADDRESS, self._app.log).run())
        if not self.trying:
            self._forget_trial()  # the last window's outcome is history
        self.look_around()

    def close(self):
        """The set-up network ends. True: the session with the broker has to begin anew."""
        if self._dns:
            self._dns.cancel()
            self._dns = None
            overlay.free("firmware.web.dns")
        if self._restart:
            self._leave()
        renew, self._renew = self._renew, False
        return renew

    def _leave(self):
        app = self._app
        if config.METER == "impulse" and app.meter.meter:
            app.meter.meter.save()
        app.state.save()
        app.board.restart()

    def serve(self, door):
        """door: listening socket."""
        if self._served is None or self._served.done():
            self._served = asyncio.create_task(self._listener.run(door))

    def end(self):
        self.close()
        if self._served:
            self._served.cancel()
        self._forget_trial()

    def idle_s(self):
        return 0 if self.busy else self._app.clock.uptime() - self._used

    # -- the device --

    def name(self):
        return self._app.setup.ssid()

    def version(self):
        return self._app.model()

    def build(self):
        return str(config.BUILD_TIME)

    def now(self):
        return self._app.clock.uptime()

    def reading(self):
        return self._app.meter.latest

    def facts(self):
        app = self._app
        facts = {"name": self.name(), "version": app.model(), "uptime": app.clock.uptime(),
                 "ssid": app.wifi.ssid or "", "rssi": app.wifi.rssi(),
                 "mqtt": app.session.connected}  # fmt: skip
        if app.valve:
            facts["valve"] = app.valve.status()
        return facts

    # -- who asks --

    def used(self, near):
        """Somebody asks for a page; near: over the set-up network."""
        self._used = self._app.clock.uptime()
        if near and self.report()["state"] != "saved":
            self._app.setup.stay()

    def rests(self):
        """Nobody asks any more."""
        self.settings.forget_checks()

    def url(self):
        return "http://%s/" % _ADDRESS

    def is_near(self, address):
        """Whether an address belongs to the set-up network, and to no other that we are in."""
        if not self._app.setup.open or not address.startswith(_NET):
            return False
        own, mask = [_number(text) for text in self._app.board.station().ifconfig()[:2]]
        return not own or own & mask != _number(_ADDRESS) & mask

    def is_own_name(self, name):
        own = self.settings["hostname"].lower()
        return bool(own) and name in (own, own + ".local")

    # -- networks --

    def scan(self):
        return self._found

    def look_around(self):
        """Scans, unless it was just done."""
        now = self._app.clock.uptime()
        if now - self._asked >= _SCAN_S and not self.trying:
            self._asked = now
            self._waits = True
            self._app.wifi.request_scan()

    def take_scan(self, found):
        """Every scan's result. True: it was made for these pages."""
        self._found = found
        mine, self._waits = self._waits, False
        return mine

    # -- saving --

    def start(self, changes):
        """changes: checked. False: another form is being tried."""
        if self.trying:
            return False
        from firmware.app.trial import Trial

        self._trial = Trial(self._app, self, changes)
        return True

    def save_anyway(self):
        if self._trial:
            self._trial.save_anyway()

    def report(self):
        """How it goes with the form, for the pages."""
        if self._trial:
            return self._trial.report()
        return {"state": "idle", "ssid": "", "left": 0, "reason": "", "address": ""}

    def saved(self, restart, renew, sessions):
        """Of a form: what holds after a restart, with a new session, and for who is logged in."""
        self._restart = self._restart or bool(restart)
        self._renew = self._renew or bool(renew)
        if sessions:
            self._site.forget_sessions()
        if not self._app.setup.open:
            asyncio.create_task(self._apply_soon())

    async def _apply_soon(self):
        await asyncio.sleep(_ANSWER_S)
        if self.close():
            self._app.session.restart()

    def _forget_trial(self):
        self._trial = None
        overlay.free("firmware.app.trial")


def _number(address):
    number = 0
    for part in address.split("."):
        number = number << 8 | int(part)
    return number
