# uMeter - HAN layouts: Iskraemeco's lists without codes
# MIT license; Copyright (c) 2026 The uMeter authors

# Voltages 0.1 V, currents 0.01 A, power factor 0.001. Which list it is, the number of elements
# and the type of one of them tell. The second text of some lists is an id of the push setup that
# many meters share, so the logical device name is the meter's id.

from firmware.meters import axdr, cosem_time, obis
from firmware.meters.han_values import are_numbers, put_clock
from firmware.reading import Quantity

# A plan names the elements in order: a code as C.D.E, or a word.
# L logical device name, D device id, M meter id, B breaker, T tariff, P limiter threshold,
# C clock of 12 bytes, t time and d date apart, - nothing.
_POWERS = " 1.7.0 2.7.0 3.7.0 4.7.0"
_VOLTAGES = " 32.7.0 52.7.0 72.7.0"
_CURRENTS = " 31.7.0 51.7.0 71.7.0"
_PHASES = " 21.7.0 41.7.0 61.7.0 22.7.0 42.7.0 62.7.0"
_ACTIVE = " 1.8.0 1.8.1 1.8.2 2.8.0 2.8.1 2.8.2"
_REACTIVE = " 5.8.0 6.8.0 7.8.0 8.8.0"
_PLANS = {
    "4": "M - 1.8.0 2.8.0",
    "8": "L D 32.7.0 31.7.0" + _POWERS,
    "9u16": "L D" + _POWERS + " 32.7.0 - -",
    "9u32": "L 1.7.0 2.7.0" + _ACTIVE,
    "9clock": "C 1.8.0 2.8.0 3.8.0 4.8.0" + _POWERS,
    "10u16": "L D" + _POWERS + " 32.7.0 31.7.0 21.7.0 22.7.0",
    "10u32": "L D 1.8.1 1.8.2 2.8.1 2.8.2 3.8.1 3.8.2 4.8.1 4.8.2",
    "12enum": "L D B T" + _ACTIVE + " 3.8.0 4.8.0",
    "12u16": "L D" + _VOLTAGES + _CURRENTS + _POWERS,
    "12obis": "- M t d 1.8.0 2.8.0 3.8.0 4.8.0 1.7.0 2.7.0 - -",
    "15": _ACTIVE + " - C 2.7.0 1.7.0" + _CURRENTS + " 32.7.0 72.7.0",
    "18": "L D" + _POWERS + _VOLTAGES + _CURRENTS + _PHASES,
    "28": "M t d" + _ACTIVE + " 1.7.0 2.7.0" + _PHASES + _VOLTAGES + _CURRENTS + " P - - - B",
    "33": "M t d"
    + _ACTIVE
    + _REACTIVE
    + " 1.7.0 2.7.0 13.7.0"
    + _PHASES
    + _VOLTAGES
    + _CURRENTS
    + " P - - - B",
}
_EXPONENTS = (0, 0, -1, -2, -3, -2)
_WORDS = {"L": "logical_device_name", "D": "device_id", "M": "meter_id"}
_KELAG = 0x190900  # 0-6:25.9.0, the push setup


def _plan(tape, items):
    """Key of the list that this is, "" if it is none of Iskraemeco's."""
    count = len(items)
    if count == 15 and are_numbers(tape, items[:6]) and tape.size(items[7]) == 12:
        return "15"
    if tape.tag(items[0]) not in (axdr.OCTETS, axdr.VISIBLE):
        return ""
    if count == 12 and tape.is_obis(items[0]) and tape.obis_key(items[0]) == _KELAG:
        return "12obis"
    if count == 9 and tape.size(items[0]) == 12 and are_numbers(tape, items[1:]):
        return "9clock" if cosem_time.fields(tape.data, tape.start(items[0])) else ""
    name = tape.text(items[0]) or ""
    if count in (4, 28, 33) and (name.isdigit() or name[:3] == "ISK"):
        return str(count)
    if name[:3] != "ISK":
        return ""
    if count == 9 or count == 10:
        return "%du16" % count if tape.tag(items[6]) == axdr.UINT16 else "%du32" % count
    if count == 12:
        return "12u16" if tape.tag(items[2]) == axdr.UINT16 else "12enum"
    return str(count) if count in (8, 18) else ""


def decode(tape, items, telegram, clock):
    """items: the elements of the list. None if this is none of Iskraemeco's.

    False if an element is not what the list has in its place.
    """
    key = _plan(tape, items)
    if not key:
        return None
    words = _PLANS[key].split()
    values = telegram.values
    time_at = -1
    for i in range(len(words)):
        word = words[i]
        item = items[i]
        if word in _WORDS:
            text = tape.text(item)
            if text:
                values[_WORDS[word]] = text
        elif word == "t":
            time_at = _place(tape, item, 4, 27)
        elif word == "d":
            date_at = _place(tape, item, 5, 26)
            if time_at >= 0 and date_at >= 0:
                _split_clock(values, tape.data, date_at, time_at)
        elif word == "C":
            put_clock(tape, item, values, clock)
        elif word != "-" and not _put(tape, item, word, telegram):
            return False
    if "meter_id" not in values and "logical_device_name" in values:
        values["meter_id"] = values["logical_device_name"]
    elif key == "4":
        values["device_id"] = values.get("meter_id", "")
    if key == "15":
        _middle_voltage(telegram)
    return True


def _put(tape, item, word, telegram):
    values = telegram.values
    number = tape.number(item)
    if word == "T":
        raw = tape.octets(item)
        values["tariff"] = Quantity(raw[-1] if raw else 0, 0, "")
        return True
    if number is None:
        return tape.tag(item) == 0  # null: this meter does not measure it
    if word == "B":
        values["breaker_state"] = Quantity(number, 0, "")
    elif word == "P":
        values["limiter_threshold_w"] = Quantity(number, 0, "W")
    else:
        c, d, e = word.split(".")
        name, unit, kind = obis.lookup(int(c) << 16 | int(d) << 8 | int(e))
        values[name] = Quantity(number, _EXPONENTS[kind], unit)
    return True


def _place(tape, item, size, tag):
    # Where an octet string of that size, or a value of that type, begins; -1 for what is none.
    fits = tape.size(item) == size and tape.tag(item) in (axdr.OCTETS, tag)
    return tape.start(item) if fits else -1


def _split_clock(values, data, date_at, time_at):
    # COSEM date (5 bytes) and time (4 bytes), Blue Book section 4.1.6.1.
    year = data[date_at] << 8 | data[date_at + 1]
    day = (year, data[date_at + 2], data[date_at + 3])
    found = day + (data[time_at], data[time_at + 1], data[time_at + 2])
    if cosem_time.valid(found):
        values["meter_time_local"] = cosem_time.text(found)


def _middle_voltage(telegram):
    # Between two phases of the triangle whose corners are 60 degrees apart:
    # U2^2 = U1^2 + U3^2 - U1 U3, rounded to hundredths of a volt.
    if "voltage_l1_v" not in telegram.values or "voltage_l3_v" not in telegram.values:
        return
    one = 10 * telegram.values["voltage_l1_v"].mantissa
    three = 10 * telegram.values["voltage_l3_v"].mantissa
    square = one * one + three * three - one * three
    root = max(one, three)
    for _ in range(12):  # Newton; the start is at most the root's double
        if root:
            root = (root + square // root) // 2
    if square > root * (root + 1):
        root += 1
    telegram.values["voltage_l2_v"] = Quantity(root, -2, "V")
    telegram.derived.append("voltage_l2_v")
