# uMeter - loops of AES-GCM in viper, same signatures as _gcm_slow.py
# MIT license; Copyright (c) 2026 The uMeter authors

# Viper trusts its arguments: a pointer to a buffer is not checked for length, so
# only gcm.py calls these functions, after its own checks. A word is 32 bits on the
# chip and 64 on some hosts: bits are masked off before they are shifted up, and
# what is stored is cut by the pointer's width. All targets are little-endian.
# ruff: noqa: F821

import sys

if sys.implementation.name != "micropython":
    raise ImportError("viper needs MicroPython")

import micropython


@micropython.viper
def ghash(table: ptr32, reduce: ptr16, state: ptr8, data: ptr8, length: int):
    start = 0
    while start < length:
        size = length - start
        if size > 16:
            size = 16
        for i in range(size):
            state[i] ^= data[start + i]
        start += size
        z0 = uint(0)  # lowest word of the product
        z1 = uint(0)
        z2 = uint(0)
        z3 = uint(0)
        nibble = 31
        while nibble >= 0:
            # Half bytes from the last to the first, the low half of a byte first.
            product = (int(state[nibble >> 1]) >> ((nibble & 1 ^ 1) << 2) & 15) << 2
            out = z0 & 15
            z0 = z0 >> 4 ^ (z1 & 15) << 28 ^ uint(table[product])
            z1 = z1 >> 4 ^ (z2 & 15) << 28 ^ uint(table[product + 1])
            z2 = z2 >> 4 ^ (z3 & 15) << 28 ^ uint(table[product + 2])
            z3 = z3 >> 4 ^ uint(reduce[out]) << 16 ^ uint(table[product + 3])
            nibble -= 1
        for i in range(4):
            down = 24 - (i << 3)
            state[i] = z3 >> down
            state[i + 4] = z2 >> down
            state[i + 8] = z1 >> down
            state[i + 12] = z0 >> down


@micropython.viper
def counters(out: ptr8, iv: ptr8, blocks: int, first: int):
    at = 0
    for n in range(first, first + blocks):
        for i in range(12):
            out[at + i] = iv[i]
        out[at + 12] = n >> 24
        out[at + 13] = n >> 16
        out[at + 14] = n >> 8
        out[at + 15] = n
        at += 16


@micropython.viper
def xor(out: ptr8, data: ptr8, length: int):
    for i in range(length):
        out[i] ^= data[i]
