# uMeter - tries the credentials of a form, then keeps it
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

import config

_TEST_S = const(30)
_AFTER_S = const(20)  # to read the new address
_NOT_KEPT = "flash"  # instead of a reason of the radio; firmware/web/form.py has the words
# Taken into use at once; what else is set needs a restart.
_LIVE = ("ssid", "password", "broker_host", "broker_port", "mqtt_user", "mqtt_password",
         "setup_password")  # fmt: skip
_WAY = ("ssid", "password", "ip", "netmask", "gateway", "dns")  # into the network


class Trial:
    """One form. changes: {setting: value}, checked; starts at once."""

    def __init__(self, app, portal, changes):
        self._app = app
        self._portal = portal
        self._changes = changes
        self._until = app.clock.uptime() + _TEST_S
        self.state = "testing"  # saved failed
        self.word = ""  # why the network did not take us
        self.ssid = changes.get("ssid", app.settings["ssid"])
        if self._differing(_WAY):
            self._task = asyncio.create_task(self._test())
        else:
            self._save(True)

    def _differing(self, names):
        changes, settings = self._changes, self._app.settings
        return [name for name in names if changes.get(name, settings[name]) != settings[name]]

    async def _test(self):
        password = self._changes.get("password", self._app.settings["password"])
        self.word = await self._app.wifi.try_network(
            self.ssid, password, _TEST_S, self._changes
        )
        if self.word == "connected":
            self._save(True)
        else:
            self.state = "failed"

    def save_anyway(self):
        if self.state == "failed":
            self._save(False)

    def report(self):
        """For the pages; no secrets."""
        wifi = self._app.wifi
        is_there = wifi.connected and wifi.ssid == self.ssid
        left = max(0, self._until - self._app.clock.uptime()) if self.state == "testing" else 0
        return {"state": self.state, "ssid": self.ssid, "left": left, "reason": self.word,
                "address": wifi.address if is_there else ""}  # fmt: skip

    def _save(self, joined):
        """joined: the station is in the network of these changes already."""
        app, changes = self._app, self._changes
        new = self._differing(changes)
        if not app.settings.keep(changes):
            self.state, self.word = "failed", _NOT_KEPT
            if joined and self._differing(_WAY):
                app.wifi.reconnect()  # to what is stored
            return
        if config.METER == "impulse" and "reading" in changes:
            app.meter.meter.begin_anew(changes["reading"])
        app.log.event("setup", "saved: " + (" ".join(new) or "nothing new"))
        self.state = "saved"
        self._changes = None  # with its secrets
        self._portal.saved(
            [name for name in new if name not in _LIVE],
            [name for name in new if name.startswith(("broker", "mqtt"))],
            "setup_password" in new,
        )
        if not joined and ("ssid" in new or "password" in new):
            app.wifi.reconnect()
        if app.setup.open:
            app.setup.end_in(_AFTER_S)
