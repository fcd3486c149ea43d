# uMeter - the user's factors for what a meter says
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.reading import Quantity, parse_decimal

# kind of quantity -> units; a factor belongs to one of them
_KINDS = (("W", ("W", "var")), ("V", ("V",)), ("A", ("A",)), ("kWh", ("Wh", "varh")))


def factors(texts):
    """{"W" | "V" | "A" | "kWh": decimal text} to {kind: (mantissa, exponent)}; what changes
    nothing, 1 and 0, is left out. ValueError."""
    found = {}
    for kind in texts:
        mantissa, exponent = parse_decimal(texts[kind])
        if mantissa < 0:
            raise ValueError("factor %s: %s" % (kind, texts[kind]))
        if mantissa not in (0, 10**-exponent):
            found[kind] = (mantissa, exponent)
    return found


def multiply(values, found):
    """Applies the user's factors(), last of all."""
    for kind, units in _KINDS:
        if kind not in found:
            continue
        mantissa, exponent = found[kind]
        for name in values:
            value = values[name]
            if isinstance(value, Quantity) and value.unit in units:
                values[name] = shortest(
                    value.mantissa * mantissa, value.exponent + exponent, value.unit
                )


def shortest(mantissa, exponent, unit):
    """Quantity without decimals that are zero."""
    while exponent < 0 and mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    return Quantity(mantissa, exponent, unit)
