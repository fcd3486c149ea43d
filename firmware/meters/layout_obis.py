# uMeter - HAN layout: codes with values behind them
# MIT license; Copyright (c) 2026 The uMeter authors

# An octet string of six bytes ending in FF is a code, the next element its value, and a structure
# {int8 scaler, enum unit} behind that scales it. This covers flat lists (Kamstrup, Landis+Gyr),
# pairs (Kaifa in Sweden), triplets in structures (Aidon, EMBRIQ, Iskraemeco, Kaifa in Austria) and
# flat lists with scalers (Sagemcom). In the order of the wire the nesting does not matter.

from micropython import const

from firmware.meters import axdr, cosem_time, obis
from firmware.meters.han_values import put_clock
from firmware.reading import Quantity

_FIRST = const(20)  # cell of element 0, see axdr.py

# Exponents of power, energy, voltage, current, power factor and frequency where there is no scaler.
_KAMSTRUP = (0, 1, 0, -2, -2, -2)
_KAIFA = (0, 0, -1, -3, -3, -2)
_OTHERS = (0, 0, 0, -2, -2, -2)
_VOLTS_MAX = const(1000)  # a voltage without a scaler above this has decimals


def _list_id(tape):
    # The text before the first code (Kamstrup), or the value of code 0.2.129 in front.
    for i in range(1, min(tape.count, 5)):
        if tape.is_obis(i):
            if tape.obis_key(i) == 0x000281 and i + 1 < tape.count:
                return tape.text(i + 1) or ""
            return ""
        text = tape.text(i)
        if text:
            return text
    return ""


def _rules(name, clock):
    if name.startswith("Kamstrup"):
        clock.rule = cosem_time.BY_STATUS
        return _KAMSTRUP
    if name.startswith("AIDON"):
        clock.rule = cosem_time.STANDARD
    return _KAIFA if name.startswith("KFM") else _OTHERS


def decode(tape, telegram, clock):
    """Puts what the codes name into telegram.values; False if no code is among the elements."""
    name = _list_id(tape)
    exponents = _rules(name, clock)
    values = telegram.values
    cells = tape.cells
    count = tape.count
    coded = False
    i = 0
    while i < count:
        tag = cells[_FIRST + 4 * i]
        if tag == 1 or tag == 2 or not tag:
            i += 1
        elif tape.is_obis(i):
            coded = True
            i = _coded(tape, i, telegram, clock, exponents)
        else:
            _loose(tape, i, values, clock)
            i += 1
    return coded


def _coded(tape, i, telegram, clock, exponents):
    # One code and what belongs to it. Index of the element behind.
    at = tape.start(i)
    data = tape.data
    key = data[at + 2] << 16 | data[at + 3] << 8 | data[at + 4]
    i += 1
    if i == tape.count or tape.is_obis(i):
        return i
    tag = tape.cells[_FIRST + 4 * i]
    behind = i + 1
    scaler = None
    unit = 0
    if behind + 2 < tape.count and tape.cells[_FIRST + 4 * behind] == axdr.STRUCTURE:
        if tape.tag(behind + 1) == axdr.INT8 and tape.tag(behind + 2) == axdr.ENUM:
            scaler = tape.number(behind + 1)
            unit = tape.number(behind + 2)
            behind += 3
    if tag in (1, 2):
        return i + 1
    meaning = obis.lookup(key)
    if meaning is None:
        if key == obis.CLOCK and tape.size(i) == 12 and tag in (axdr.OCTETS, 25):
            put_clock(telegram.values, data, tape.start(i), clock)
        return behind
    _put(tape, i, telegram, meaning, exponents, scaler, unit)
    return behind


def _put(tape, i, telegram, meaning, exponents, scaler, unit):
    name, symbol, kind = meaning
    if kind == obis.TEXT:
        text = tape.text(i)
        if text is None:
            number = tape.number(i)
            text = None if number is None else str(number)
        if text is not None and name not in telegram.values:
            telegram.values[name] = text
        return
    found = tape.decimal(i)
    if found is None:
        return
    mantissa, exponent = found
    if scaler is None:
        exponent += exponents[kind]
        if kind == obis.VOLTAGE and mantissa > _VOLTS_MAX and exponent == 0:
            exponent = -2 if mantissa > 10 * _VOLTS_MAX else -1
    else:
        if unit != obis.UNIT_CODES[symbol] and unit != 255:
            telegram.notes.append("%s has unit %d, left out" % (name, unit))
            return
        exponent += scaler
    telegram.values[name] = Quantity(mantissa, exponent, symbol)


def _loose(tape, i, values, clock):
    # An element without a code: the clock, the list's name in front, the meter's id at the end.
    tag = tape.tag(i)
    if tag == axdr.OCTETS and tape.size(i) == 12 and "meter_time_local" not in values:
        if cosem_time.fields(tape.data, tape.start(i)):
            put_clock(values, tape.data, tape.start(i), clock)
            return
    text = tape.text(i)
    if not text:
        return
    if i < 3 and "list_id" not in values:
        values["list_id"] = text
    elif i == tape.count - 1 and "meter_id" not in values:
        values["meter_id"] = text
