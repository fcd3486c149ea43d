# uMeter - what all layouts do with the values of a push
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.meters import cosem_time
from firmware.reading import Quantity

_TOTALS = (
    ("active_energy_import", "wh"),
    ("active_energy_export", "wh"),
    ("reactive_energy_import", "varh"),
    ("reactive_energy_export", "varh"),
)
# kind of quantity -> units; a multiplier belongs to one of them
MULTIPLIED = (("W", ("W", "var")), ("V", ("V",)), ("A", ("A",)), ("kWh", ("Wh", "varh")))


class Clock:
    """How a meter's clock is to be read: rule of cosem_time, minutes of the zone east of UTC."""

    def __init__(self, zone_min=60):
        self.zone_min = zone_min
        self.rule = cosem_time.WALL


def put_clock(values, data, at, clock):
    """The list's own clock; nothing if the twelve bytes are no time."""
    found = cosem_time.fields(data, at)
    if found is None:
        return
    values["meter_time_local"] = cosem_time.text(found)
    shift = cosem_time.deviation(data, at)
    if shift is not None:
        values["meter_time_deviation_min"] = Quantity(shift, 0, "min")
    seconds = cosem_time.utc(data, at, clock.rule, clock.zone_min)
    values["meter_time_utc"] = Quantity(seconds, 0, "s")


def put_push_time(values, data, at):
    """The clock in the DataNotification's header."""
    found = cosem_time.fields(data, at)
    if found is None:
        return
    values["push_time_local"] = cosem_time.text(found)
    shift = cosem_time.deviation(data, at)
    if shift is not None:
        values["push_time_deviation_min"] = Quantity(shift, 0, "min")


def add(values, name, one, other, derived):
    """values[name] = one + other, both names, if both are there and name is not."""
    if name in values or one not in values or other not in values:
        return
    a = values[one]
    b = values[other]
    low = min(a.exponent, b.exponent)
    total = a.mantissa * 10 ** (a.exponent - low) + b.mantissa * 10 ** (b.exponent - low)
    values[name] = Quantity(total, low, a.unit)
    derived.append(name)


def put_totals(values, derived):
    """A total that the meter does not send is the sum of its tariffs."""
    for base, unit in _TOTALS:
        name = "%s_%s" % (base, unit)
        if name in values:
            continue
        for tariff in range(1, 9):
            part = values.get("%s_t%d_%s" % (base, tariff, unit))
            if part is None:
                continue
            if name in values:
                sum_so_far = values.pop(name)
                values["_"] = sum_so_far
                add(values, name, "_", "%s_t%d_%s" % (base, tariff, unit), [])
                del values["_"]
            else:
                values[name] = part
                derived.append(name)


def multiply(values, multipliers):
    """Applies the user's factors, last of all.

    multipliers: {"W" | "V" | "A" | "kWh": thousandths}; 1000 and 0 leave the values alone.
    """
    for kind, units in MULTIPLIED:
        factor = multipliers.get(kind, 0)
        if factor in (0, 1000):
            continue
        for name in values:
            value = values[name]
            if isinstance(value, Quantity) and value.unit in units:
                values[name] = shortest(value.mantissa * factor, value.exponent - 3, value.unit)


def shortest(mantissa, exponent, unit):
    """Quantity without decimals that are zero."""
    while exponent < 0 and mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    return Quantity(mantissa, exponent, unit)


def hints(values, notes):
    """Says what can hardly be true; changes nothing."""
    for phase in "123":
        name = "voltage_l%s_v" % phase
        value = values.get(name)
        if value is None or value.mantissa == 0:
            continue
        tenths = value.mantissa * 10 ** (value.exponent + 3) // 100
        if not 1800 <= tenths <= 2600:
            notes.append("%s is outside 180..260 V: check the factor for V" % name)
