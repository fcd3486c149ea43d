# uMeter - which layout a push has
# MIT license; Copyright (c) 2026 The uMeter authors

# The order matters: lists without codes are told by their first element and their length, all
# others carry codes.

# A meter has one layout: only that one is loaded.

from firmware.meters import axdr

_POSITIONAL = (1, 4, 8, 9, 10, 11, 12, 13, 14, 15, 18, 28, 33)  # lengths of lists without codes


def decode(tape, telegram, clock):
    """Puts the values of the indexed body into telegram; False if no layout fits."""
    known = len(telegram.values)
    items = ()
    if tape.tag(0) in (axdr.ARRAY, axdr.STRUCTURE) and tape.size(0):
        if tape.size(0) in _POSITIONAL or tape.tag(1) == axdr.ARRAY:
            items = tape.children(0)
    if items:
        answer = _positional(tape, items, telegram, clock)
        if answer is not None:
            return answer
    from firmware.meters import layout_obis

    layout_obis.decode(tape, telegram, clock)
    # What stands in the header is not a value of the list.
    return len(telegram.values) > known


def _positional(tape, items, telegram, clock):
    # True or False by a layout that fits, None if none does.
    first = tape.tag(items[0])
    text = tape.text(items[0]) or ""
    if first == axdr.UINT32 and len(items) == 1 or text.startswith("KFM_001"):
        from firmware.meters import layout_kaifa

        return layout_kaifa.decode(tape, items, telegram, clock)
    if first == axdr.ARRAY or first == axdr.UINT16:
        from firmware.meters import layout_lg

        return layout_lg.decode(tape, items, telegram, clock)
    if first == axdr.OCTETS or first == axdr.VISIBLE or len(items) == 15:
        from firmware.meters import layout_iskra

        return layout_iskra.decode(tape, items, telegram, clock)
    return None
