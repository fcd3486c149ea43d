# uMeter - module network of the virtual board: a station and an access point in a scripted radio
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP32 port, network_wlan.c and modnetwork.c. The driver connects again by itself after every
# loss unless reconnects=0. status() tells some reasons while it goes on trying, also that of a try
# before this one: only an address clears it; after disconnect() it is "idle" until another reason
# comes. isconnected() needs an address, status("rssi") an association. While the driver is busy
# connecting, connect() is refused, and scan() finds nothing. Errors without a text in the port are
# RuntimeErrors. A station whose access point changes its channel loses it; the own access point
# follows the station's. One that is switched on before it has settings is an open network.

from time import ticks_add as _ticks_add, ticks_diff as _ticks_diff, ticks_ms as _ticks_ms

import world as _world

STA_IF, AP_IF = 0, 1
AUTH_OPEN, AUTH_WPA_PSK, AUTH_WPA2_PSK, AUTH_WPA_WPA2_PSK = 0, 2, 3, 4
STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 200, 201, 202
STAT_ASSOC_FAIL, STAT_HANDSHAKE_TIMEOUT = 203, 204
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
_ASSOC_LEAVE = 8
_SHOWN = (201, 202, 210, 211, 212)  # reasons that status() tells while it tries
_INVALID = 0x102  # ESP_ERR_INVALID_ARG

_hostname = "mpy-esp32"
_dns = None


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    if len(name.encode()) > 32:
        raise ValueError
    _hostname = name


def country(code=None):
    """Two bytes, without effect, as in the ESP32 port."""
    if code is None:
        return "XX"
    if len(code.encode()) != 2:
        raise ValueError


def ipconfig(*args, **kwargs):
    global _dns
    if "dns" in kwargs:
        _dns = kwargs["dns"]
    elif args == ("dns",):
        return _dns


