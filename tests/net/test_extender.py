# uMeter - the network for devices nearby: addresses and password
# MIT license; Copyright (c) 2026 The uMeter authors

import hashlib
import hmac

import pytest

from firmware.net import extender

KEY = bytes(range(16))


@pytest.mark.parametrize("uplink, own", [
    ("192.168.1.77", "10.0.5.1"), ("0.0.0.0", "10.0.5.1"), ("10.0.6.9", "10.0.5.1"),
    ("10.0.5.2", "10.0.6.1"), ("10.0.50.2", "10.0.5.1"),
])  # fmt: skip
def test_never_the_network_behind(uplink, own):
    assert extender.plan(uplink, "192.168.1.1") == (own, "255.255.255.0", own, "192.168.1.1")


@pytest.mark.parametrize("names", ["0.0.0.0", ""])
def test_without_a_name_server(names):
    assert extender.plan("192.168.1.77", names)[3] == "8.8.8.8"


def test_a_chain_of_devices_alternates():
    uplink, seen = "192.168.1.77", []
    for _ in range(4):
        uplink = extender.plan(uplink, "")[0][:-1] + "2"
        seen.append(uplink)
    assert seen == ["10.0.5.2", "10.0.6.2", "10.0.5.2", "10.0.6.2"]


def test_password_is_derived_and_tells_nothing():
    expected = hmac.new(KEY, b"extender", hashlib.sha256).hexdigest()[:16]
    assert extender.password(KEY) == expected
    assert KEY.hex()[:16] != expected and len(expected) == 16
