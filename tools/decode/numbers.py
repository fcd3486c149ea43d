# uMeter - decimal numbers in JSON, digit by digit as they are, on CPython and MicroPython
# MIT license; Copyright (c) 2026 The uMeter authors

import sys

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
