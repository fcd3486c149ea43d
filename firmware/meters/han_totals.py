# uMeter - sums of what a meter tells in parts
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.reading import Quantity


def total(parts):
    """The exact sum of Quantities of one unit."""
    low = min([part.exponent for part in parts])
    mantissa = 0
    for part in parts:
        mantissa += part.mantissa * 10 ** (part.exponent - low)
    return Quantity(mantissa, low, parts[0].unit)


def add(values, name, one, other, derived):
    """values[name] = one + other, both names, if both are there and name is not."""
    if name not in values and one in values and other in values:
        values[name] = total((values[one], values[other]))
        derived.append(name)
