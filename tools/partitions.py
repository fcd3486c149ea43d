# uMeter - where a MicroPython image ends and the file system begins
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP-IDF's partition table (docs "Partition Tables"): 32-byte entries from flash address 0x8000.
# MicroPython from 1.26 on keeps its files from the end of the last partition to the end of flash.

import struct

_TABLE_AT = 0x8000
_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaaP"
_BASES = (0x1000, 0)  # where an image for ESP32 and S2, or for S3 and C3, begins in flash

STOCK_FILES_AT = 0x200000  # the stock images of 1.26 to 1.28


def read(firmware):
    """Image -> (flash address it begins at, address at which the file system begins).

    ValueError if the image has no partition table.
    """
    for base in _BASES:
        at = _TABLE_AT - base
        if firmware[at : at + 2] == _MAGIC:
            return base, _end(firmware, at)
    raise ValueError("the image has no partition table; is it one of MicroPython for ESP32?")


def _end(firmware, at):
    end = 0
    while firmware[at : at + 2] == _MAGIC:
        _, _, _, start, size, _, _ = _ENTRY.unpack_from(firmware, at)
        end = max(end, start + size)
        at += _ENTRY.size
    return end


def join(firmware, files):
    """MicroPython and a file system as one image; returns (flash address, bytes)."""
    base, start = read(firmware)
    if len(firmware) > start - base:
        raise ValueError("the image is longer than its partitions")
    return base, firmware.ljust(start - base, b"\xff") + files
