# uMeter - which networks the form lists, and what a page says of one that was tried
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.web.form import bars, listed, words


@pytest.mark.parametrize("state, reason, address, said", [
    ("testing", "", "", "Trying Home, 12 seconds at most ..."),
    ("failed", "auth_fail", "", "password seems to be wrong (auth_fail). Nothing is saved yet."),
    ("failed", "no_ap_found", "", "Home was not found"),
    ("failed", "dhcp_timeout", "", "gave it no address"),
    ("failed", "flash", "", "its flash is full or broken. Nothing is saved."),
    ("saved", "", "0.0.0.0", "joins Home as soon as it can"),
    ("saved", "", "192.168.1.5", "Address in Home: 192.168.1.5"),
    ("idle", "", "", "Nothing is under way."),
])  # fmt: skip
def test_words(state, reason, address, said):
    report = {"state": state, "ssid": "Home", "left": 12, "reason": reason, "address": address}
    assert said in words(report)


def seen(name, rssi, security=3):
    return (name, b"\x02umetr", 6, rssi, security, False)


def test_each_network_once_and_at_its_best():
    scan = [seen(b"Open", -60, 0), seen(b"Home", -70), seen(b"Home", -50), seen(b"Home", -65),
            seen(b"", -40), seen(b"\xff", -40), seen(b"a\nb", -40),
            seen("K\u00f8kken".encode(), -66)]  # fmt: skip
    assert listed(scan) == [("Home", -50, True), ("Open", -60, False), ("K\u00f8kken", -66, True)]


def test_the_strongest_of_many():
    found = listed([seen(b"%02d" % i, i - 90) for i in range(30)])
    assert [rssi for _, rssi, _ in found] == list(range(-61, -81, -1))


@pytest.mark.parametrize("rssi, count", [
    (-86, 0), (-85, 1), (-76, 1), (-75, 2), (-67, 3), (-56, 3), (-55, 4), (-1, 4)])  # fmt: skip
def test_bars(rssi, count):
    assert bars(rssi) == count
