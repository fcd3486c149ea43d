# uMeter - the network for devices nearby: its name, password and addresses
# MIT license; Copyright (c) 2026 The uMeter authors

# MeterLogger sections 8.1 and 8.4. Stock MicroPython cannot forward packets: whoever joins reaches
# this device, not the network behind it. Images that can have a WLAN.config(napt=...).

from binascii import hexlify

from firmware.crypto.mac import HmacSha256

_NETS = ("10.0.5.", "10.0.6.")
_NAMES = "8.8.8.8"  # DNS, unless the network behind has its own


def password(key):
    """16 hex digits that tell nothing about the key (bytes) that they are made of."""
    return hexlify(HmacSha256(key).mac(b"extender")[:8]).decode()


def plan(uplink, names):
    """(address, netmask, gateway, DNS) of our network; never the one behind, so that devices
    can stand in a chain. uplink: our address there; names: its first DNS."""
    own = _NETS[uplink.startswith(_NETS[0])] + "1"
    return own, "255.255.255.0", own, names if names and names != "0.0.0.0" else _NAMES


def start(access_point, serial, key, uplink):
    """access_point: AccessPoint; serial: text; key: its password, text; uplink: ifconfig() of
    the network behind."""
    access_point.start("mesh-" + serial, key, plan(uplink[0], uplink[3]))
    access_point.forward()
