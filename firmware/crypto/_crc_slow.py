# uMeter - CRC loops in plain Python, the twin and oracle of _crc_fast.py
# MIT license; Copyright (c) 2026 The uMeter authors

# CRC tables go by half bytes: 32 bytes each instead of 512, which matters more on
# the chip than the few microseconds a full table would save.


def crc_left(table, data, length, crc):
    """CRC-16, most significant bit first, over data[:length]."""
    for i in range(length):
        byte = data[i]
        crc = (crc << 4) & 0xFFFF ^ table[crc >> 12 ^ byte >> 4]
        crc = (crc << 4) & 0xFFFF ^ table[crc >> 12 ^ byte & 15]
    return crc


def crc_right(table, data, length, crc):
    """CRC-16, least significant bit first, over data[:length]."""
    for i in range(length):
        crc ^= data[i]
        crc = crc >> 4 ^ table[crc & 15]
        crc = crc >> 4 ^ table[crc & 15]
    return crc
