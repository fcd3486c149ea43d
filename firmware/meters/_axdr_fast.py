# uMeter - index of an A-XDR value in viper, same signature as _axdr_slow.py
# MIT license; Copyright (c) 2026 The uMeter authors

# Viper trusts its arguments: only axdr.py calls this, with cells of the size it needs.
# Cells and results: see axdr.py.
# ruff: noqa: F821

import sys

if sys.implementation.name != "micropython":
    raise ImportError("viper needs MicroPython")

import micropython


@micropython.viper
def _long(data: ptr8, pos: int, end: int, left: int) -> int:
    # Length of `left` bytes: length << 3 | left, or what index() returns for an error.
    if left == 0 or left > 4:
        return -2
    if pos + left > end:
        return -1
    size = 0
    for i in range(pos, pos + left):
        size = size << 8 | int(data[i])
    if size > 0xFFFF or size < 0:
        return -3
    return size << 3 | left


@micropython.viper
def index(cells: ptr16, data: ptr8, pos: int, end: int) -> int:
    limit = int(cells[0])
    n = 0
    depth = 0
    cells[2] = 1
    while True:
        while int(cells[2 + depth]) == 0:
            if depth == 0:
                cells[1] = n
                return pos
            cells[4 * int(cells[10 + depth]) + 23] = n
            depth -= 1
        cells[2 + depth] = int(cells[2 + depth]) - 1
        if pos >= end:
            return -1
        if n >= limit:
            return -3
        tag = int(data[pos])
        pos += 1
        size = 0xFFFF
        if tag < 31 or tag == 255:
            size = int(cells[20 + 4 * limit + (tag & 31)])
        if size == 0xFFFF:
            return -2
        count = size
        if size >= 0x100:
            if pos >= end:
                return -1
            count = int(data[pos])
            pos += 1
            if count & 0x80:
                packed = int(_long(data, pos, end, count & 0x7F))
                if packed < 0:
                    return packed
                count = packed >> 3
                pos += packed & 7
            if size == 0x101:
                size = (count + 7) >> 3
            elif size == 0x100:
                size = count
            else:
                size = 0
                if count > end - pos:
                    return -1
                if depth == 7:
                    return -3
                depth += 1
                cells[2 + depth] = count
                cells[10 + depth] = n
        entry = 4 * n + 20
        cells[entry] = tag
        cells[entry + 1] = pos
        cells[entry + 2] = count
        n += 1
        cells[entry + 3] = n
        pos += size
        if pos > end:
            return -1


@micropython.viper
def codes(cells: ptr16, data: ptr8, out: ptr16) -> int:
    limit = int(out[0])
    count = int(cells[1])
    n = 0
    i = 0
    while i + 1 < count and n < limit:
        cell = 4 * i + 20
        at = int(cells[cell + 1])
        i += 1
        if int(cells[cell]) != 9 or int(cells[cell + 2]) != 6 or int(data[at + 5]) != 255:
            continue
        if int(data[at]) > 1:
            continue
        tag = int(cells[cell + 4])
        start = int(cells[cell + 5])
        size = int(cells[cell + 6])
        if tag == 1 or tag == 2 or (tag == 9 and size == 6 and int(data[start + 5]) == 255):
            continue
        if tag == 15 and i > 2 and int(cells[cell - 4]) == 18 and int(cells[cell - 8]) == 2:
            continue
        entry = 6 * n + 1
        n += 1
        out[entry] = data[at + 2]
        out[entry + 1] = int(data[at + 3]) << 8 | int(data[at + 4])
        out[entry + 2] = i
        i += 1
        high = 0
        low = 0
        if tag == 6 or tag == 5:
            high = int(data[start]) << 8 | int(data[start + 1])
            low = int(data[start + 2]) << 8 | int(data[start + 3])
        elif tag == 18 or tag == 16:
            low = int(data[start]) << 8 | int(data[start + 1])
        out[entry + 3] = high
        out[entry + 4] = low
        out[entry + 5] = 0
        if i + 2 < count and int(cells[cell + 8]) == 2 and int(cells[cell + 10]) == 2:
            if int(cells[cell + 12]) == 15 and int(cells[cell + 16]) == 22:
                out[entry + 5] = int(data[int(cells[cell + 13])]) << 8 | int(
                    data[int(cells[cell + 17])]
                )
                i += 3
    return n
