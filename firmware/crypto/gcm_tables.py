# uMeter - tables of GHASH, made once for a key
# MIT license; Copyright (c) 2026 The uMeter authors

# Not needed any more once there is a Gcm: whoever is short of heap frees this module.

from array import array


def reductions():
    """What comes back on top for each half byte that is shifted out, array of 16 bits."""
    # x^128 = x^7 + x^2 + x + 1: each bit that is shifted out comes back as E1 on top.
    table = array("H")
    for nibble in range(16):
        top = 0
        for _ in range(4):
            top = top >> 1 ^ (0xE100 if nibble & 1 else 0)
            nibble >>= 1
        table.append(top)
    return table


def products(h):
    """H (16 bytes) times each half byte; see _gcm_slow.ghash for the layout."""
    values = [0] * 16
    value = int.from_bytes(h, "big")
    index = 8
    while index:
        values[index] = value
        value = value >> 1 ^ (0xE1 << 120 if value & 1 else 0)
        index >>= 1
    table = bytearray(256)
    for i in range(1, 16):
        low = i & -i
        values[i] = values[low] ^ values[i ^ low]
        table[16 * i : 16 * i + 16] = values[i].to_bytes(16, "little")
    return table
