# uMeter - HAN layout: codes with values behind them
# MIT license; Copyright (c) 2026 The uMeter authors

# An octet string of six bytes ending in FF is a code, the next element its value, and a structure
# {int8 scaler, enum unit} behind that scales it. This covers flat lists (Kamstrup, Landis+Gyr),
# pairs (Kaifa in Sweden), triplets in structures (Aidon, EMBRIQ, Iskraemeco, Kaifa in Austria) and
# flat lists with scalers (Sagemcom). In the order of the wire the nesting does not matter.

from micropython import const

from firmware.meters import axdr, cosem_time, obis
from firmware.meters.han_values import VOLTS_MAX, put_clock, put_number
from firmware.reading import Quantity

_FIRST = const(20)  # cell of element 0, see axdr.py

# Exponents of power, energy, voltage, current, power factor, frequency if there is no scaler.
_KAMSTRUP = (0, 1, 0, -2, -2, -2)
_KAIFA = (0, 0, -1, -3, -3, -2)
_OTHERS = (0, 0, 0, -2, -2, -2)
_LIST_ID = const(0x000281)  # 0.2.129
_GENERAL = const(96)  # value group C of names
_ASSET = const(0x600101)  # 96.1.1 of 0-0; Kamstrup's 1-1:96.1.1 is the model


def _rules(name, clock):
    if name.startswith("Kamstrup"):
        clock.rule = cosem_time.BY_STATUS
        return _KAMSTRUP
    if name.startswith("AIDON"):
        clock.rule = cosem_time.STANDARD
    return _KAIFA if name.startswith("KFM") else _OTHERS


def decode(tape, telegram, clock):
    """Puts what the codes name into telegram.values; False if no code is among the elements."""
    found = tape.find_codes()
    if not found:
        return False
    codes = tape.codes
    if found == codes[0]:
        telegram.notes.append("values behind the first %d are left out" % found)
    cells = tape.cells
    known = obis.known
    text, voltage, quantity = obis.TEXT, obis.VOLTAGE, Quantity  # looked up once, not 35 times
    values = telegram.values
    exponents = _rules(_loose_front(tape, codes[3] - 1, values, clock), clock)
    for entry in range(1, 6 * found + 1, 6):
        key = codes[entry] << 16 | codes[entry + 1]
        meaning = known.get(key) or obis.lookup(key)
        i = codes[entry + 2]
        scaler = codes[entry + 5]
        tag = cells[_FIRST + 4 * i]
        if not meaning:
            if key == obis.CLOCK:
                put_clock(tape, i, values, clock)
            continue
        name, unit, kind = meaning
        if kind == text:
            group = cells[_FIRST - 3 + 4 * i]  # where the code begins: value groups A and B
            if not tape.data[group] and key == _ASSET:
                name = "asset_number"
            if tape.data[group] or not tape.data[group + 1] or key >> 16 != _GENERAL:
                _text(tape, i, values, name)  # else it names a meter behind this one
        elif not scaler and (tag == 6 or tag == 18):
            mantissa = codes[entry + 3] << 16 | codes[entry + 4]
            exponent = exponents[kind]
            if kind == voltage and mantissa > VOLTS_MAX and exponent == 0:
                exponent = -2 if mantissa > 10 * VOLTS_MAX else -1
            values[name] = quantity(mantissa, exponent, unit)
        else:
            put_number(tape, i, telegram, meaning, exponents, scaler)
    _loose_end(tape, codes[6 * found - 3], values)
    return True


def _text(tape, i, values, name):
    text = tape.text(i)
    if text is None:
        number = tape.number(i)
        text = None if number is None else str(number)
    if text is not None and name not in values:
        values[name] = text


def _loose_front(tape, first, values, clock):
    # Elements in front of the first code: the clock, the list's name. That name, or the one that
    # the first code gives.
    name = ""
    for i in range(min(first, 4)):
        if tape.tag(i) == axdr.OCTETS and tape.size(i) == 12 and "meter_time_local" not in values:
            put_clock(tape, i, values, clock)
        elif not name and tape.text(i):
            name = values["list_id"] = tape.text(i)
    if not name and tape.obis_key(first) == _LIST_ID:
        name = tape.text(first + 1) or ""
    return name


def _loose_end(tape, last_value, values):
    # A text at the end, without a code, names the meter (Sagemcom, Kaifa in Austria).
    last = tape.count - 1
    if last > last_value and "meter_id" not in values and not tape.is_obis(last - 1):
        text = tape.text(last)
        if text:
            values["meter_id"] = text
