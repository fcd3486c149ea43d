# uMeter - what a meter said: exact quantities and the reading that carries them
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP32 floats carry 24 bits, a meter's counter needs more: a quantity is an
# integer mantissa, a power of ten and a unit, from the wire to the wire.

from collections import namedtuple

Quantity = namedtuple("Quantity", ("mantissa", "exponent", "unit"))


def decimal(mantissa, exponent):
    """Exact decimal text of mantissa * 10**exponent: "0.05", "-1.25", "2000"."""
    if exponent >= 0:
        return str(mantissa * 10**exponent)
    digits = str(abs(mantissa))
    places = -exponent
    if len(digits) <= places:
        digits = "0" * (places + 1 - len(digits)) + digits
    sign = "-" if mantissa < 0 else ""
    return sign + digits[:-places] + "." + digits[-places:]


def parse_decimal(text):
    """Text such as "-0056.72" to (mantissa, exponent); ValueError names what is not decimal."""
    body = text[1:] if text[:1] in ("-", "+") else text
    whole, dot, fraction = body.partition(".")
    digits = whole + fraction
    if not digits or (dot and not fraction):
        raise ValueError("not a decimal number: " + repr(text))
    for char in digits:
        if not "0" <= char <= "9":
            raise ValueError("not a decimal number: " + repr(text))
    mantissa = int(digits)
    return -mantissa if text[:1] == "-" else mantissa, -len(fraction)


def rescale(mantissa, exponent, target):
    """mantissa * 10**exponent in whole steps of 10**target, rounded towards zero."""
    shift = exponent - target
    if shift >= 0:
        return mantissa * 10**shift
    if mantissa < 0:
        return -(-mantissa // 10**-shift)
    return mantissa // 10**-shift


class Reading:
    """One answer of one meter.

    kind    "kmp", "mc66c", "mc66b", "impulse", "han", "p1": the family of names in `values`
    serial  text as it appears in topics, not padded
    uptime  seconds since boot when the sample was taken (monotonic; always known)
    time    unix seconds of sampling, 0 until the clock is set
    values  canonical name -> Quantity, or text for identities and times
    notes   diagnostics in words (implausible voltage, unauthenticated ...); values stay as is
    derived names in `values` that were computed, not measured
    uptimes name -> when that value came, of those that came at another time than `uptime`
    """

    def __init__(self, kind, serial, uptime, values, time=0, notes=(), derived=(), uptimes=None):
        self.kind = kind
        self.serial = serial
        self.uptime = uptime
        self.values = values
        self.time = time
        self.notes = notes
        self.derived = derived
        self.uptimes = uptimes

    def age(self, name, now):
        """Seconds since the value of that name came; now: uptime."""
        return now - (self.uptimes or {}).get(name, self.uptime)
