# uMeter - P1 telegrams: data lines
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: DSMR 5.0.2 section 6.4 and 6.12, IEC 62056-61 (codes A-B:C.D.E*F).
# The meter itself: 1-n and 0-0; gas, water and their ids (0-n) are other meters'. Old
# values (*F other than 255) are left out.

from firmware.meters import cosem_time, obis
from firmware.meters.han_values import put_totals
from firmware.reading import Quantity, parse_decimal

# unit on the wire, in capitals -> (unit of the name, power of ten)
_UNITS = {"W": ("W", 0), "KW": ("W", 3), "WH": ("Wh", 0), "KWH": ("Wh", 3), "V": ("V", 0)}
_UNITS.update({"VAR": ("var", 0), "KVAR": ("var", 3), "VARH": ("varh", 0), "KVARH": ("varh", 3)})
_UNITS.update({"MWH": ("Wh", 6), "A": ("A", 0), "HZ": ("Hz", 0), "": ("", 0), "MW": ("W", 6)})

_IDS = ("96.1.0", "0.0.5", "96.1.1", "42.0.0")  # the first that is there names the meter


def decode(text, ident, telegram, zone_min):
    """Fills telegram.values from the data lines (str). ident: text behind the "/"."""
    values = telegram.values
    if ident:
        values["p1_ident"] = ident
    ids = {}
    clock = ["", ""]  # date and time if they come apart (0.9.2, 0.9.1)
    for line in text.split("\n"):
        opening = line.find("(")
        closing = line.find(")", opening)
        if opening < 0 or closing < 0:
            continue
        code = _code(line[:opening])
        content = line[opening + 1 : closing]
        if not code:
            continue
        if code == "1.0.0":
            _clock(values, content, zone_min)
        elif code == "0.9.1":
            clock[1] = content
        elif code == "0.9.2":
            clock[0] = content
        elif code in _IDS:
            ids[code] = content
        else:
            _number(telegram, code, content)
    if "meter_time_local" not in values and clock[0] and clock[1]:
        _clock(values, clock[0] + " " + clock[1], zone_min)
    _identity(values, ids)
    put_totals(values, telegram.derived)


def _code(text):
    # "C.D.E" of a code that belongs to the meter itself, "" for all others.
    text = text.strip()
    text, star, old = text.partition("*")
    if star and old != "255":
        return ""
    medium, dash, rest = text.partition("-")
    if dash:
        channel, colon, code = rest.partition(":")
        if not colon or medium not in ("0", "1") or (medium == "0" and channel != "0"):
            return ""
        return code
    return text


def _number(telegram, code, content):
    parts = code.split(".")
    if len(parts) != 3:
        return
    for part in parts:
        if not part.isdigit() or int(part) > 255:
            return
    meaning = obis.lookup(int(parts[0]) << 16 | int(parts[1]) << 8 | int(parts[2]))
    if not meaning or meaning[2] == obis.TEXT:
        return
    number, _, unit = content.partition("*")
    known = _UNITS.get(unit.strip().upper())
    if known is None or known[0] != meaning[1]:
        telegram.notes.append("%s has unit %s, left out" % (meaning[0], unit[:8]))
        return
    try:
        mantissa, exponent = parse_decimal(number.strip())
    except ValueError:
        telegram.notes.append("%s is not a number" % meaning[0])
        return
    telegram.values[meaning[0]] = Quantity(mantissa, exponent + known[1], meaning[1])


def _identity(values, ids):
    for code in _IDS:
        text = _unhex(ids.get(code, ""))
        if text:
            values["meter_id"] = text
            return


def _unhex(text):
    # DSMR writes the equipment identifier as hex digits of ASCII characters.
    if len(text) % 2 or len(text) < 8:
        return text
    out = ""
    for i in range(0, len(text), 2):
        try:
            char = int(text[i : i + 2], 16)
        except ValueError:
            return text
        if not (48 <= char <= 57 or 65 <= char <= 90):
            return text
        out += chr(char)
    return out


def _clock(values, text, zone_min):
    # yyMMddHHmmssX with X = S or W, or date and time with or without separators.
    digits = ""
    for char in text:
        if "0" <= char <= "9":
            digits += char
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
