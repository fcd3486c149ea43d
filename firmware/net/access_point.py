# uMeter - the radio's own network, by which devices nearby reach this one
# MIT license; Copyright (c) 2026 The uMeter authors

_CLIENTS = 8
_OWN = ("192.168.4.1", "255.255.255.0", "192.168.4.1", "192.168.4.1")


class AccessPoint:
    """wlan: network.WLAN(IF_AP)."""

    def __init__(self, wlan, log):
        self._wlan = wlan
        self._log = log
        self._addresses = _OWN
        self._given = None  # what the network was started with
        self.ssid = None  # of the network; None: off
        self.forwards = False  # guests reach the network behind

    def start(self, ssid, password, addresses=_OWN):
        """WPA2; password of 8 characters at least. addresses: own one, netmask, and the gateway
        and DNS that guests are given."""
        given = ssid, password, addresses
        if given == self._given:
            return  # a network that is set up anew loses its guests
        try:
            self._wlan.active(True)
            # security has to be given with the key: else the network is an open one.
            self._wlan.config(ssid=ssid, key=password, security=3, max_clients=_CLIENTS)
            if addresses != self._addresses:
                self._wlan.ifconfig(addresses)
        except (OSError, ValueError, RuntimeError) as error:  # the meter and the station go on
            self._log.event("wifi", "no network %s: %s" % (ssid, error))
            self._end()  # without its settings it is an open one
            return
        self._addresses = addresses
        self._given = given
        self.forwards = False
        if self.ssid != ssid:
            self._log.event("wifi", "network %s is there" % ssid)
        self.ssid = ssid

    def forward(self):
        """Guests reach the network behind, if this image of MicroPython has NAPT."""
        if self.forwards:
            return
        try:
            self._wlan.config(napt=True)
        except (ValueError, OSError, RuntimeError):  # stock MicroPython knows no such parameter
            self._log.state("nat", "this MicroPython has no NAPT: guests reach this device only")
            return
        self.forwards = True
        self._log.event("wifi", "guests reach the network behind")

    def has_guests(self):
        """Somebody has joined it, or is to find it: it is the set-up network."""
        return self.ssid is not None and (self._addresses is _OWN or self._wlan.isconnected())

    def stop(self):
        if self.ssid is not None:
            self._log.event("wifi", "network %s ends" % self.ssid)
            self._end()

    def _end(self):
        self.ssid = self._given = None
        try:
            self._wlan.active(False)
        except (OSError, RuntimeError) as error:
            self._log.event("wifi", "the radio of our network stays on: %s" % error)
