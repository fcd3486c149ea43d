# uMeter - MULTICAL 66: fields of its /# replies, scaling by the CCC code
# MIT license; Copyright (c) 2026 The uMeter authors

# MULTICAL 66-CDE technical description 5511-634 C1 (CCC table, standard data strings).

from firmware.meters.en61107 import number
from firmware.reading import Quantity

# CCC codes -> flow unit, its decimals, power unit, its decimals
_ROWS = (
    ("116 197 119 198 136 138 183 185 151 137 178 120 179 184 199 107", "l/h", 0, "kW", 1),
    ("158 186", "m3/h", 2, "kW", 0),
    ("170 180 147 181 148 175 176 177 187 188 189 000 001 009", "m3/h", 2, "MW", 3),
    ("171 172 182 166 167 191 192 193 002 003 004 005", "m3/h", 1, "MW", 2),
    ("006 007 008", "m3/h", 0, "MW", 1),
)
_UNITS = ("kWh", "MWh", "GJ", "Gcal")


class FieldError(ValueError):
    """A reply is not what the description says; args[0] tells what."""


def fields(reply, count):
    """Reply to a /# request (bytes up to CR) -> its fields, texts.

    FieldError: wrong count, or a field that is no number of seven (customer: eleven) digits.
    The meter's memory dumps hold characters from 3A to 3F: these are no digits.
    """
    words = [bytes(word).decode() for word in bytes(reply).split()]
    if len(words) != count:
        raise FieldError("%d fields, not %d" % (len(words), count))
    for word in words:
        digits = word[1:] if word[0] == "-" else word
        if len(word) not in (7, 11) or not digits.isdigit():
            raise FieldError("no number: %r" % word)
    return words


def scaling(ccc):
    """CCC, three digits -> (flow unit, decimals, power unit, decimals); None if not known."""
    for codes, flow, flow_decimals, power, power_decimals in _ROWS:
        if ccc in codes.split(" "):
            return flow, flow_decimals, power, power_decimals
    return None


def program(standard2):
    """Fields of /#2 -> (12-digit program number A B CCC DD E FF GG, CCC)."""
    abccc = standard2[7][-5:]
    return abccc + standard2[8], abccc[2:]


def serial(block):
    """Customer number 0.0 as text without leading zeros."""
    text = block.get("0.0", ("", ""))[0]
    if not text.isdigit() or int(text) == 0:
        raise FieldError("no customer number")
    return str(int(text))


def values(block, standard1, standard2, instant=None):
    """Data block, /#1, /#2 and (66C) /#C -> values of a Reading. FieldError, ValueError."""
    found = {}
    for code, name in (("6.8", "energy_e1"), ("6.26", "volume_v1"), ("6.31", "hours")):
        if code in block:
            text, unit = block[code]
            found[name] = Quantity(*number(text), unit)
    energy = found.get("energy_e1")
    if energy and energy.unit not in _UNITS:
        raise FieldError("energy unit %r" % energy.unit)
    found["program"], ccc = program(standard2)
    scale = scaling(ccc)
    for at, name in ((3, "temp_t1"), (4, "temp_t2"), (5, "temp_diff")):
        found[name] = Quantity(int(standard1[at]), -2, "C")
    if instant:
        found["temp_t3"] = Quantity(int(instant[1]), -2, "C")
    if scale:  # what an unknown code means nobody can tell: rather nothing than a wrong power
        found["power_1"] = Quantity(int(standard1[6]), -scale[3], scale[2])
        found["flow_1"] = Quantity(int(standard1[7]), -scale[1], scale[0])
    return found
