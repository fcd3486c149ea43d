# uMeter - CRC loops in viper, same signatures as _crc_slow.py
# MIT license; Copyright (c) 2026 The uMeter authors

# Viper trusts its arguments: a pointer to a buffer is not checked for length, so
# only this package calls these functions, and always with the buffer's own length.
# ruff: noqa: F821

import sys

if sys.implementation.name != "micropython":
    raise ImportError("viper needs MicroPython")

import micropython


@micropython.viper
def crc_left(table: ptr16, data: ptr8, length: int, crc: int) -> int:
    for i in range(length):
        byte = data[i]
        crc = ((crc << 4) & 0xFFFF) ^ table[(crc >> 12) ^ (byte >> 4)]
        crc = ((crc << 4) & 0xFFFF) ^ table[(crc >> 12) ^ (byte & 15)]
    return crc


@micropython.viper
def crc_right(table: ptr16, data: ptr8, length: int, crc: int) -> int:
    for i in range(length):
        crc ^= data[i]
        crc = (crc >> 4) ^ table[crc & 15]
        crc = (crc >> 4) ^ table[crc & 15]
    return crc
