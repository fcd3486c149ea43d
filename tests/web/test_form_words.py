# uMeter - what a page says of a form that was tried
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.web.form import words


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
