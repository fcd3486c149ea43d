# uMeter - APDUs without a link layer
# MIT license; Copyright (c) 2026 The uMeter authors

# Luxembourg and Styria put DB straight on the line; captures and tests also begin with an LLC
# header, 0F, E0, or the header of the DLMS wrapper (IEC 62056-47: version, ports, length).
# Nothing but its own length fields frames such an APDU.

from micropython import const

from firmware.meters import axdr, dlms_notification, glo, llc
from firmware.meters.ber import length_at
from firmware.meters.han_telegram import FrameError
from firmware.meters.scan import NOISE, OK, need

_WRAPPER = const(8)
_NOISE = (NOISE, 1, 0, 0, 0, "")
_BLOCK = const(0xE0)
_APDUS = (glo.TAG, dlms_notification.TAG, _BLOCK)
WRAPPED = const(1)  # `extra` of what came in a wrapper


def scan(view, pos, end, tape):
    """Looks at an APDU that begins at view[pos]. Result: see scan.py."""
    first = view[pos]
    have = end - pos
    if first == 0:
        return _wrapper(view, pos, end)
    at = pos
    if first == 0xE6:
        if have < 4:
            return need(4)
        if not llc.begins(view[pos : pos + 4]):
            return _NOISE
        at = pos + llc.SIZE
        first = view[at]
    try:
        stop = _stop(view, at, end, first, tape)
    except FrameError as error:
        return _NOISE if error.result == "reject" else need(have + 1)
    return (OK, stop - pos, pos, stop, 0, "")


def _stop(view, at, end, first, tape):
    # Position behind the APDU. FrameError: "reject" for none, "no_values" for too few bytes.
    if first == glo.TAG:
        return glo.header(view, at + 1, end).stop
    if first == _BLOCK:
        length, start = length_at(view, at + 6, end)
        if length == -2 or length > 2048:
            raise FrameError("reject", "structure")
        if length < 0 or start + length > end:
            raise FrameError("no_values", "incomplete")
        return start + length
    stop = dlms_notification.index(tape, view, at, end)[1]
    if tape.tag(0) not in (axdr.ARRAY, axdr.STRUCTURE) or not tape.size(0):
        raise FrameError("reject", "structure")
    return stop


def _wrapper(view, pos, end):
    have = end - pos
    if have > 1 and view[pos + 1] != 1:
        return _NOISE
    if have < _WRAPPER + 1:
        return need(_WRAPPER + 1)
    size = view[pos + 6] << 8 | view[pos + 7]
    if view[pos + _WRAPPER] not in _APDUS or not 0 < size <= 2040:
        return _NOISE
    if have < _WRAPPER + size:
        return need(_WRAPPER + size)
    return (OK, _WRAPPER + size, pos + _WRAPPER, pos + _WRAPPER + size, WRAPPED, "")
