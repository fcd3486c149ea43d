# uMeter - wired M-Bus long frames of a HAN push (Austria, Poland)
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: EN 13757-2 section 5.7 (FT1.2 long frame), EN 13757-3 (CI field 00..1F: segmented
# COSEM application data), Netz Niederoesterreich "Smart Meter Kundenschnittstelle".
#   68 L L 68 | C A CI STSAP DTSAP data | checksum | 16
# L counts C..data. Sagemcom T210 sends 257 bytes and an L that has overflowed to 1.

from micropython import const

from firmware.meters.han_telegram import FrameError
from firmware.meters.scan import BAD, NOISE, OK, SURE, need

_START = const(0x68)
_STOP = const(0x16)
_HEADER = const(9)  # start bytes, C, A, CI and the two transport addresses
_SHORTEST = const(5)  # C A CI STSAP DTSAP: a smaller L has lost its 256
_LAST = const(0x10)  # in CI; bits 3..0 are the sequence number
_NOISE = (NOISE, 1, 0, 0, 0, "")
_NEED_4 = need(4)


def scan(view, pos, end):
    """Looks at a frame that begins at view[pos] (68). Result: see scan.py; `extra` is CI."""
    have = end - pos
    if have < 4:
        return _NEED_4
    size = view[pos + 1]
    if view[pos + 2] != size or view[pos + 3] != _START:
        return _NOISE
    if size < _SHORTEST - 1:
        size += 256
    if have < size + 6:
        return need(size + 6, SURE)
    last = pos + 4 + size
    if view[last + 1] != _STOP or size < _SHORTEST:
        return (NOISE, 1, last, last, SURE, "")
    if sum(view[pos + 4 : last]) & 0xFF != view[last]:
        return (BAD, 1, last, last, 0, "checksum")
    return (OK, size + 6, pos + _HEADER, last, view[pos + 6], "")


class Segments:
    """Puts the data of numbered frames together. parts: what an Assembly offers."""

    def __init__(self, parts):
        self._parts = parts
        self._next = 0  # sequence number that must come; 0: nothing is open

    @property
    def open(self):
        return self._next > 0

    def reset(self):
        self._next = 0
        self._parts.reset()

    def add(self, ci, data):
        """Data of one frame; the whole message once it is complete, else None. FrameError."""
        number = ci & 15
        expected = self._next
        if number == 0:
            self.reset()
            if ci & _LAST:
                return data
        elif number != expected:
            self.reset()
            if expected:
                raise FrameError("reject", "order")
            raise FrameError("no_values", "headless")
        self._parts.add(data)
        self._next = number + 1
        if not ci & _LAST:
            return None
        self._next = 0
        return self._parts.take()
