# uMeter - what all layouts do with the values of a push
# MIT license; Copyright (c) 2026 The uMeter authors

from micropython import const

from firmware.meters import cosem_time
from firmware.reading import Quantity, rescale

_TOTALS = (
    "active_energy_import_wh",
    "active_energy_export_wh",
    "reactive_energy_import_varh",
    "reactive_energy_export_varh",
)
_CLOCK_TAGS = b"\x09\x19"  # octet string, date-time
VOLTS_MAX = const(1000)  # a voltage without a scaler above this has decimals
_VOLTAGES = ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v")


class Clock:
    """How a meter's clock is to be read: rule of cosem_time, minutes of the zone east of UTC."""

    def __init__(self, zone_min=60):
        self.zone_min = zone_min
        self.rule = cosem_time.WALL


def put_clock(tape, i, values, clock):
    """The list's own clock; nothing if element i is none."""
    if tape.size(i) != 12 or tape.tag(i) not in _CLOCK_TAGS:
        return  # a size may count bits or elements
    data, at = tape.data, tape.start(i)
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


def put_number(tape, i, telegram, meaning, exponents, scaler):
    """Puts a number into telegram.values; nothing if element i is none.

    meaning: see obis.lookup. exponents: by kind, for want of a scaler. scaler: as in Tape.codes,
    scaler << 8 | unit, or 0.
    """
    from firmware.meters import obis

    name, symbol, kind = meaning
    found = tape.decimal(i)
    if found is None:
        return
    mantissa, exponent = found
    if not scaler:
        exponent += exponents[kind]
        if kind == obis.VOLTAGE and mantissa > VOLTS_MAX and exponent == 0:
            exponent = -2 if mantissa > 10 * VOLTS_MAX else -1
    else:
        unit = scaler & 255
        if unit != obis.UNIT_CODES[symbol] and unit != 255:
            telegram.notes.append("%s has unit %d, left out" % (name, unit))
            return
        exponent += (scaler >> 8) - (scaler >> 7 & 256)
    telegram.values[name] = Quantity(mantissa, exponent, symbol)


def are_numbers(tape, items):
    """Whether all these elements of a list without codes are numbers or null: not measured."""
    for item in items:
        if tape.number(item) is None and tape.tag(item):
            return False
    return True


def put_plain(tape, i, values, name, exponent, unit):
    """The same for a list without codes: what the element is, its place tells."""
    number = tape.number(i)
    if number is not None:
        values[name] = Quantity(number, exponent, unit)


def put_totals(values, derived):
    """A total that the meter does not send is the sum of its tariffs."""
    for name in _TOTALS:
        if name not in values:
            break
    else:
        return
    parts = {}  # name of the total -> Quantities
    for name in values:
        at = name.find("_t")
        if at > 0 and name[at + 2 : at + 3].isdigit():  # active_energy_import_t1_wh
            base = name[:at] + name[at + 3 :]
            if base not in values:
                parts.setdefault(base, []).append(values[name])
    for name in parts:
        from firmware.meters.han_totals import total

        values[name] = total(parts[name])
        derived.append(name)


def hints(values, notes):
    """Says what can hardly be true; changes nothing."""
    for name in _VOLTAGES:
        value = values.get(name)
        if value is None or value.mantissa == 0:
            continue
        volts = rescale(value.mantissa, value.exponent, 0)
        if not 180 <= volts <= 260:
            notes.append("%s is outside 180..260 V: check the factor for V" % name)
