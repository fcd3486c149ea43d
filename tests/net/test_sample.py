# uMeter - text of samples, topics, SNTP packets
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.net import topics
from firmware.net.sample import sample_text
from firmware.reading import Quantity, Reading, decimal, parse_decimal, rescale


def test_heat_sample_keeps_order_decimals_and_units():
    values = {
        "energy_e1": Quantity(2, -3, "GJ"), "hours": Quantity(7127, 0, "h"),
        "temp_t1": Quantity(-5, -2, "C"), "volume_v1": Quantity(2, 3, "m3"),
    }  # fmt: skip
    text = sample_text(Reading("kmp", "1", 0, values), heap=5)
    assert text == "heap=5&t1=-0.05 C&hr=7127 h&v1=2000 m3&e1=0.002 Gj&"
    assert sample_text(Reading("kmp", "1", 0, values), True, 5) == "heap=5&hr=7127 h&v1=2000 m3&"
    text = sample_text(Reading("mc66b", "1", 0, values))
    assert text.endswith("&e1=0.002 GJ&")  # EN 61107: the unit as the meter writes it


def test_further_registers_come_last_by_their_names():
    values = {
        "energy_e1": Quantity(2, 0, "GJ"), "energy_e1_exact": Quantity(6000001, -1, "Wh"),
        "energy_e3": Quantity(4, -1, "GJ"), "register_4711": Quantity(1, 0, ""),
        "meter_date": "2026-11-21",
    }  # fmt: skip
    text = sample_text(Reading("kmp", "1", 0, values))
    assert text == ("heap=0&e1=2 Gj&energy_e1_exact=600000.1 Wh&energy_e3=0.4 Gj"
                    "&meter_date=2026-11-21&register_4711=1&")  # fmt: skip
    assert sample_text(Reading("mc66c", "1", 0, values)) == "heap=0&e1=2 GJ&"


@pytest.mark.parametrize("exponent, text", [
    (9, "7000000000"), (10, "NaN"), (63, "NaN"), (-9, "0.000000007"), (-10, "NaN"), (-63, "NaN")])
def test_exponents_that_no_meter_means(exponent, text):
    values = {"power_1": Quantity(7, exponent, "kW")}
    assert sample_text(Reading("kmp", "1", 0, values)) == "heap=0&effect1=%s kW&" % text


def test_impulse_samples():
    values = {"power_1": Quantity(1200, -3, "kW"), "energy_e1": Quantity(1234500, -3, "kWh"),
              "hours": Quantity(7, 0, "")}  # fmt: skip
    text = sample_text(Reading("impulse", "1", 0, values))
    assert text == "heap=0&effect1=1.200 kW&e1=1234.500 kWh&hr=7&"


def test_texts_cannot_break_a_sample():
    text = sample_text(Reading("han", "1", 0, {"meter_id": "a&b=c%", "breaker_state": True}))
    assert text == "heap=0&breaker_state=1&meter_id=a%26b%3Dc%25&"


def test_exact_numbers():
    assert decimal(5, -2) == "0.05" and decimal(0, -2) == "0.00" and decimal(-125, -2) == "-1.25"
    assert parse_decimal("-0056.72") == (-5672, -2)
    assert rescale(56726, -3, 0) == 56 and rescale(-19, -1, 0) == -1 and rescale(2, 3, 0) == 2000
    for bad in ("", "-", "1.", "1:5", ".", "1e5", "½"):
        with pytest.raises(ValueError):
            parse_decimal(bad)


def test_topics():
    assert topics.outgoing("sample", "42", 17) == b"/sample/v2/42/17"
    assert topics.offline("42") == b"/offline/v1/0000042"
    assert topics.parse_command(b"/config/v2/7210086/1700000000/ping") == (
        "7210086", 1700000000, "ping")  # fmt: skip


@pytest.mark.parametrize("bad", [
    b"", b"/config/v2/1/2", b"/config/v2/1/-5/ping", b"/config/v2/1/2/p/q", b"config/v2/1/2/ping",
    b"/config/v2/1/99999999999/ping", b"/config/v2/1/2/", b"/config/v2/\xff/2/ping",
    b"/config/v2/1/2/" + b"p" * 200, b"/config/v2/1/ 2/ping",
])  # fmt: skip
def test_malformed_topics_are_refused(bad):
    with pytest.raises(ValueError):
        topics.parse_command(bad)