class WLAN:
    IF_STA, IF_AP = 0, 1
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2
    SEC_OPEN, SEC_WEP, SEC_WPA, SEC_WPA2, SEC_WPA_WPA2 = 0, 1, 2, 3, 4
    SEC_WPA3, SEC_WPA2_WPA3 = 6, 7

    def __new__(cls, interface=0):
        if interface not in (0, 1):
            raise ValueError("invalid WLAN interface identifier")
        known = _world.ap if interface else _world.sta
        if known is None:
            known = object.__new__(cls)
            known._begin(interface)
        return known

    def __init__(self, interface=0):
        pass

    def _begin(self, interface):
        self._ap = interface == 1
        self._active = False
        self._state = STAT_IDLE  # STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP
        self._reason = 0  # why the station is not connected; 0: nothing known
        self._requested = False  # connect() was the last wish, not disconnect()
        self._due = 0  # when the running attempt ends
        self._tries = 0
        self._current = None  # the access point (dict of _world.aps) that took us
        self._channel = 0  # of that one, when it did
        self._wanted = (b"", "", None)
        self._static = None
        self._settings = {
            "reconnects": -1, "txpower": 20, "pm": 1, "channel": 1, "hidden": False,
            "max_clients": 10, "protocol": 7, "security": 0, "ssid": "", "key": "",
        }  # fmt: skip
        if _world.config.get("napt"):  # another image of MicroPython
            self._settings["napt"] = False
        if self._ap:
            self._settings["ssid"] = "ESP_" + _world.unique_id[3:].hex().upper()
            _world.ap = self
        else:
            _world.sta = self

    def active(self, on=None):
        if on is None:
            return self._active
        if on and not self._active:
            self._tries = 0
        if not on:
            self._leave()
        self._active = bool(on)
        return self._active

    def _leave(self):
        self._step()
        if self._current or self._state == STAT_CONNECTING:
            self._reason = _ASSOC_LEAVE
        self._state, self._current = STAT_IDLE, None

    def connect(self, ssid=None, key=None, *, bssid=None):
        if not self._active:
            raise OSError("Wifi Not Started")
        self._step()
        if self._state == STAT_CONNECTING:
            raise OSError("Wifi Internal State Error")
        if ssid is not None:
            ssid = ssid.encode() if isinstance(ssid, str) else ssid
            self._wanted = (ssid, key or "", bssid)
        self._tries = 0
        self._requested = True
        self._attempt()

    def disconnect(self):
        if not self._active:
            raise OSError("Wifi Not Started")
        self._requested = False
        self._leave()

    def _attempt(self):
        self._state, self._current = STAT_CONNECTING, None
        found = self._find()
        ms = _world.config.get("join_ms", 300) if found else _world.config.get("scan_ms", 2000)
        self._due = _ticks_add(_ticks_ms(), ms)

    def _find(self):
        best = None
        for ap in _world.aps:
            bssid = self._wanted[2]
            if ap.get("up", True) and ap["ssid"].encode() == self._wanted[0]:
                if bssid is None or _bssid(ap) == bssid:
                    if best is None or ap.get("rssi", -60) > best.get("rssi", -60):
                        best = ap
        return best

    def _step(self):
        # What the driver did since we looked last; all of it happens at look-up.
        if self._current and not self._hears():
            self._lost(STAT_BEACON_TIMEOUT)
        if self._state == STAT_CONNECTING and _ticks_diff(_ticks_ms(), self._due) >= 0:
            if self._current is None:
                self._associate()
            if self._current and (self._current.get("dhcp", True) or self._static):
                self._state, self._reason = STAT_GOT_IP, 0

    def _hears(self):
        ap = self._current
        return ap.get("up", True) and ap.get("channel", 1) == self._channel

    def _associate(self):
        ap = self._find()
        if ap is None:
            self._lost(STAT_NO_AP_FOUND)
        elif ap.get("refuses"):
            self._lost(ap["refuses"])
        elif ap.get("password", "") != self._wanted[1]:
            self._lost(_world.config.get("wrong_key", STAT_WRONG_PASSWORD))
        else:
            self._current, self._channel = ap, ap.get("channel", 1)

    def _lost(self, reason):
        self._reason, self._current, self._state = reason, None, STAT_IDLE
        self._tries += 1
        if self._tries_on():
            self._attempt()

    def _tries_on(self):
        return self._requested and not 0 <= self._settings["reconnects"] < self._tries

    def status(self, what=None):
        self._step()
        if what == "rssi" and not self._ap:
            if self._current is None:
                raise OSError("Wifi Not Connected")
            return self._current.get("rssi", -60)
        if what == "stations" and self._ap:
            return _world.config.get("stations", [])
        if what is not None:
            raise ValueError("unknown status param")
        if self._ap:
            return None
        if self._state == STAT_GOT_IP:
            return STAT_GOT_IP
        if self._reason in _SHOWN:
            return self._reason
        if self._reason == _ASSOC_LEAVE:
            return STAT_IDLE
        return STAT_CONNECTING if self._tries_on() else self._reason or STAT_IDLE

    def isconnected(self):
        self._step()
        if self._ap:
            return self._active and bool(_world.config.get("stations"))
        return self._state == STAT_GOT_IP

    def scan(self):
        if not self._active or self._ap:
            raise OSError("STA must be active")
        self._step()
        if self._state == STAT_CONNECTING:
            return []
        _world.wait(_world.config.get("scan_ms", 2000))
        return [
            (b"" if ap.get("hidden") else ap["ssid"].encode(), _bssid(ap),
             ap.get("channel", 1), ap.get("rssi", -60),
             ap.get("security", 3 if ap.get("password") else 0), False)  # never said to be hidden
            for ap in _world.aps if ap.get("up", True)
        ]  # fmt: skip

    def ifconfig(self, new=None):
        if new is not None:
            self._static = None if new == "dhcp" else tuple(new)
            if self._static and self._static[3] == "0.0.0.0":
                raise RuntimeError("Wifi Unknown Error 0x5001")  # the address is taken by then
        elif self._static:
            return self._static
        elif self._ap:
            return ("192.168.4.1", "255.255.255.0", "192.168.4.1", "0.0.0.0")
        elif self.isconnected() and self._current.get("lease", True):
            ip = self._current.get("ip", "192.168.1.77")
            gateway = ip[: ip.rindex(".")] + ".1"
            return (ip, "255.255.255.0", gateway, gateway)
        else:
            return ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")

    def config(self, *args, **kwargs):
        if args:
            return self._setting(args[0])
        for name in kwargs:
            if name == "mac" or name == "hostname":
                raise ValueError("not simulated")
            if name not in self._settings:
                raise ValueError("unknown config param")
        if not self._active:
            raise OSError("Wifi Invalid Mode" if self._ap else "Wifi Not Started")
        self._step()
        if self._state == STAT_CONNECTING and self._current is None:
            raise OSError("Wifi Internal State Error")
        if not 2 <= kwargs.get("txpower", 2) <= 21:
            raise RuntimeError("Wifi Unknown Error 0x%04x" % _INVALID)
        if len(kwargs.get("key", "8 at least")) < 8:
            raise OSError("Wifi Invalid Password")
        self._settings.update(kwargs)

    def _setting(self, name):
        if name == "mac":
            last = _world.unique_id[5] + (1 if self._ap else 0) & 255
            return _world.unique_id[:5] + bytes((last,))
        if name == "hostname":
            return _hostname
        if name == "ssid" and not self._ap:
            return self._wanted[0].decode()
        if name == "channel" and _world.sta and _world.sta._current:
            return _world.sta._channel
        if name not in self._settings or name == "key":
            raise ValueError("unknown config param")
        return self._settings[name]


def _bssid(ap):
    given = ap.get("bssid")
    return bytes.fromhex(given) if given else b"\x02" + (ap["ssid"].encode() + b"ap---")[:5]
