# uMeter - P1 telegrams: framing and checksum
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: DSMR 5.0.2 section 6.2 and IEC 62056-21 section 6.
#   /XXX5ident CR LF CR LF data lines ! CRC CR LF
# CRC-16/ARC from "/" to "!" inclusive, four hex digits; some meters send none. Kaifa and Elgama
# in Poland send the data ciphered behind the clear identification:
#   /ident CR LF CR LF | title length, title, length, control, counter, ciphertext, tag | ! CRC
# What that CRC covers is not known; the tag vouches for the telegram.

from micropython import const

from firmware.crypto.crc import arc
from firmware.meters.han_telegram import FrameError
from firmware.meters.scan import BAD, CHECKED, CIPHERED, NOISE, OK, UNCHECKED, need

_IDENT_MAX = const(64)
_CIPHER = const(0xDB)
_NOISE = (NOISE, 1, 0, 0, 0, "")
_HEX = b"0123456789ABCDEFabcdef"


def ident_end(view, pos, end):
    """Where the data begins behind the identification; 0: none, -1: not there yet.

    A blank line stands between them. Without it only a code may follow, which is a digit.
    """
    for i in range(pos + 1, min(end, pos + _IDENT_MAX)):
        byte = view[i]
        if byte == 13 or byte == 10:
            return _blank(view, i, end) if i > pos + 3 else 0
        if byte < 32 or byte > 126 or byte == 0x21:
            return 0
        if i < pos + 4 and not 65 <= byte & 0xDF <= 90:
            return 0  # three letters of the maker
    return -1 if end < pos + _IDENT_MAX else 0


def _blank(view, i, end):
    # Behind two line ends (CR LF or LF), of which the first begins at i, or one and a digit.
    for line in range(2):
        if i < end and view[i] == 13:
            i += 1
        if i >= end:
            return -1
        if view[i] != 10:
            return i if line and 48 <= view[i] <= 57 else 0
        i += 1
    return i


def complete(view, start, end):
    """True if what stands there ends with a whole line: "!", CRC and line end may be missing."""
    while end > start and view[end - 1] in b"\r\n!":
        end -= 1
    return end > start and view[end - 1] == 0x29


class Scanner:
    """Looks for whole telegrams; remembers how far it has searched for the "!"."""

    def __init__(self, limit):
        self._limit = limit
        self._searched = 0  # bytes of the pending telegram without a "!"

    def reset(self):
        self._searched = 0

    def scan(self, view, pos, end):
        """Looks at a telegram that begins at view[pos] ("/"). Result: see scan.py.

        start:stop are the data lines or the ciphered part.
        """
        result = self._scan(view, pos, end)
        if result[0]:
            self._searched = 0
        return result

    def _scan(self, view, pos, end):
        have = end - pos
        start = ident_end(view, pos, end)
        if start == 0:
            return _NOISE
        if start < 0 or start == end:
            return need(have + 1)
        if view[start] <= 8 or view[start] == _CIPHER:
            return self._ciphered(view, pos, start, end)
        at = max(start, pos + self._searched)
        mark, at = _mark(view, at, end)
        self._searched = at - pos
        if mark < 0:
            return need(have + 1) if have < self._limit else _NOISE
        return _checked(view, pos, start, mark, end)

    def _ciphered(self, view, pos, start, end):
        from firmware.meters import glo

        if view[start] == glo.TAG:
            start += 1
        try:
            stop = glo.header(view, start, end).stop
        except FrameError as error:
            if error.result == "reject" or end - pos >= self._limit:
                return _NOISE
            return need(end - pos + 1)
        return (OK, stop - pos, start, stop, CIPHERED, "")


def _mark(view, at, end):
    # (position of the "!" behind the last line or -1, how far that is settled). In a line it is
    # text, unless four digits and a line end follow: one damaged byte must not end a telegram.
    data = bytes(view[at:end])
    found = data.find(b"!")
    while found >= 0:
        before = view[at + found - 1]
        behind = data[found + 1 : found + 6]
        if before == 10 or before == 0x29:
            return at + found, at + found
        if _is_hex(behind[:4]):
            if len(behind) < 5:
                return -1, at + found
            if behind[4] in (13, 10):
                return at + found, at + found
        found = data.find(b"!", found + 1)
    return -1, end


def _is_hex(digits):
    for digit in digits:
        if digit not in _HEX:
            return False
    return True


def _checked(view, pos, start, mark, end):
    # The "!" is at mark. A line end behind it means that there is no CRC.
    if mark + 1 == end:
        return need(end - pos + 1)
    if view[mark + 1] in (13, 10):
        return (OK, mark + 2 - pos, start, mark, UNCHECKED, "")
    if mark + 5 > end:
        return need(mark + 5 - pos)
    digits = bytes(view[mark + 1 : mark + 5])
    if not _is_hex(digits) or int(str(digits, "ascii"), 16) != arc(view[pos : mark + 1]):
        return (BAD, 1, start, mark, 0, "crc")
    return (OK, mark + 5 - pos, start, mark, CHECKED, "")
