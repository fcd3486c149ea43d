# uMeter - A-XDR values as a bounded tree without objects
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: IEC 61334-6 (A-XDR), DLMS UA Green Book section 9.5 (Data), Blue Book section 4.1.5.
# The tree is an index into the bytes: four 16-bit cells per element, in the order of the wire.
# A telegram with 70 elements thus costs no heap; values are taken out when a layout wants them.

from array import array

from micropython import const

try:
    from firmware.meters._axdr_fast import codes as _codes
    from firmware.meters._axdr_fast import index as _index
except (ImportError, SyntaxError, ValueError, AttributeError):
    from firmware.meters._axdr_slow import codes as _codes
    from firmware.meters._axdr_slow import index as _index

ARRAY = const(1)
STRUCTURE = const(2)
OCTETS = const(9)
VISIBLE = const(10)
INT8 = const(0x0F)
UINT16 = const(0x12)
UINT32 = const(0x06)
ENUM = const(0x16)

INCOMPLETE = const(-1)
WRONG = const(-2)
TOO_LARGE = const(-3)

# Cells 0 limit, 1 count, 2-9 values still to come per depth, 10-17 the element that opened the
# depth, 20... per element: tag, position of its content, size (bytes, bits of a bit string,
# elements of an array), index of the element behind its subtree. Then the sizes per tag.
_FIRST = const(20)
_CODES = const(80)  # OBIS codes with a value; the longest push of the field has 32
_LIMIT = const(256)  # elements; the longest push of the field has 170
_NO_TYPE = const(0xFFFF)

# Bytes of the content by tag; FB no such type, FC a length in bytes, FD in bits, FE in elements
# stands in front of it (in the cells 100, 101, 102).
_SIZES = b"\0\xfe\xfe\1\xfd\4\4\xfb\xfb\xfc\xfc\xfb\xfc\1\xfb\1\2\1\2\xfb\x08\x08\1\4\x08\x0c\5\4"

_SIGNED = b"\5\x0f\x10\x14"
_UNSIGNED = b"\3\6\x11\x12\x15\x16"


class Tape:
    """Index of one value. Reused for every telegram; an element is a number from 0 (the root)."""

    def __init__(self, limit=_LIMIT):
        self.cells = array("H", bytes(2 * (_FIRST + 4 * limit + 32)))
        self.cells[0] = limit
        for tag in range(31):
            size = _SIZES[tag] if tag < len(_SIZES) else 0xFB
            if size >= 0xFB:
                size = size + 4 if size > 0xFB else _NO_TYPE
            self.cells[_FIRST + 4 * limit + tag] = size
        self.cells[_FIRST + 4 * limit + 31] = 0  # FF, don't care
        self.count = 0
        self.data = b""
        # Per code: C, D << 8 | E, element of the value, its upper and lower 16 bits if it is a
        # number of 16 or 32 bits, scaler << 8 | unit or 0 (no unit has the code 0). From 1 on.
        self.codes = array("H", bytes(2 * (1 + 6 * _CODES)))
        self.codes[0] = _CODES

    def read(self, data, pos, end):
        """Indexes the value at data[pos]. Position behind it, or INCOMPLETE, WRONG, TOO_LARGE.

        data must not change before the values have been taken out, nor be longer than 65535.
        """
        self.data = data
        stop = _index(self.cells, data, pos, end)
        if stop < 0:
            self.cells[1] = 0  # nothing in there may be followed
        self.count = self.cells[1]
        return stop

    def find_codes(self):
        """Fills self.codes with the OBIS codes and what follows each; their number."""
        return _codes(self.cells, self.data, self.codes)

    def tag(self, i):
        return self.cells[_FIRST + 4 * i]

    def start(self, i):
        return self.cells[_FIRST + 1 + 4 * i]

    def size(self, i):
        return self.cells[_FIRST + 2 + 4 * i]

    def children(self, i):
        """Elements of an array or structure, as a list of element numbers."""
        found = []
        stop = self.cells[_FIRST + 3 + 4 * i]
        i += 1
        while i < stop:
            found.append(i)
            i = self.cells[_FIRST + 3 + 4 * i]
        return found

    def is_obis(self, i):
        """True for an octet string of six bytes ending in FF (Blue Book section 6.1)."""
        cell = _FIRST + 4 * i
        cells = self.cells
        if cells[cell] != OCTETS or cells[cell + 2] != 6:
            return False
        return self.data[cells[cell + 1] + 5] == 255

    def obis_key(self, i):
        """C << 16 | D << 8 | E of the element's six bytes."""
        at = self.cells[_FIRST + 1 + 4 * i]
        data = self.data
        return data[at + 2] << 16 | data[at + 3] << 8 | data[at + 4]

    def number(self, i):
        """The integer that the element holds, None if it is not one."""
        cell = _FIRST + 4 * i
        cells = self.cells
        tag = cells[cell]
        at = cells[cell + 1]
        signed = tag in _SIGNED
        if signed or tag in _UNSIGNED:
            size = cells[_FIRST + 4 * cells[0] + tag]
            value = int.from_bytes(self.data[at : at + size], "big")
            return value - (1 << 8 * size) if signed and self.data[at] & 0x80 else value
        if tag == 13:
            byte = self.data[at]
            if byte & 15 < 10 and byte < 0xA0:
                return 10 * (byte >> 4) + (byte & 15)
        return None

    def decimal(self, i):
        """(mantissa, exponent) of a number of any type, None for what is not one."""
        tag = self.tag(i)
        if tag == 23 or tag == 24:
            from firmware.meters.axdr_float import float_decimal

            return float_decimal(int.from_bytes(self.octets(i), "big"), tag == 24)
        value = self.number(i)
        return None if value is None else (value, 0)

    def octets(self, i):
        """Content of an octet, visible or UTF-8 string, date or time, as bytes."""
        cell = _FIRST + 4 * i
        at = self.cells[cell + 1]
        return bytes(self.data[at : at + self.cells[cell + 2]])

    def text(self, i):
        """Text of a string without its padding, None for other types and what is not printable."""
        if self.tag(i) not in (9, 10, 12):
            return None
        return printable(self.octets(i))


def printable(raw):
    """ASCII without padding (NUL, blanks), "" if nothing else is there; None if it is not text."""
    stop = len(raw)
    while stop and raw[stop - 1] in (0, 32):
        stop -= 1
    for i in range(stop):
        if not 32 <= raw[i] < 127:
            return None
    return str(raw[:stop], "ascii").strip()
