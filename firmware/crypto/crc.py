# uMeter - the three 16-bit CRCs that meters use
# MIT license; Copyright (c) 2026 The uMeter authors

# Names and check values of the CRC catalogue by Greg Cook, "CRC-16/XMODEM" (KMP,
# Kamstrup 5512-447 section 3.2), "CRC-16/IBM-SDLC" (HDLC, ISO/IEC 13239 annex A) and
# "CRC-16/ARC" (P1, DSMR 5.0.2 section 6.2).

from array import array

# No viper: CPython, a build for plain bytecode, or machine code for another chip.
try:
    from firmware.crypto._crc_fast import crc_left, crc_right
except (ImportError, SyntaxError, ValueError):
    from firmware.crypto._crc_slow import crc_left, crc_right


def _left(poly):
    table = array("H")
    for i in range(16):
        crc = i << 12
        for _ in range(4):
            crc = (crc << 1) ^ poly if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return table


def _right(poly):
    table = array("H")
    for crc in range(16):
        for _ in range(4):
            crc = (crc >> 1) ^ poly if crc & 1 else crc >> 1
        table.append(crc)
    return table


_CCITT = _left(0x1021)
_CCITT_REFLECTED = _right(0x8408)
_IBM_REFLECTED = _right(0xA001)


def xmodem(data, crc=0):
    """KMP. The frame carries it most significant byte first; over data and CRC it is 0."""
    return crc_left(_CCITT, data, len(data), crc)


def x25(data):
    """HDLC's HCS and FCS as an int; the frame carries its low byte first.

    So a frame is right when x25(frame[:-2]) == frame[-2] | frame[-1] << 8.
    """
    return crc_right(_CCITT_REFLECTED, data, len(data), 0xFFFF) ^ 0xFFFF


def arc(data, crc=0):
    """P1. The telegram carries it as four hex digits, from "/" to "!" inclusive."""
    return crc_right(_IBM_REFLECTED, data, len(data), crc)
