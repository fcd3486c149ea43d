# uMeter - images built like those of MicroPython for ESP32, for tests
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP-IDF programming guide: "Application Image Format", "Partition Tables".

import hashlib
import random
import struct
from functools import lru_cache

CHIPS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13}
BASES = {"esp32": 0x1000, "esp32s2": 0x1000}  # others: 0
_OTA_HEAD = ((b"nvs", 1, 2, 0x9000, 0x4000), (b"otadata", 1, 0, 0xD000, 0x2000),
             (b"phy_init", 1, 1, 0xF000, 0x1000))  # fmt: skip
# As in ports/esp32/partitions-4MiB.csv of MicroPython 1.26: no entry for files
STOCK = ((b"nvs", 1, 2, 0x9000, 0x6000), (b"phy_init", 1, 1, 0xF000, 0x1000),
         (b"factory", 0, 0, 0x10000, 0x1F0000))  # fmt: skip
# Of 1.25 and before
WITH_FILES = (*STOCK, (b"vfs", 1, 0x81, 0x200000, 0x200000))
_NVS_PHY = STOCK[:2]

# The tables of MicroPython's ports/esp32/partitions*.csv (1.25; those of 1.26 are without vfs):
# name -> megabytes of flash, entries
BOARD_TABLES = {
    "2MiB": (2, (*_NVS_PHY, (b"factory", 0, 0, 0x10000, 0x160000),
                 (b"vfs", 1, 0x81, 0x170000, 0x50000))),
    "4MiB": (4, WITH_FILES),
    "4MiB-ota": (4, (*_OTA_HEAD, (b"ota_0", 0, 0x10, 0x10000, 0x180000),
                     (b"ota_1", 0, 0x11, 0x190000, 0x180000),
                     (b"vfs", 1, 0x81, 0x310000, 0xF0000))),
    "4MiB-romfs": (4, (*_NVS_PHY, (b"factory", 0, 0, 0x10000, 0x1D0000),
                       (b"romfs", 1, 0x8F, 0x1E0000, 0x20000),
                       (b"vfs", 1, 0x81, 0x200000, 0x200000))),
    "8MiB": (8, (*STOCK, (b"vfs", 1, 0x81, 0x200000, 0x600000))),
    "16MiB": (16, (*STOCK, (b"vfs", 1, 0x81, 0x200000, 0xE00000))),
    "16MiB-ota": (16, (*_OTA_HEAD, (b"ota_0", 0, 0x10, 0x10000, 0x270000),
                       (b"ota_1", 0, 0x11, 0x280000, 0x270000),
                       (b"vfs", 1, 0x81, 0x4F0000, 0xB10000))),
}  # fmt: skip
# The Arduino Nano ESP32's, made for another boot loader
NANO = ((b"nvs", 1, 2, 0x9000, 0x5000), (b"otadata", 1, 0, 0xE000, 0x2000),
        (b"app0", 0, 0x10, 0x10000, 0x300000), (b"app1", 0, 0x11, 0x310000, 0x300000),
        (b"ffat", 1, 0x81, 0x610000, 0x960000), (b"factory", 0, 0, 0xF70000, 0x80000),
        (b"coredump", 1, 3, 0xFF0000, 0x10000))  # fmt: skip


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
