# uMeter - the limit up to which the valve stays open: exact integers, Wh or litres
# MIT license; Copyright (c) 2026 The uMeter authors

NEVER = -1  # no limit was ever set

# unit -> (factor, divisor) to Wh; 1 cal (IT) = 4.1868 J exactly
_WH = {
    "Wh": (1, 1),
    "kWh": (1000, 1),
    "MWh": (10**6, 1),
    "GWh": (10**9, 1),
    "J": (1, 3600),
    "kJ": (10, 36),
    "MJ": (10**4, 36),
    "GJ": (10**7, 36),
    "GJx10": (10**8, 36),
    "Cal": (1163, 10**6),
    "kCal": (1163, 10**3),
    "Mcal": (1163, 1),
    "Gcal": (1163000, 1),
}  # as the meters' registers spell them
_LITRES = {"l": (1, 1), "m3": (1000, 1), "m3x10": (10000, 1)}


def counted(reading, flow_meter):
    """What the limit is compared with: whole Wh or litres of a Reading; None: it has none."""
    if flow_meter:
        names, units = ("volume_v1",), _LITRES
    else:
        names, units = ("energy_e1", "active_energy_import_wh"), _WH
    for name in names:
        quantity = reading.values.get(name)
        if quantity is None:
            continue
        factor = units.get(quantity.unit)
        if factor is None:
            return None
        mantissa, exponent = quantity.mantissa * factor[0], quantity.exponent
        if exponent >= 0:
            return mantissa * 10**exponent // factor[1]
        return mantissa // (10**-exponent * factor[1])
    return None


class LimitGuard:
    """Decides when a valve has to close. auto_close, at_zero: the build flags."""

    def __init__(self, auto_close, at_zero):
        self._auto_close = auto_close
        self._at_zero = at_zero
        self.current = None  # of the last reading; None: none yet
        self.waiting = None  # open_until_delta that came before the first reading

    def limit(self, stored):
        """The limit that counts; None: there is none."""
        if stored == NEVER:
            return 0 if self._at_zero else None
        return stored

    def is_reached(self, stored):
        """Whether an open valve has to close now."""
        limit = self.limit(stored)
        if not self._auto_close or limit is None or self.current is None:
            return False
        return self.current >= limit
