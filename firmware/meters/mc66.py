# uMeter - MULTICAL 66: fields of its /# replies, scaling by the CCC code
# MIT license; Copyright (c) 2026 The uMeter authors

# MULTICAL 66-CDE technical description 5511-634 C1 (CCC table, standard data strings), 66-B
# technical description 5810-133 D1.

from firmware.meters.en61107 import number
from firmware.reading import Quantity

# Request -> characters of each field of its reply. No checksum guards these: the form is all
# that there is, so it is looked at closely. /#2 begins with the customer number.
REQUESTS = {b"/#1\r": (7,) * 10, b"/#2\r": (11,) + (7,) * 9, b"/#C": (7,) * 8}

# CCC codes -> flow unit, its decimals, power unit, its decimals
_ROWS = (
    ("116 197 119 198 136 138 183 185 151 137 178 120 179 184 199 107", "l/h", 0, "kW", 1),
    ("158 186", "m3/h", 2, "kW", 0),
    ("170 180 147 181 148 175 176 177 187 188 189 000 001 009", "m3/h", 2, "MW", 3),
    ("171 172 182 166 167 191 192 193 002 003 004 005", "m3/h", 1, "MW", 2),
    ("006 007 008", "m3/h", 0, "MW", 1),
)
_MECHANICAL = (108, 168)  # 66-B: codes between them that no row names are like the first row
_UNITS = {"2": "GJ", "3": "kWh", "4": "MWh", "5": "Gcal"}  # by B of the program number


class FieldError(ValueError):
    """A reply is not what the description says; args[0] tells what."""


def fields(reply, widths):
    """Reply to a /# request (bytes up to CR) -> its fields, texts.

    FieldError: wrong count or width, or no decimal number: the meter's memory dumps hold
    characters from 3A to 3F, which are no digits.
    """
    at = 0
    while at < len(reply) and reply[at] not in b"0123456789-":
        at += 1  # the end of an echo, or noise; a field that lost a character has the wrong width
    words = bytes(reply[at:]).decode().rstrip(" ").split(" ")
    if len(words) != len(widths):
        raise FieldError("%d fields, not %d" % (len(words), len(widths)))
    for word, width in zip(words, widths):
        if len(word) != width or not is_number(word):
            raise FieldError("no number of %d: %r" % (width, word))
    return words


def is_number(word):
    """True: decimal digits, perhaps a minus before them."""
    digits = word[1:] if word[:1] == "-" else word
    return bool(digits) and all("0" <= char <= "9" for char in digits)


def scaling(ccc, is_66b=False):
    """CCC, three digits -> (flow unit, decimals, power unit, decimals); None if not known."""
    for row in _ROWS:
        if ccc in row[0].split(" "):
            return row[1:]
    if is_66b and _MECHANICAL[0] <= int(ccc) <= _MECHANICAL[1]:
        return _ROWS[0][1:]
    return None


def program(standard2):
    """Fields of /#2 -> (12-digit program number A B CCC DD E FF GG, B, CCC)."""
    abccc = standard2[7][-5:]
    return abccc + standard2[8], abccc[1], abccc[2:]


def serial(block, standard2):
    """Customer number as text without leading zeros. FieldError: none, or two of them."""
    digits = block.get("0.0", ("", ""))[0]
    if not is_number(digits) or int(digits) <= 0:
        raise FieldError("no customer number")
    if int(standard2[0]) != int(digits):
        raise FieldError("customer %s in /#2, %s in the data block" % (standard2[0], digits))
    return str(int(digits))


def values(block, standard1, standard2, instant=None, is_66b=False):
    """Data block, /#1, /#2 and (66C) /#C -> (values, notes) of a Reading. FieldError, ValueError.

    Power and flow of an unknown CCC are left out: what their digits mean nobody can tell.
    """
    number_, b, ccc = program(standard2)
    found = {"program": number_}
    for code, name, unit in (("6.8", "energy_e1", _UNITS.get(b)), ("6.26", "volume_v1", "m3"),
                             ("6.31", "hours", "h")):  # fmt: skip
        if code in block:  # 66-B may leave the unit out
            found[name] = Quantity(*number(block[code][0]), block[code][1] or unit)
    energy = found.get("energy_e1")
    if energy and energy.unit not in _UNITS.values():
        raise FieldError("energy unit %r" % energy.unit)
    for at, name in ((3, "temp_t1"), (4, "temp_t2"), (5, "temp_diff")):
        found[name] = Quantity(int(standard1[at]), -2, "C")
    if instant:
        found["temp_t3"] = Quantity(int(instant[1]), -2, "C")
    scale = scaling(ccc, is_66b)
    if not scale:
        return found, ("CCC %s is not known: no power, no flow" % ccc,)
    found["power_1"] = Quantity(int(standard1[6]), -scale[3], scale[2])
    found["flow_1"] = Quantity(int(standard1[7]), -scale[1], scale[0])
    return found, ()
