# uMeter - limits: exact, whatever the unit
# MIT license; Copyright (c) 2026 The uMeter authors

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.control import amount, limit
from firmware.meters.kmp_units import unit_name
from firmware.reading import Quantity, Reading

EXACT = {  # Wh
    "Wh": Fraction(1), "kWh": Fraction(1000), "MWh": Fraction(10**6),
    "GJ": Fraction(10**9, 3600), "MJ": Fraction(10**6, 3600), "kJ": Fraction(1000, 3600),
    "Gcal": Fraction(41868, 10000) * 10**9 / 3600, "Mcal": Fraction(41868, 10000) * 10**6 / 3600,
    "kCal": Fraction(41868, 10000) * 1000 / 3600, "Cal": Fraction(41868, 10000) / 3600,
    "GJx10": Fraction(10**10, 3600), "J": Fraction(1, 3600), "GWh": Fraction(10**9),
}  # fmt: skip


def reading(name, *quantity):
    return Reading("kmp", "1", 0, {name: Quantity(*quantity)})


@given(st.integers(0, 10**9), st.integers(-4, 3), st.sampled_from(sorted(EXACT)))
def test_energy_is_exact(mantissa, exponent, unit):
    seen = limit.counted(reading("energy_e1", mantissa, exponent, unit), False)
    assert seen == int(mantissa * Fraction(10) ** exponent * EXACT[unit])


def test_every_unit_of_a_register_is_known():
    """A limit in a unit that nobody converts would never close."""
    units = {unit_name(code) for code in range(256)}
    energy = {u for u in units if u.endswith(("Wh", "J", "Cal", "cal", "Jx10")) and "/" not in u}
    assert energy == set(EXACT)
    for unit in energy:
        assert limit.counted(reading("energy_e1", 10**12, 0, unit), False)
    litres = {"l": 1, "m3": 1000, "m3x10": 10000}
    assert {u for u in units if u == "l" or u.startswith("m3")} - {"m3/h", "m3xC"} == set(litres)
    for unit, factor in litres.items():
        assert limit.counted(reading("volume_v1", 7, 0, unit), True) == 7 * factor


@pytest.mark.parametrize("unit", sorted(EXACT))
def test_large_counters_are_exact(unit):
    """All the digits that four bytes have: a factor that is a little wrong shows."""
    for mantissa in (4294967295, 4294967291, 3141592653):
        exact = int(mantissa * EXACT[unit])
        assert limit.counted(reading("energy_e1", mantissa, 0, unit), False) == exact


def test_three_decimals_of_mwh_are_not_one_short():
    for kwh in range(0, 100000, 7):
        assert limit.counted(reading("energy_e1", kwh, -3, "MWh"), False) == kwh * 1000


def test_volume_energy_and_neither():
    assert limit.counted(reading("volume_v1", 132127, -2, "m3"), True) == 1321270
    assert limit.counted(reading("volume_v1", 132127, -2, "m3"), False) is None
    assert limit.counted(reading("active_energy_import_wh", 5, 0, "Wh"), False) == 5
    assert limit.counted(reading("energy_e1", 5, 0, "number 77"), False) is None


@pytest.mark.parametrize("text, flow, value, shown", [
    ("57000", False, 57000000, "57000"), ("0", False, 0, "0"), ("-1", False, -1000, "-1"),
    ("57.25", True, 57250, "57.250"), ("0.0019", True, 1, "0.001"), ("12", True, 12000, "12.000"),
])  # fmt: skip
def test_texts(text, flow, value, shown):
    assert amount.parse(text, flow) == value and amount.show(value, flow) == shown


def test_the_most_that_counts():
    assert amount.parse("10000000000", False) == 10**13
    with pytest.raises(ValueError, match="too much"):
        amount.parse("10000000001", False)


@pytest.mark.parametrize("text", ["", "x", "1.5", "1e3", "١٢", "5 kWh", "99999999999999", "+-1"])
def test_bad_texts(text):
    with pytest.raises(ValueError):
        amount.parse(text, False)


def test_never_set_is_no_limit_unless_the_old_form_is_wanted():
    guard = limit.LimitGuard(True, False)
    guard.current = 5
    assert not guard.is_reached(limit.NEVER) and guard.is_reached(5) and not guard.is_reached(6)
    old = limit.LimitGuard(True, True)
    assert not old.is_reached(limit.NEVER)  # no reading yet
    old.current = 0
    assert old.is_reached(limit.NEVER)
    off = limit.LimitGuard(False, True)
    off.current = 10
    assert not off.is_reached(1)
