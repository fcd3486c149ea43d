# uMeter - P1 telegrams: data lines
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: DSMR 5.0.2 section 6.4 and 6.12, IEC 62056-61 (codes A-B:C.D.E*F).
# The meter itself: 1-n and 0-0; gas, water and their ids (0-n) are other meters'. Old
# values (*F other than 255) are left out.

from micropython import const

from firmware.meters import cosem_time, obis
from firmware.meters.han_values import put_totals
from firmware.reading import Quantity


def _packed(data, at, stop):
    # Letters of a unit as a number, whatever their case; -1 for what is none.
    value = 0
    for i in range(at, stop):
        byte = data[i]
        if byte == 32:
            continue
        if not 65 <= byte & 0xDF <= 90 or value >= 1 << 20:
            return -1
        value = value << 5 | byte & 31
    return value


# _packed() unit on the wire -> (unit of the name, power of ten)
_UNITS = {}
for _text, _unit, _power in (
    (b"W", "W", 0), (b"KW", "W", 3), (b"MW", "W", 6), (b"VAR", "var", 0), (b"KVAR", "var", 3),
    (b"WH", "Wh", 0), (b"KWH", "Wh", 3), (b"MWH", "Wh", 6), (b"VARH", "varh", 0),
    (b"KVARH", "varh", 3), (b"V", "V", 0), (b"A", "A", 0), (b"HZ", "Hz", 0), (b"", "", 0),
):  # fmt: skip
    _UNITS[_packed(_text, 0, len(_text))] = _unit, _power
del _text, _unit, _power

_CLOCK = const(0x010000)  # 1.0.0
_TIME = const(0x000901)  # time and date if they come apart
_DATE = const(0x000902)
_IDS = (0x600100, 0x000005, 0x600101, 0x2A0000)  # the first that is there names the meter


def decode(data, ident, telegram, zone_min):
    """Fills telegram.values from the data lines (bytes). ident: text behind "/"."""
    values = telegram.values
    if ident:
        values["p1_ident"] = ident
    texts = {}
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        if end < 0:
            end = len(data)
        opening = data.find(b"(", at, end)
        closing = data.find(b")", opening, end) if opening >= 0 else -1
        if closing >= 0:
            key = _key(data, at, opening)
            if key in _IDS or key == _CLOCK or key == _TIME or key == _DATE:
                texts[key] = _text(data, opening + 1, closing)
            elif key >= 0:
                _number(telegram, key, data, opening + 1, closing)
        at = end + 1
    if _CLOCK in texts:
        _clock(values, texts[_CLOCK], zone_min)
    if "meter_time_local" not in values and _DATE in texts and _TIME in texts:
        _clock(values, texts[_DATE] + " " + texts[_TIME], zone_min)
    _identity(values, texts)
    put_totals(values, telegram.derived)


def _text(data, at, stop):
    # "" for what is no ASCII: one odd character must not cost the telegram.
    raw = data[at:stop]
    return "" if raw and max(raw) > 126 else str(raw, "ascii")


def _key(data, at, stop):
    # C << 16 | D << 8 | E of a code that belongs to the meter itself, -1 for all others. Byte by
    # byte: a telegram each second must not litter the heap.
    while at < stop and data[at] <= 32:
        at += 1
    while at < stop and data[stop - 1] <= 32:
        stop -= 1
    key = value = count = 0
    digits = old = False
    medium = 1
    for i in range(at, stop):
        byte = data[i]
        if 48 <= byte <= 57:
            value = 10 * value + byte - 48
            digits = True
            if value > 255:
                return -1
            continue
        if not digits or old:
            return -1
        if byte == 45:  # A-
            medium = value
        elif byte == 58:  # B:
            if medium > 1 or (medium == 0 and value):
                return -1
        elif byte == 46 or byte == 42:  # C. D. E*
            key = key << 8 | value
            count += 1
            old = byte == 42
        else:
            return -1
        value = 0
        digits = False
    if not digits or (old and value != 255):
        return -1
    if not old:
        key = key << 8 | value
        count += 1
    return key if count == 3 else -1


def _number(telegram, key, data, at, stop):
    meaning = obis.lookup(key)
    if not meaning or meaning[2] == obis.TEXT:
        return
    star = data.find(b"*", at, stop)
    if star < 0:
        star = stop
    known = _UNITS.get(_packed(data, star + 1, stop))
    if known is None or known[0] != meaning[1]:
        unit = _text(data, star + 1, min(star + 9, stop))
        telegram.notes.append("%s has unit %s, left out" % (meaning[0], unit))
        return
    found = _decimal(data, at, star, known[1], meaning[1])
    if found is None:
        telegram.notes.append("%s is not a number" % meaning[0])
    else:
        telegram.values[meaning[0]] = found


def _decimal(data, at, stop, exponent, unit):
    # Quantity of "00012.345", None if that is no number.
    while at < stop and data[at] == 32:
        at += 1
    while at < stop and data[stop - 1] == 32:
        stop -= 1
    minus = at < stop and data[at] == 45
    if at < stop and (minus or data[at] == 43):
        at += 1
    mantissa = 0
    point = -1
    digits = 0
    for i in range(at, stop):
        byte = data[i]
        if 48 <= byte <= 57:
            mantissa = 10 * mantissa + byte - 48
            digits += 1
        elif byte == 46 and point < 0:
            point = i
        else:
            return None
    if not digits or point == stop - 1:
        return None
    if point >= 0:
        exponent -= stop - 1 - point
    return Quantity(-mantissa if minus else mantissa, exponent, unit)


def _identity(values, texts):
    if texts.get(_IDS[-1]):
        values["logical_device_name"] = _unhex(texts[_IDS[-1]])
    for code in _IDS:
        text = _unhex(texts.get(code, ""))
        if text:
            values["meter_id"] = text
            return


def _unhex(text):
    # DSMR writes the equipment identifier as hex digits of ASCII characters; old meters of
    # Kamstrup begin it with a blank.
    if len(text) % 2 or len(text) < 8:
        return text
    out = ""
    for i in range(0, len(text), 2):
        try:
            char = int(text[i : i + 2], 16)
        except ValueError:
            return text
        if not (48 <= char <= 57 or 65 <= char <= 90 or (char == 32 and i == 0)):
            return text
        out += chr(char)
    return out.strip()


def _clock(values, text, zone_min):
    # yyMMddHHmmssX with X = S or W, or date and time with or without separators.
    digits = "".join([char for char in text if "0" <= char <= "9"])
    if len(digits) == 12:
        digits = "20" + digits
    if len(digits) != 14:
        return
    year = int(digits[:4])
    found = (year,) + tuple(int(digits[i : i + 2]) for i in range(4, 14, 2))
    if not cosem_time.valid(found):
        return
    values["meter_time_local"] = cosem_time.text(found)
    summer = None
    if text[-1:] in ("S", "W"):
        summer = text[-1:] == "S"
        values["meter_time_dst"] = summer
    seconds = cosem_time.zone_utc(found, zone_min, summer)
    values["meter_time_utc"] = Quantity(seconds, 0, "s")
