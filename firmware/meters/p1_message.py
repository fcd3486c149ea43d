# uMeter - a P1 telegram that came out of the ciphering, or is clear: to its data lines
# MIT license; Copyright (c) 2026 The uMeter authors

from micropython import const

from firmware.meters import p1, p1_lines
from firmware.meters.han_telegram import FrameError
from firmware.meters.scan import BAD, NEED, OK, UNCHECKED

_SLASH = const(0x2F)


def ident_of(view, pos, start):
    """Text of a P1 identification line between "/" and its line end."""
    line = bytes(view[pos + 1 : start]).split(b"\n")[0]  # DB may follow, which is no text
    return str(line, "ascii").strip()


def decode(decoder, data, ident, telegram):
    """A whole telegram, or the data lines that follow a clear `ident`. FrameError."""
    if not len(data) or data[0] != _SLASH:
        lines(decoder, data, 0, len(data), ident, telegram)
        return
    state, _, start, stop, checked, reason = p1.Scanner(decoder.limit).scan(data, 0, len(data))
    if state == BAD:
        raise FrameError("reject", reason)
    if state == NEED:
        start = p1.ident_end(data, 0, len(data))
        stop = len(data)
        checked = UNCHECKED
    if state not in (OK, NEED) or start <= 0 or not p1.complete(data, start, stop):
        raise FrameError("reject", "structure")
    if checked == UNCHECKED:
        telegram.notes.append("no checksum")
    lines(decoder, data, start, stop, ident_of(data, 0, start), telegram)


def lines(decoder, data, start, stop, ident, telegram):
    """Data lines data[start:stop]. FrameError."""
    if "p1" not in telegram.layers:
        telegram.layers.append("p1")
    p1_lines.decode(bytes(data[start:stop]), ident, telegram, decoder.clock.zone_min)
    if len(telegram.values) < 2:
        raise FrameError("no_values", "layout")
