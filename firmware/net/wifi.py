# uMeter - keeps the station on one of its networks
# MIT license; Copyright (c) 2026 The uMeter authors

# The driver's own endless tries are off: they would fight with this one, and with the access
# point for the channel. Scanning blocks two seconds, so a thread does it (without the GIL).

import _thread
import asyncio
from micropython import const
from random import getrandbits

from firmware.net import wifi_words
from firmware.net.backoff import Backoff

# Association and DHCP. The driver's status cannot shorten it: it still tells the reason of the
# try before, until there is an address.
_TRY_MS = const(12000)
_LOOK_MS = const(250)
_FIRST_MS, _MOST_MS = const(1000), const(10000)  # between two rounds of tries
_FALLBACK_S = const(600)  # then the better networks are tried again
_SCAN_MS = const(15000)
_NO_RSSI = const(31)  # as MeterLogger says it before it knows


class Wifi:
    """One owner of the radio's client side.

    wlan: network.WLAN(IF_STA); settings: ssid, password, networks, fallback_*, ip ...
    on_up: f(), each time the network is there. on_scan: f([(ssid, bssid, channel, rssi, ...)]).
    """

    def __init__(self, wlan, settings, clock, log):
        self._wlan = wlan
        self._settings = settings
        self._clock = clock
        self._log = log
        self._backoff = Backoff(_FIRST_MS, _MOST_MS, getrandbits)
        self._again = asyncio.Event()  # somebody wants the networks tried from the top
        self._good = None  # (ssid, password) that worked last
        self._reason = 1
        self._scan_wanted = False
        self._trial = None  # (ssid, password) that somebody wants to know of
        self._outcome = None  # of that trial, a word
        self.ssid = None  # of the network in use
        self.on_up = None
        self.on_scan = None
        self.disconnects = 0

    @property
    def connected(self):
        return self.ssid is not None and self._wlan.isconnected()

    @property
    def address(self):
        return self._wlan.ifconfig()[0]

    def rssi(self):
        """dBm; 31 while there is no connection."""
        return self._wlan.status("rssi") if self.connected else _NO_RSSI

    def status_word(self):
        return "connected" if self.connected else wifi_words.word(self._reason)

    def networks(self):
        """[(ssid, password)] in the order in which they are tried."""
        settings = self._settings
        found = [(settings["ssid"], settings["password"])]
        found += [(ssid, password) for ssid, password in settings["networks"]]
        found.append((settings["fallback_ssid"], settings["fallback_password"]))
        if self._good and self._good not in found:
            found.append(self._good)  # new credentials that are wrong do not cut the device off
        return [network for network in found if network[0]]

    def reconnect(self):
        """Leaves the network; the stored ones are tried anew, then the one that worked."""
        self._again.set()

    async def try_network(self, ssid, password, seconds):
        """Tries it before the stored ones and stays if it works. -> "connected", or a reason."""
        self._trial, self._outcome = (ssid, password), None
        self._again.set()
        for _ in range(seconds * 1000 // _LOOK_MS):
            if self._outcome:
                return self._outcome
            await asyncio.sleep_ms(_LOOK_MS)
        self._trial = None
        return self._outcome or "handshake_timeout"

    def request_scan(self):
        """on_scan hears of the result in a few seconds."""
        self._scan_wanted = True
        self._again.set()

    async def run(self):
        """For ever."""
        self._wlan.active(True)
        self._wlan.config(reconnects=0)
        self._address()
        while True:
            if self._trial:
                await self._run_trial()
            for ssid, password in self.networks():
                if self._trial:
                    break
                if await self._connect(ssid, password):
                    self._backoff.reset()
                    self._good = (ssid, password)
                    await self._stay(ssid)
                    break
            else:
                await self._rest()

    async def _run_trial(self):
        (ssid, password), self._trial = self._trial, None
        if await self._connect(ssid, password):
            self._good = (ssid, password)
            self._outcome = "connected"
            await self._stay(ssid)
        else:
            self._outcome = self.status_word()

    async def _rest(self):
        if self._scan_wanted:
            await self._scan()
        try:
            await asyncio.wait_for_ms(self._again.wait(), self._backoff.next())
        except asyncio.TimeoutError:
            return
        self._again.clear()

    def _address(self):
        settings = self._settings
        if settings["ip"]:
            gateway = settings["gateway"]
            self._wlan.ifconfig((settings["ip"], settings["netmask"], gateway,
                                 settings["dns"] or gateway))  # fmt: skip

    async def _connect(self, ssid, password):
        try:
            self._wlan.disconnect()  # a try that hangs would refuse the next one
            self._wlan.connect(ssid, password or None)
        except OSError as error:
            self._log.state("wifi", "no connection to %s: %s" % (ssid, error))
            return False
        for _ in range(_TRY_MS // _LOOK_MS):
            if self._wlan.isconnected():
                self.ssid = ssid
                self._log.state("wifi", "connected to %s as %s" % (ssid, self.address))
                return True
            await asyncio.sleep_ms(_LOOK_MS)
        self._reason = self._wlan.status()
        self._log.state("wifi", "no connection to %s: %s" % (ssid, self.status_word()))
        return False

    async def _stay(self, ssid):
        """Until the network is lost, or another one shall be tried."""
        if self.on_up:
            self.on_up()
        left = self._clock.uptime() + _FALLBACK_S
        is_fallback = ssid != self.networks()[0][0] and ssid == self._settings["fallback_ssid"]
        while self._wlan.isconnected():
            if self._scan_wanted:
                self._again.clear()
                await self._scan()
            if self._again.is_set() or (is_fallback and self._clock.uptime() > left):
                self._again.clear()
                self.ssid = None
                self._log.state("wifi", "leaves " + ssid)
                return
            await asyncio.sleep_ms(_LOOK_MS)
        self.ssid = None
        self.disconnects += 1
        self._reason = self._wlan.status()
        self._log.state("wifi", "lost " + ssid)

    async def _scan(self):
        self._scan_wanted = False
        found = []
        _thread.start_new_thread(_scan_in_thread, (self._wlan, found))
        for _ in range(_SCAN_MS // _LOOK_MS):
            await asyncio.sleep_ms(_LOOK_MS)
            if found:
                break
        if not found or found[0] is None:
            self._log.event("wifi", "the scan failed")
        elif self.on_scan:
            self.on_scan(found[0])


def _scan_in_thread(wlan, found):
    try:
        found.append(wlan.scan())
    except OSError:
        found.append(None)  # the radio is busy; whoever asked asks again
