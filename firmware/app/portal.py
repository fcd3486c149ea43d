# uMeter - the web pages in use: the parts that serve them, and what they may ask of the device
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import os
from micropython import const

import config
from firmware.crypto.mac import HmacSha256, equal
from firmware.web.access import Access
from firmware.web.dns_server import DnsServer
from firmware.web.listener import Listener
from firmware.web.site import Site
from firmware.web.trial import SAVED, TESTING, Trial

_ADDRESS = "192.168.4.1"  # of an access point; nothing here changes it
_NET = "192.168.4."
_SCAN_S = const(15)  # how old the list of networks may be
_AFTER_S = const(20)  # to read the new address
# Taken into use at once; what else is set needs a restart.
_LIVE = ("ssid", "password", "broker_host", "broker_port", "mqtt_user", "mqtt_password",
         "setup_password")  # fmt: skip


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
        self.trial = Trial(
            app.settings, app.wifi.try_network, self._keep, lambda: app.wifi.address, app.clock
        )
        site = Site(self, Access(HmacSha256(os.urandom(16)), equal, os.urandom))
        self._listener = Listener(site.serve, app.log)

    # -- the set-up window --

    @property
    def trying(self):
        return self.trial.state == TESTING

    def open(self, names):
        """The set-up network begins; names: UDP socket, None if there is none to be had."""
        if names:
            self._dns = asyncio.create_task(DnsServer(names, _ADDRESS, self._app.log).run())
        self.trial.reset()
        self.request_scan()

    def close(self):
        """The set-up network ends. True: the session with the broker has to begin anew."""
        if self._dns:
            self._dns.cancel()
            self._dns = None
        if self._restart:
            self._app.board.restart()
        return self._renew

    def serve(self, door):
        """door: listening socket."""
        if self._served is None or self._served.done():
            self._served = asyncio.create_task(self._listener.run(door))

    def end(self):
        self.close()
        if self._served:
            self._served.cancel()

    def idle_s(self):
        return 0 if self._listener.busy else self._app.clock.uptime() - self._used

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
        if near and self.trial.state != SAVED:
            self._app.setup.stay()

    def url(self):
        return "http://%s/" % _ADDRESS

    def is_near(self, address):
        """Whether an address belongs to the set-up network, and to no other that we are in."""
        if not self._app.setup.open or not address.startswith(_NET):
            return False
        return not self._app.wifi.address.startswith(_NET)

    def is_own_name(self, name):
        own = self.settings["hostname"].lower()
        return bool(own) and name in (own, own + ".local")

    # -- networks --

    def scan(self):
        return self._found

    def scan_is_old(self):
        return self._app.clock.uptime() - self._asked >= _SCAN_S and not self.trying

    def request_scan(self):
        self._asked = self._app.clock.uptime()
        self._waits = True
        self._app.wifi.request_scan()

    def take_scan(self, found):
        """Every scan's result. True: it was made for these pages."""
        self._found = found
        mine, self._waits = self._waits, False
        return mine

    # -- saving --

    def _keep(self, changes, joined):
        """joined: the station is in the network of these changes already."""
        app, settings = self._app, self.settings
        if config.METER == "impulse":
            self._rebase(changes)
        new = [name for name in changes if changes[name] != settings[name]]
        settings.update(changes)
        settings.save()
        app.log.event("setup", "saved: " + (" ".join(new) or "nothing new"))
        if [name for name in new if name not in _LIVE]:
            self._restart = True
        if not joined and ("ssid" in new or "password" in new):
            app.wifi.reconnect()
        renew = bool([name for name in new if name.startswith(("broker", "mqtt"))])
        if app.setup.open:
            self._renew = renew
            app.setup.end_in(_AFTER_S)
        elif self._restart:
            asyncio.create_task(self._restart_soon())
        elif renew:
            app.session.restart()

    async def _restart_soon(self):
        """Set from the station's side: the answer shall arrive before."""
        await asyncio.sleep(5)
        self._app.board.restart()

    def _rebase(self, changes):
        """A reading is that of now, and other pulses per unit hold from now on: the count begins
        anew, so that the reading is the one at count 0."""
        meter = self._app.meter.meter
        per_unit = changes.get("pulses_per_unit", self.settings["pulses_per_unit"])
        if "reading" not in changes and per_unit == self.settings["pulses_per_unit"]:
            return
        changes.setdefault("reading", meter.total())
        meter.begin_anew()
