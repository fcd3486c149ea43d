# uMeter - decimal numbers in JSON, digit by digit as they are, on CPython and MicroPython
# MIT license; Copyright (c) 2026 The uMeter authors

import sys

from firmware.meters import en61107
from firmware.reading import decimal


class _Exact:
    """MicroPython's floats have 24 bits, but its json prints an object as its repr()."""

    def __init__(self, text):
        self._text = text

    def __repr__(self):
        return self._text


def number(mantissa, exponent):
    """mantissa * 10**exponent for json.dumps: an int where nothing follows the point."""
    if exponent >= 0:
        return mantissa * 10**exponent
    text = decimal(mantissa, exponent)
    return _Exact(text) if sys.implementation.name == "micropython" else float(text)


def quantity(bracket):
    """Text of an EN 61107 value -> [number, unit]; what is no decimal number stays text."""
    digits, _, unit = bracket.partition("*")
    try:
        return [number(*en61107.number(digits)), unit]
    except ValueError:
        return [digits, unit]
