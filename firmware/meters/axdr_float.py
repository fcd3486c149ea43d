# uMeter - IEEE 754 numbers of A-XDR as decimals, without a float
# MIT license; Copyright (c) 2026 The uMeter authors


def float_decimal(bits, double):
    """IEEE 754 bits to (mantissa, exponent), rounded to 6 decimals; None for infinity and NaN."""
    width = 52 if double else 23
    exponent = bits >> width & (0x7FF if double else 0xFF)
    if exponent == (0x7FF if double else 0xFF):
        return None
    mantissa = bits & (1 << width) - 1
    if exponent:
        mantissa |= 1 << width
    else:
        exponent = 1
    shift = exponent - (1023 if double else 127) - width
    mantissa *= 1000000
    if shift > 200:
        return None  # no quantity of a meter is that large
    if shift >= 0:
        mantissa <<= shift
    else:
        mantissa = (mantissa + (1 << -shift - 1)) >> -shift
    places = -6
    while places < 0 and mantissa % 10 == 0:
        mantissa //= 10
        places += 1
    return (-mantissa if bits >> (63 if double else 31) else mantissa), places
