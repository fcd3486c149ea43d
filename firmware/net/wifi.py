# uMeter - the one owner of the Wi-Fi station: keeps it in one of its networks, for years
# MIT license; Copyright (c) 2026 The uMeter authors

# Getting in is wifi_join's job. Its code is in the heap only while we are in no network, or
# scan; that of wifi_plan only if there is more than one network. docs/wifi.md tells what people
# may expect.

import asyncio
import gc
from micropython import const
from random import getrandbits

from firmware import overlay
from firmware.net.backoff import Backoff

_LOOK_MS = const(250)
_CHECK_S = const(5)  # between two looks at what costs more: address, name server
_PAUSE_S = const(6)  # the radio is off so long when it is restarted
_HELD_S = const(10)  # a network that held so long is tried again at once
_FIRST_MS = const(1000)  # between two rounds of tries
_MOST_MS = const(8000)
_GUESTS_MS = const(15000)  # the same while somebody uses our own network: tries mute it
_FAULT_S = const(5)
_MOST_FAULTS = const(24)
_NO_RSSI = const(31)  # dBm; what MeterLogger says before it knows
_NOT_TRIED = const(1)  # reason: unspecified


class Wifi:
    """board: see firmware/board.py; settings: ssid, password, networks, fallback_ssid ...;
    state: joined, the network behind which the broker answered last.

    on_up: f(), each time the network is there. on_scan: f([(ssid, bssid, channel, rssi, ...)]),
    for scans that were asked for. has_guests: f() -> somebody uses our own network.
    """

    def __init__(self, board, settings, state, clock, log):
        self.board = board
        self.settings = settings
        self.clock = clock
        self.log = log
        self.wlan = board.station()
        self._state = state
        self.on_up = None
        self.on_scan = None
        self.has_guests = lambda: False
        self.disconnects = 0
        self.ssid = None  # of the network in use
        # the rest is shared with wifi_join
        self.backoff = Backoff(_FIRST_MS, _MOST_MS, getrandbits)
        self.plan = None  # wifi_plan.Plan, while there is a choice
        self.call = asyncio.Event()  # something of these four is to be done, now:
        self.again = False  # try the networks from the top
        self.scan_wanted = False
        self.trial = None  # (ssid, password) that somebody wants to know of
        self._off_until = 0  # uptime until which the radio shall be off
        self.outcome = None  # of the trial, a word
        self.changes = {}  # settings of the trial
        self.last = None  # network that we were in last
        self.blamed = None  # name of one behind which nothing answered, until the plan knows
        self.fixed = False  # our address is a static one
        self.fixed_works = False  # the broker has answered to it
        self.doubt = False  # it may be wrong: DHCP instead
        self.found = ()  # by the last scan; None: it still runs
        self.said = []  # [(ssid, reason)] logged since we were in a network
        self.reason = _NOT_TRIED

    # -- for everybody --

    @property
    def connected(self):
        return self.ssid is not None and self.wlan.isconnected()

    @property
    def address(self):
        return self.wlan.ifconfig()[0]

    def rssi(self):
        """dBm; 31 while there is no connection."""
        try:
            return self.wlan.status("rssi")
        except OSError:
            return _NO_RSSI

    def status_word(self):
        """MeterLogger section 8.6."""
        if self.connected:
            return "connected"
        from firmware.net.wifi_words import word

        text = word(self.reason)
        overlay.free("firmware.net.wifi_words")
        return text

    def reconnect(self):
        """Leaves the network; the stored ones are tried anew, then the one that worked."""
        self.again = True
        self.doubt = self.fixed_works = False
        self.call.set()

    def request_scan(self):
        """on_scan hears of the result in a few seconds."""
        self.scan_wanted = True
        self.call.set()

    async def try_network(self, ssid, password, seconds, changes=None):
        """Tries it before the stored ones and stays if it works. -> "connected", or a reason.

        changes: {setting: value} that go with it: ip, netmask, gateway, dns.
        """
        self.trial, self.outcome = (ssid, password), None
        self.changes = changes or {}
        self.doubt = self.fixed_works = False
        self.call.set()
        for _ in range(seconds * 1000 // _LOOK_MS):
            if self.outcome:
                return self.outcome
            await asyncio.sleep_ms(_LOOK_MS)
        if self.outcome:
            return self.outcome
        self.trial, self.changes = None, {}
        self.reconnect()  # it may still be going on
        return "handshake_timeout"

    def switch_off(self, seconds):
        """The radio rests so long, or until one of the above is asked for; 0: it works again."""
        self._off_until = self.clock.uptime() + seconds
        self.call.set()

    @property
    def is_off(self):
        """It shall be off now."""
        return self.clock.uptime() < self._off_until

    def restart(self):
        """Nothing answers: off and on again, other networks before this one."""
        self.blamed = self.ssid
        self.doubt = not (self.doubt or self.fixed_works)
        self.disconnects += 1
        self.last = None
        self.switch_off(_PAUSE_S)

    def answered(self):
        """The broker answers: this network is a good one, and is kept in mind as such."""
        if self.ssid is None:
            return
        if self.fixed:
            self.fixed_works = True
        if self.plan:
            self.plan.praise(self.ssid)
        if self.last != tuple(self._state["joined"]) and self.last in self.configured():
            self._state.update({"joined": list(self.last)})

    # -- the radio's task --

    async def run(self):
        """For ever."""
        faults = 0  # in a row
        while True:
            while self.is_idle():
                await asyncio.sleep_ms(_LOOK_MS)  # each step is a heartbeat
            try:
                await self._round()
                faults = 0
            except (MemoryError, OSError, RuntimeError) as error:  # of the driver, too
                faults += 1
                if faults >= _MOST_FAULTS:
                    raise  # a fresh start of everything
                self.ssid = None
                self.log.event("wifi", "%s %s, %d bytes free"
                               % (type(error).__name__, error, gc.mem_free()))  # fmt: skip
                await asyncio.sleep(_FAULT_S)
            if self.is_off:
                self.wlan.active(False)
                while self.is_off and not (self.trial or self.again or self.scan_wanted):
                    await asyncio.sleep_ms(_LOOK_MS)
                self._off_until = 0

    async def _round(self):
        try:
            from firmware.net import wifi_join

            found = await wifi_join.find(self)
        finally:
            wifi_join = None
            _free_join()
        if found:
            await self._stay(*found)

    def configured(self):
        """[(ssid, password)] by priority, without the fallback."""
        settings = self.settings
        found = [(settings["ssid"], settings["password"])]
        found += [(ssid, password) for ssid, password in settings["networks"]]
        return [network for network in found if network[0]]

    def known(self):
        """The same, and the one that worked: wrong new credentials do not cut the device off."""
        found = self.configured()
        joined = tuple(self._state["joined"])
        if found and joined and joined not in found:
            found.append(joined)
        return found

    def fallback(self):
        settings = self.settings
        ssid = settings["fallback_ssid"]
        return (ssid, settings["fallback_password"]) if ssid else None

    def is_idle(self):
        """Nothing is configured, and nothing asked for."""
        return not (self.is_off or self.trial or self.scan_wanted
                    or self.configured() or self.fallback())  # fmt: skip

    def is_urgent(self):
        """Trying and staying end for this."""
        return bool(self.again or self.trial or self.is_off)

    async def _stay(self, network, better):
        """Until the network is lost, or something else is to be done."""
        ssid = self.ssid = network[0]
        self.last = network
        self.said = []
        self.log.event("wifi", "connected to %s as %s" % (ssid, self.address))
        began = self.clock.uptime()
        if self.on_up:
            self.on_up()
        lost = await self._watch(better)
        self.reason = self.wlan.status()
        self.ssid = None
        self.log.event("wifi", ("lost " if lost else "leaves ") + ssid)
        if not lost:
            self.wlan.disconnect()
            self.last = None  # begin with the best
            return
        self.disconnects += 1
        lasted = self.clock.uptime() - began
        if self.plan:
            self.plan.lost(lasted)
        if lasted >= _HELD_S:
            self.backoff.reset()
        else:
            await self.rest()

    async def _watch(self, better):
        """True: the network is lost; False: it is to be left. better: networks above it."""
        check_at = 0
        dns = self.settings["dns"]
        while self.wlan.isconnected():
            now = self.clock.uptime()
            if now >= check_at:
                check_at = now + _CHECK_S
                if self.address == "0.0.0.0":
                    return True  # the driver lost it without a word
                if dns and not self.fixed:
                    self.board.set_dns(dns)  # DHCP may have overwritten it
            if self.is_urgent():
                return False
            if self.scan_wanted:
                await self._scan()
            elif better and self.plan.wants_look(now, self.has_guests()):
                if self.plan.looked(better, await self._scan() or (), self.clock.uptime()):
                    return False
            await asyncio.sleep_ms(_LOOK_MS)
        return True

    async def _scan(self):
        """SSIDs around us; None: the radio could not tell."""
        try:
            from firmware.net import wifi_join

            return await wifi_join.scan(self)
        finally:
            _free_join()

    async def rest(self):
        """Between two rounds of tries."""
        self.call.clear()
        if self.is_urgent() or self.scan_wanted:
            return
        wait_ms = self.backoff.next()
        if self.has_guests():
            wait_ms = max(wait_ms, _GUESTS_MS)
        try:
            await asyncio.wait_for_ms(self.call.wait(), wait_ms)
        except asyncio.TimeoutError:
            return


def _free_join():
    overlay.free("firmware.net.wifi_join", "firmware.net.wifi_words")
    gc.collect()
