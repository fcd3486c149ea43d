# uMeter - DataNotification: the APDU of a push
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: DLMS UA Green Book section 9.4.6.7 and 9.5.
#   0F | long-invoke-id-and-priority 4 | date-time | body
# date-time forms met: 00 (absent), 0C and twelve bytes (the standard's octet string),
# 09 0C and twelve bytes (Kaifa, tagged once more), 19 and twelve bytes.

from micropython import const

from firmware.meters import axdr, layouts
from firmware.meters.han_telegram import FrameError
from firmware.meters.han_values import put_push_time, put_totals

TAG = const(0x0F)
_HEADER = const(5)


def body_at(data, pos, end):
    """(position of the header's twelve-byte time or 0, position of the body). FrameError."""
    at = pos + _HEADER
    if at >= end:
        raise FrameError("no_values", "incomplete")
    form = data[at]
    if form == 0:
        return 0, at + 1
    if form == 9:
        at += 1
        if at < end and data[at] != 12:
            raise FrameError("reject", "structure")
    elif form != 0x0C and form != 0x19:
        raise FrameError("reject", "structure")
    if at + 13 > end:
        raise FrameError("no_values", "incomplete")
    return at + 1, at + 13


def index(tape, data, pos, end):
    """Indexes the APDU at data[pos]. (position of the time or 0, position behind). FrameError."""
    time_at, body = body_at(data, pos, end)
    stop = tape.read(data, body, end)
    if stop < 0:
        if stop == axdr.INCOMPLETE:
            raise FrameError("no_values", "incomplete")
        raise FrameError("reject", "structure" if stop == axdr.WRONG else "overflow")
    return time_at, stop


def parses(tape, data, pos, end):
    """True if a DataNotification fills data[pos:end] to the last byte."""
    if pos >= end or data[pos] != TAG:
        return False
    try:
        return index(tape, data, pos, end)[1] == end
    except FrameError:
        return False


def decode(tape, data, end, telegram, clock):
    """Fills telegram.values from the APDU data[0:end], which must end there. FrameError."""
    try:
        time_at, stop = index(tape, data, 0, end)
    except FrameError as error:
        # The layers outside say that this is all there is.
        raise FrameError("reject", "overflow" if error.reason == "overflow" else "structure")
    if stop != end:
        raise FrameError("reject", "structure")
    if time_at:
        put_push_time(telegram.values, data, time_at)
    known = layouts.decode(tape, telegram, clock)
    tape.data = b""  # the clear text need not stay until the next push
    if not known:
        telegram.values.clear()
        raise FrameError("no_values", "layout")
    put_totals(telegram.values, telegram.derived)
