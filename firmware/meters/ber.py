# uMeter - length fields of BER and A-XDR
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: ITU-T X.690 section 8.1.3 (definite form), IEC 61334-6 (A-XDR uses the same).


def length_at(view, pos, end):
    """(length, position behind it) of the field at view[pos]; (-1, pos) if it is not all there.

    (-2, pos) if it is none: indefinite form, more than four bytes.
    """
    if pos >= end:
        return -1, pos
    first = view[pos]
    pos += 1
    if first < 0x80:
        return first, pos
    count = first & 0x7F
    if not 0 < count <= 4:
        return -2, pos
    if pos + count > end:
        return -1, pos
    size = 0
    for i in range(pos, pos + count):
        size = size << 8 | view[i]
    return size, pos + count
