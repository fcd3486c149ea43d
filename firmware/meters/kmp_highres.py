# uMeter - heat energy to 0.1 Wh: E1 and its high-resolution register put together
# MIT license; Copyright (c) 2026 The uMeter authors

# MULTICAL 403 technical description, test registers: the high-resolution register shows
# the low digits of E1 and starts anew every 10 MWh.

from firmware.reading import Quantity, rescale

_ROUND_DWH = 100000000  # 10 MWh in 0.1 Wh
_WH_EXPONENTS = {"Wh": 0, "kWh": 3, "MWh": 6, "GWh": 9}


def merge(energy, high_resolution):
    """Quantities E1 and high resolution (Wh) -> Quantity in Wh with one decimal.

    None when E1's unit is none of Wh, kWh, MWh, GWh, GJ, or the high register's is not Wh.
    """
    if high_resolution.unit != "Wh":
        return None
    fine = rescale(high_resolution.mantissa, high_resolution.exponent, -1)
    if energy.unit == "GJ":  # 1 GJ = 10**10 / 3.6 steps of 0.1 Wh / 1000
        coarse = rescale(energy.mantissa * 10**10, energy.exponent, 0) // 3600
    elif energy.unit in _WH_EXPONENTS:
        shift = energy.exponent + _WH_EXPONENTS[energy.unit]
        coarse = rescale(energy.mantissa, shift, -1)
    else:
        return None
    # The round whose value lies nearest: E1 is cut, so it may lag a round behind or,
    # read a moment before, ahead.
    rounds = max(0, (coarse - fine + _ROUND_DWH // 2) // _ROUND_DWH)
    return Quantity(rounds * _ROUND_DWH + fine, -1, "Wh")
