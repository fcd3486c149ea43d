# uMeter - keeps the station on its network
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

_TRY_MS = const(20000)  # association and DHCP
_LOOK_MS = const(250)
_LONGEST_S = const(60)


class Station:
    """One owner of the radio's client side: connect, look, back off.

    on_up: f(), each time the network is back.
    """

    def __init__(self, wlan, ssid, password, log):
        self._wlan = wlan
        self._ssid = ssid
        self._password = password
        self._log = log
        self.on_up = None
        self.disconnects = 0

    @property
    def connected(self):
        return self._wlan.isconnected()

    async def run(self):
        """For ever."""
        self._wlan.active(True)
        self._wlan.config(reconnects=0)  # the driver's own endless tries would disturb ours
        pause_s = 1
        while True:
            if await self._connect():
                pause_s = 1
                if self.on_up:
                    self.on_up()
                while self._wlan.isconnected():
                    await asyncio.sleep_ms(_LOOK_MS)
                self.disconnects += 1
                self._log.state("wifi", "lost " + self._ssid)
            else:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_S)

    async def _connect(self):
        try:
            self._wlan.disconnect()  # a try that hangs would refuse the next one
            self._wlan.connect(self._ssid, self._password or None)
        except OSError as error:
            self._log.state("wifi", "no connection to %s: %s" % (self._ssid, error))
            return False
        for _ in range(_TRY_MS // _LOOK_MS):
            if self._wlan.isconnected():
                address = self._wlan.ifconfig()[0]
                self._log.state("wifi", "connected to %s as %s" % (self._ssid, address))
                return True
            await asyncio.sleep_ms(_LOOK_MS)
        status = self._wlan.status()
        self._log.state("wifi", "no connection to %s: status %d" % (self._ssid, status))
        return False
