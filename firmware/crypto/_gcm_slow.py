# uMeter - loops of AES-GCM in plain Python, the twin and oracle of _gcm_fast.py
# MIT license; Copyright (c) 2026 The uMeter authors

# NIST SP 800-38D writes a block's first bit as the highest; so do these integers.


def ghash(table, reduce, state, data, length):
    """Take data[:length], zero-padded to whole blocks, into the 16-byte state.

    table: 16 products of H with a half byte, each 16 bytes, lowest byte first;
    reduce: what a half byte shifted out at the low end adds to the highest 16 bits.
    """
    products = [int.from_bytes(table[i : i + 16], "little") for i in range(0, 256, 16)]
    y = int.from_bytes(state, "big")
    for start in range(0, length, 16):
        block = bytes(data[start : min(start + 16, length)])
        y ^= int.from_bytes(block, "big") << 8 * (16 - len(block))
        z = 0
        for _ in range(32):
            z = z >> 4 ^ reduce[z & 15] << 112 ^ products[y & 15]
            y >>= 4
        y = z
    state[:] = y.to_bytes(16, "big")


def counters(out, iv, blocks, first):
    """Fill out with the counter blocks iv || first, iv || first + 1 …"""
    for i in range(blocks):
        out[16 * i : 16 * i + 12] = iv
        out[16 * i + 12 : 16 * i + 16] = (first + i).to_bytes(4, "big")


def xor(out, data, length):
    """out[i] ^= data[i] over length bytes."""
    for i in range(length):
        out[i] ^= data[i]
