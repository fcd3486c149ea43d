# uMeter - arithmetic of impulse meters
# MIT license; Copyright (c) 2026 The uMeter authors

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.meters.impulse import Impulse


@given(st.integers(1, 100000), st.lists(st.integers(0, 50), max_size=30), st.integers(0, 10**9))
def test_no_pulse_is_rounded_away(per_unit, bursts, base):
    meter = Impulse(per_unit, base)
    for i, pulses in enumerate(bursts):
        meter.add(pulses, 1000 * i)
    assert meter.total() == base + int(Fraction(1000 * sum(bursts), per_unit))


def test_power_of_the_specification():
    meter = Impulse(100)
    meter.add(1, 1000)
    meter.add(1, 31000)
    meter.add(1, 61000)
    assert meter.values(61000)["power_1"] == (1200000 // 1000, -3, "kW")


def test_power_sinks_to_zero():
    meter = Impulse(1000)
    meter.add(1, 0)
    meter.add(1, 3600)
    seen = [meter.rate(3600 + ms) for ms in range(0, 4000000, 50000)]
    assert seen[0] == 1000 and seen == sorted(seen, reverse=True) and seen[-1] == 0


def test_water():
    meter = Impulse(1000, base=5000, water=True, count=7, seconds=7300)
    values = meter.values(0)
    assert values["volume_v1"] == (5007, -3, "m3") and values["hours"] == (2, 0, "")
    assert values["flow_1"] == (0, 0, "l/h")


@pytest.mark.parametrize("bad", [0, -1, 100001])
def test_pulses_per_unit_have_bounds(bad):
    with pytest.raises(ValueError):
        Impulse(bad)
