# uMeter - images built like those of MicroPython for ESP32, for tests
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP-IDF programming guide: "Application Image Format", "Partition Tables".

import hashlib
import random
import struct
from functools import lru_cache

CHIPS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13}
BASES = {"esp32": 0x1000, "esp32s2": 0x1000}  # others: 0
# As in ports/esp32/partitions-4MiB.csv of MicroPython 1.26: no entry for files
STOCK = ((b"nvs", 1, 2, 0x9000, 0x6000), (b"phy_init", 1, 1, 0xF000, 0x1000),
         (b"factory", 0, 0, 0x10000, 0x1F0000))  # fmt: skip
# Of 1.25 and before
WITH_FILES = (*STOCK, (b"vfs", 1, 0x81, 0x200000, 0x200000))


@lru_cache(maxsize=None)
def program(chip, size, seed=0, megabytes=4):
    """A bootloader or an application: header, segments, checksum, SHA-256."""
    noise = random.Random(seed)
    segments = [(0x3FFB0000, noise.randbytes(size // 4 & ~3)),
                (0x40080000, noise.randbytes(size // 2 & ~3))]  # fmt: skip
    flash = (megabytes.bit_length() - 1) << 4 | 0xF
    data = struct.pack("<BBBBI", 0xE9, len(segments), 2, flash, 0x40080000)
    data += struct.pack("<B3xHBHH4xB", 0xEE, CHIPS[chip], 0, 0, 0xFFFF, 1)
    checksum = 0xEF
    for address, body in segments:
        data += struct.pack("<II", address, len(body)) + body
        for byte in body:
            checksum ^= byte
    data += bytes(15 - len(data) % 16) + bytes([checksum])
    return data + hashlib.sha256(data).digest()


def table(entries, md5=True):
    packed = b"".join(struct.pack("<2sBBII16sI", b"\xaaP", type_, subtype, start, size, name, 0)
                      for name, type_, subtype, start, size in entries)  # fmt: skip
    if md5:
        packed += b"\xeb\xeb" + 14 * b"\xff" + hashlib.md5(packed).digest()
    return packed.ljust(0xC00, b"\xff")


def firmware(chip="esp32", entries=STOCK, size=60000, megabytes=4, md5=True):
    """What one downloads: bootloader, partition table and MicroPython in one file."""
    base = BASES.get(chip, 0)
    app = next(entry for entry in entries if entry[1] == 0)
    data = program(chip, 20000, 1, megabytes).ljust(0x8000 - base, b"\xff") + table(entries, md5)
    return data.ljust(app[3] - base, b"\xff") + program(chip, size, 2, megabytes)
