# uMeter - which layout a push has
# MIT license; Copyright (c) 2026 The uMeter authors

# The order matters: lists without codes are told by their first element and their length, all
# others carry codes.

from firmware.meters import axdr, layout_iskra, layout_kaifa, layout_lg, layout_obis


def decode(tape, telegram, clock):
    """Puts the values of the indexed body into telegram; False if no layout fits."""
    items = tape.children(0) if tape.tag(0) in (axdr.ARRAY, axdr.STRUCTURE) else []
    known = len(telegram.values)
    if layout_lg.is_object_list(tape, items):
        layout_lg.decode_objects(tape, items, telegram, clock)
    elif len(items) == 1 and tape.tag(items[0]) == axdr.UINT32 or _kaifa(tape, items):
        return layout_kaifa.decode(tape, items, telegram, clock)
    elif layout_lg.is_positional(tape, items):
        return layout_lg.decode_positional(tape, items, telegram, clock)
    else:
        key = layout_iskra.plan(tape, items)
        if key:
            return layout_iskra.decode(tape, items, telegram, clock, key)
        layout_obis.decode(tape, telegram, clock)
    # What stands in the header is not a value of the list.
    return len(telegram.values) > known


def _kaifa(tape, items):
    return len(items) in (9, 13, 14, 18) and (tape.text(items[0]) or "").startswith("KFM_001")
