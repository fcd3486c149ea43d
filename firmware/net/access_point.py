# uMeter - the radio's own network, by which devices nearby reach this one
# MIT license; Copyright (c) 2026 The uMeter authors

# Stock MicroPython cannot forward packets (no NAPT): whoever joins reaches the device itself,
# not the network behind it.

_CLIENTS = 8


class AccessPoint:
    """wlan: network.WLAN(IF_AP)."""

    def __init__(self, wlan, log):
        self._wlan = wlan
        self._log = log
        self.ssid = None  # of the network; None: off

    def start(self, ssid, password):
        """WPA2; password of 8 characters at least. ValueError from the driver."""
        self._wlan.active(True)
        # security has to be given with the key: else the network is an open one.
        self._wlan.config(ssid=ssid, key=password, security=3, max_clients=_CLIENTS)
        if self.ssid != ssid:
            self._log.event("wifi", "network %s is there" % ssid)
        self.ssid = ssid

    def has_guests(self):
        """Somebody has joined it."""
        return self.ssid is not None and self._wlan.isconnected()

    def stop(self):
        if self.ssid is not None:
            self._log.event("wifi", "network %s ends" % self.ssid)
            self.ssid = None
            self._wlan.active(False)
