# uMeter - tries the credentials of a form, then keeps it
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

IDLE, TESTING, SAVED, FAILED = "idle", "testing", "saved", "failed"
_TEST_S = const(30)


class Trial:
    """One form at a time.

    try_network: async f(ssid, password, seconds) -> word, "connected" if it worked;
    keep: f(changes, joined) stores and applies them; address: f() -> text.
    """

    def __init__(self, settings, try_network, keep, address, clock):
        self._settings = settings
        self._try_network = try_network
        self._keep = keep
        self._address = address
        self._clock = clock
        self._task = None
        self._changes = None
        self._until = 0
        self.state = IDLE
        self.word = ""  # why the network did not take us
        self.ssid = ""

    def start(self, changes):
        """changes: checked. False: another form is being tried."""
        if self.state == TESTING:
            return False
        self._changes = changes
        self.ssid = changes.get("ssid", self._settings["ssid"])
        if self._is_new(changes):
            self.state = TESTING
            self._until = self._clock.uptime() + _TEST_S
            self._task = asyncio.create_task(self._test())
        else:
            self._save(True)
        return True

    def _is_new(self, changes):
        """Whether the way into the network changes."""
        for name in ("ssid", "password", "ip", "netmask", "gateway", "dns"):
            if changes.get(name, self._settings[name]) != self._settings[name]:
                return True
        return False

    def save_anyway(self):
        """False: there is nothing that failed."""
        if self.state != FAILED:
            return False
        self._save(False)
        return True

    async def _test(self):
        password = self._changes.get("password", self._settings["password"])
        self.word = await self._try_network(self.ssid, password, _TEST_S)
        if self.word == "connected":
            self._save(True)
        else:
            self.state = FAILED

    def _save(self, joined):
        changes, self._changes = self._changes, None
        self._keep(changes, joined)
        self.state = SAVED

    def report(self):
        """For the pages; no secrets."""
        left = max(0, self._until - self._clock.uptime()) if self.state == TESTING else 0
        return {"state": self.state, "ssid": self.ssid, "left": left, "reason": self.word,
                "address": self._address()}  # fmt: skip

    def reset(self):
        """A new window opens; the last one's outcome is history."""
        if self.state != TESTING:
            self.state, self._changes = IDLE, None


def words(report):
    """A report in one sentence, for pages without scripts."""
    if report["state"] == TESTING:
        return "Trying %s, %d seconds at most ..." % (report["ssid"], report["left"])
    if report["state"] == FAILED:
        return "%s does not let us in (%s). Nothing is saved yet." % (
            report["ssid"], report["reason"])  # fmt: skip
    if report["state"] == SAVED:
        return "Saved. Address in %s: %s" % (report["ssid"], report["address"])
    return "Nothing is under way."
