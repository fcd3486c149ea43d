# uMeter - meterctl decode: programming replies of OMNIPOWER, time (R5) and load profile (R6)
# MIT license; Copyright (c) 2026 The uMeter authors

# 5512-1458 B1 section 8.1; a profile comes in partial blocks.

from firmware.meters import en61107
from firmware.meters.mc66 import is_number
from tools.decode.numbers import quantity


def profile(sets):
    """99.1.0(minutes)(code)(unit)(code)(unit)... and rows -> [{"ts", unit: number}]."""
    rows = []
    for _, brackets in sets:  # each block says again what its columns are
        width = _columns(brackets)
        if not width:
            raise en61107.BlockError("malformed")
        names = brackets[1 : 2 * width : 2]
        units = brackets[2 : 2 * width + 1 : 2]
        cells = brackets[2 * width + 1 :]
        if len(cells) % width:
            raise en61107.BlockError("malformed")
        for at in range(0, len(cells), width):
            rows.append(_row(names, units, cells[at : at + width]))
    return rows


def _columns(brackets):
    digits = brackets[0]
    width = int(digits) if digits.isdigit() else 0
    return width if 0 < width and len(brackets) > 2 * width else 0


def _row(names, units, cells):
    row = {}
    for name, unit, cell in zip(names, units, cells):
        if name == "1.0.0":
            row["ts"] = stamp(cell[2:])
        elif unit:
            row[unit if units.count(unit) == 1 else name] = quantity(cell)[0]
    return row


def stamp(digits):
    """yymmddhhmmss -> "20yy-mm-dd hh:mm:ss"; what is none stays."""
    if len(digits) != 12 or not is_number(digits):
        return digits
    return "20%s-%s-%s %s:%s:%s" % tuple(digits[i : i + 2] for i in range(0, 12, 2))


def clock(digits):
    """NVyymmddhhmmss -> "2005-02-01 07:50:12 normal time, valid"."""
    if len(digits) != 14 or not is_number(digits):
        return digits
    season = "normal time" if digits[0] == "0" else "summer time"
    validity = "valid" if digits[1] == "1" else "invalid"
    return "%s %s, %s" % (stamp(digits[2:]), season, validity)
