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
        if tag < 32:
            size = int(cells[20 + 4 * limit + tag])
        elif tag == 255:
            size = 0
        if size == 0xFFFF:
            return -2
        count = size
        if size >= 0x100:
            if pos >= end:
                return -1
            count = int(data[pos])
            pos += 1
            if count & 0x80:
                left = count & 0x7F
                if left == 0 or left > 4:
                    return -2
                if pos + left > end:
                    return -1
                count = 0
                while left:
                    count = count << 8 | int(data[pos])
                    pos += 1
                    left -= 1
                    if count > 0xFFFF:
                        return -3
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
