# uMeter - index of an A-XDR value, byte by byte
# MIT license; Copyright (c) 2026 The uMeter authors

# The twin of _axdr_fast.py: same signature, same result. Cells and results: see axdr.py.


def _long(data, pos, end, left):
    # Length of `left` bytes: length << 3 | left, or what index() returns for an error.
    if left == 0 or left > 4:
        return -2
    if pos + left > end:
        return -1
    size = 0
    for i in range(pos, pos + left):
        size = size << 8 | data[i]
    if size > 0xFFFF or size < 0:
        return -3
    return size << 3 | left


def index(cells, data, pos, end):
    limit = cells[0]
    n = 0
    depth = 0
    cells[2] = 1  # values still to come at this depth
    while True:
        while cells[2 + depth] == 0:
            if depth == 0:
                cells[1] = n
                return pos
            cells[4 * cells[10 + depth] + 23] = n
            depth -= 1
        cells[2 + depth] -= 1
        if pos >= end:
            return -1
        if n >= limit:
            return -3
        tag = data[pos]
        pos += 1
        size = 0xFFFF
        if tag < 31 or tag == 255:
            size = cells[20 + 4 * limit + (tag & 31)]
        if size == 0xFFFF:
            return -2
        count = size
        if size >= 0x100:
            if pos >= end:
                return -1
            count = data[pos]
            pos += 1
            if count & 0x80:
                packed = _long(data, pos, end, count & 0x7F)
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


def codes(cells, data, out):
    limit = out[0]
    count = cells[1]
    n = 0
    i = 0
    while i + 1 < count and n < limit:
        cell = 4 * i + 20
        at = cells[cell + 1]
        i += 1
        if cells[cell] != 9 or cells[cell + 2] != 6 or data[at + 5] != 255:
            continue
        if data[at] > 1:
            continue  # heat, gas, water: another meter's
        tag = cells[cell + 4]
        start = cells[cell + 5]
        size = cells[cell + 6]
        if tag == 1 or tag == 2 or (tag == 9 and size == 6 and data[start + 5] == 255):
            continue  # no value of its own
        if tag == 15 and i > 2 and cells[cell - 4] == 18 and cells[cell - 8] == 2:
            continue  # class, code, attribute: which object it is, not what it says
        entry = 6 * n + 1
        n += 1
        out[entry] = data[at + 2]
        out[entry + 1] = data[at + 3] << 8 | data[at + 4]
        out[entry + 2] = i
        i += 1
        high = 0
        low = 0
        if tag == 6 or tag == 5:
            high = data[start] << 8 | data[start + 1]
            low = data[start + 2] << 8 | data[start + 3]
        elif tag == 18 or tag == 16:
            low = data[start] << 8 | data[start + 1]
        out[entry + 3] = high
        out[entry + 4] = low
        out[entry + 5] = 0
        if i + 2 < count and cells[cell + 8] == 2 and cells[cell + 10] == 2:
            if cells[cell + 12] == 15 and cells[cell + 16] == 22:
                out[entry + 5] = data[cells[cell + 13]] << 8 | data[cells[cell + 17]]
                i += 3
    return n
