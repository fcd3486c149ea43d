# uMeter - index of an A-XDR value, byte by byte
# MIT license; Copyright (c) 2026 The uMeter authors

# The twin of _axdr_fast.py: same signature, same result. Cells and results: see axdr.py.


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
        size = cells[20 + 4 * limit + tag] if tag < 32 else (0 if tag == 255 else 0xFFFF)
        if size == 0xFFFF:
            return -2
        if size >= 0x100:
            # The size is on the wire: count of elements, bytes or bits.
            if pos >= end:
                return -1
            count = data[pos]
            pos += 1
            if count & 0x80:
                left = count & 0x7F
                if left == 0 or left > 4:
                    return -2
                if pos + left > end:
                    return -1
                count = 0
                while left:
                    count = count << 8 | data[pos]
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
        else:
            count = size
        entry = 4 * n + 20
        cells[entry] = tag
        cells[entry + 1] = pos
        cells[entry + 2] = count
        n += 1
        cells[entry + 3] = n
        pos += size
        if pos > end:
            return -1
