# uMeter - canonical names of OBIS codes
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: DLMS UA Blue Book section 7.5 (electricity, value groups C, D, E). A name is put
# together when a meter first sends the code: a table of all would take 7 kB.

from micropython import const

# Which exponent applies when a list has no scalers: index into a layout's tuple.
POWER = const(0)
ENERGY = const(1)
VOLTAGE = const(2)
CURRENT = const(3)
FACTOR = const(4)
FREQUENCY = const(5)
TEXT = const(6)

CLOCK = const(0x010000)  # C.D.E = 1.0.0

_DIRECTIONS = ("active", "active", "reactive", "reactive")
_TEXTS = {
    0x000281: "list_id",  # 0.2.129
    0x600100: "meter_id",  # 96.1.0
    0x000005: "meter_id",  # 0.0.5, GIAI of Kamstrup
    0x000001: "meter_number",  # 0.0.1
    0x600101: "meter_model",  # 1-1:96.1.1, of Kamstrup; 0-0:96.1.1 is an asset number
    0x600107: "meter_model",  # 96.1.7
    0x2A0000: "logical_device_name",  # 42.0.0
}
_UNITS = ("W", "Wh", "V", "A", "", "Hz")
# Physical units of the Blue Book's table 4 (section 4.3.2), by the unit of a name.
UNIT_CODES = {"W": 27, "var": 29, "Wh": 30, "varh": 32, "A": 33, "V": 35, "Hz": 44, "": 255}

known = {}  # what lookup() has found so far
_KNOWN_MAX = const(128)


def lookup(key):
    """(name, unit, kind) of C << 16 | D << 8 | E; None for a code without a canonical name."""
    if key in known:
        return known[key]
    found = _text(key) or _quantity(key >> 16, key >> 8 & 255, key & 255)
    if len(known) >= _KNOWN_MAX:
        known.clear()
    known[key] = found
    return found


def _text(key):
    name = _TEXTS.get(key)
    return (name, "", TEXT) if name else None


def _quantity(c, d, e):
    phase = ""
    if 20 < c < 80:
        if e:
            return None
        phase = "_l%d" % (c // 20)
        c %= 20
        if 5 <= c <= 10:
            return None
    if d == 8:
        return _energy(c, e, phase)
    if d != 7 or e:
        return None
    if 1 <= c <= 4:
        kind = _DIRECTIONS[c - 1]
        unit = "W" if c < 3 else "var"
        way = "export" if c in (2, 4) else "import"
        return ("%s_power_%s%s_%s" % (kind, way, phase, unit.lower()), unit, POWER)
    if c == 13:
        return ("power_factor" + phase, "", FACTOR)
    if c == 14 and not phase:
        return ("frequency_hz", "Hz", FREQUENCY)
    if c == 12 and phase:
        return ("voltage%s_v" % phase, "V", VOLTAGE)
    if c == 11 and phase:
        return ("current%s_a" % phase, "A", CURRENT)
    return None


def _energy(c, e, phase):
    if e > 8 or not 1 <= c <= 8:
        return None
    if c > 4:
        return None if e or phase else ("reactive_energy_q%d_varh" % (c - 4), "varh", ENERGY)
    kind = _DIRECTIONS[c - 1]
    unit = "Wh" if c < 3 else "varh"
    way = "export" if c in (2, 4) else "import"
    tariff = "_t%d" % e if e else ""
    return ("%s_energy_%s%s%s_%s" % (kind, way, phase, tariff, unit.lower()), unit, ENERGY)
