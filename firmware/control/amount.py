# uMeter - texts of limits: whole kWh, or m3
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.reading import parse_decimal, rescale

_MOST = 10**13  # Wh or litres


def parse(text, flow_meter):
    """Text of open_until -> Wh or litres, below zero too; ValueError.

    kWh are whole, m3 may have decimals, of which three count (MeterLogger section 7.3).
    """
    try:
        mantissa, exponent = parse_decimal(text)
    except ValueError:
        mantissa, exponent = None, 0
    if mantissa is None or (exponent and not flow_meter) or len(text) > 20:
        kind = "m3, such as 57.250" if flow_meter else "whole kWh, such as 57000"
        raise ValueError("%s, not %r" % (kind, text))
    value = rescale(mantissa, exponent, -3)
    if value > _MOST:
        raise ValueError("%s is too much" % text)
    return value


def show(value, flow_meter):
    """Wh or litres -> whole kWh, or m3 with three decimals."""
    sign = "-" if value < 0 else ""
    value = abs(value)
    if flow_meter:
        return "%s%d.%03d" % (sign, value // 1000, value % 1000)
    return "%s%d" % (sign if value >= 1000 else "", value // 1000)
