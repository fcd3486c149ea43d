# uMeter - HDLC frames of a HAN push
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: IEC 62056-46 section 6.4 (frame format type 3), DLMS UA Green Book section 8.4.
#   7E | format 2 | destination 1-4 | source 1-4 | control 1 | HCS 2 | information | FCS 2 | 7E
# format: A, segmentation bit 0x800, 11-bit length of all between the flags. Nothing is stuffed:
# 7E may occur inside, only the length tells the end. Two frames may share one flag.

from micropython import const

from firmware.crypto.crc import x25
from firmware.meters.scan import BAD, NOISE, OK, SURE, need

_FLAG = const(0x7E)
_SHORTEST = const(7)  # format, two addresses of one byte, control, FCS
_NOISE = (NOISE, 1, 0, 0, 0, "")
_NEED_3 = need(3)


def _address(view, at, stop):
    # Position behind an address of 1 to 4 bytes, whose last has bit 0 set; 0: no address,
    # -1: not all there yet.
    for i in range(at, at + 4):
        if i >= stop:
            return -1
        if view[i] & 1:
            return i + 1
    return 0


def _header(view, pos, end):
    # Position behind the control field; 0: this is no header, -1: not all there yet.
    after = _address(view, pos + 3, end)
    if after > 0:
        after = _address(view, after, end)
    return after + 1 if after > 0 else after


def _good(view, start, stop):
    # The CRC stands behind view[start:stop], low byte first.
    return x25(view[start:stop]) == view[stop] | view[stop + 1] << 8


def scan(view, pos, end):
    """Looks at a frame that begins at view[pos] (a flag). Result: see scan.py.

    `extra` is the segmentation bit. The closing flag is left for the next frame.
    """
    have = end - pos
    if have > 1 and view[pos + 1] & 0xF0 != 0xA0:
        return _NOISE
    if have < 3:
        return _NEED_3
    size = (view[pos + 1] & 7) << 8 | view[pos + 2]
    if size < _SHORTEST:
        return _NOISE
    fcs = pos + 1 + size - 2
    information = _header(view, pos, end)
    if information < 0:
        return need(have + 1)
    checked = True
    if information and information != fcs:
        information += 2
        if information <= end:
            checked = _good(view, pos + 1, information - 2)
        else:
            return need(information - pos)
    if not information or information > fcs:
        return _NOISE
    if have < size + 2:
        return need(size + 2, SURE if checked else 0)
    closed = view[pos + size + 1] == _FLAG
    if not checked:
        # Only a flag where the length says so tells a damaged header from noise.
        return (BAD, 1, fcs, fcs, 0, "hcs") if closed else _NOISE
    segmented = view[pos + 1] & 8
    if not _good(view, pos + 1, fcs):
        return (BAD, 1, information, fcs, segmented, "fcs")
    if not closed:
        return (BAD, 1, fcs, fcs, 0, "flag")
    return (OK, size + 1, information, fcs, segmented, "")


class Segments:
    """Puts the information fields of segmented frames together. parts: what an Assembly offers."""

    def __init__(self, parts):
        self._parts = parts
        self.open = False

    def reset(self):
        self.open = False
        self._parts.reset()

    def add(self, segmented, data):
        """Information field of one frame; the whole message or None. FrameError if too long."""
        if not segmented and not self.open:
            return data
        self.open = False  # stays so if the next line raises
        self._parts.add(data)
        if segmented:
            self.open = True
            return None
        return self._parts.take()
