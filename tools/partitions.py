# uMeter - what a MicroPython image for ESP32 consists of, and where its file system belongs
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP-IDF programming guide: "Application Image Format" (the header that the second-stage
# bootloader and the application begin with), "Partition Tables" (32-byte entries at flash address
# 0x8000, then an MD5 over them). MicroPython from 1.26 on has no entry for its files: at start it
# makes a partition from the end of the last one to the end of the flash memory as it really is.
# Older ones, and custom tables, have an entry "vfs".

import hashlib
import io
import re
import struct
from typing import NamedTuple

from esptool.bin_image import LoadFirmwareImage
from esptool.util import FatalError

SECTOR = 4096  # the least that can be erased
_TABLE_AT = 0x8000
_TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC, _MD5_MAGIC = b"\xaaP", b"\xeb\xeb" + 14 * b"\xff"
_HEADER = struct.Struct("<BBBBI4xH10x")  # magic, segments, mode, size and speed, entry; chip
_IMAGE_MAGIC = 0xE9
_APP, _DATA, _NVS = 0, 1, 2  # types; subtype of settings that the chip keeps
_FILES = "vfs"
_UF2_FILES = "ffat"  # of boards with TinyUF2, such as Arduino's Nano ESP32
STOCK_FILES_AT = 0x200000  # the stock images of 1.26 to 1.28
_CHIPS = {0: "esp32", 2: "esp32s2", 5: "esp32c3", 9: "esp32s3"}  # that run uMeter
_OTHERS = {12: "esp32c2", 13: "esp32c6", 16: "esp32h2", 18: "esp32p4", 23: "esp32c5"}
_BASES = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0, "esp32c3": 0}


class Entry(NamedTuple):
    name: str
    type: int
    subtype: int
    start: int
    size: int

    @property
    def end(self):
        return self.start + self.size


class Firmware(NamedTuple):
    """An image: bootloader, partition table, MicroPython; perhaps files, too."""

    data: bytes
    chip: str  # as in tools.boards.CHIPS
    base: int  # flash address that it begins at
    flash_size: int  # bytes, as the header says
    entries: list
    files_at: int  # flash address of the file system

    @property
    def end(self):
        return self.base + len(self.data)

    @property
    def holds_files(self):
        """The image covers the file system, and so replaces what is there."""
        return self.end > self.files_at

    def files_size(self, flash_size=0):
        """Bytes of the file system, on a flash memory of that size (0: the header's)."""
        for entry in self.entries:
            if entry.name == _FILES:
                return entry.size
        return (flash_size or self.flash_size) - self.files_at

    def pieces(self, size, keep=True):
        """[(flash address, bytes)] to write, none longer than size or over a multiple of it.

        keep: leaves out the chip's own settings (NVS) where the image has nothing but padding.
        """
        data = self.data + b"\xff" * (-len(self.data) % SECTOR)
        cuts = {self.base, self.base + len(data)}
        cuts.update(range(-(-self.base // size) * size, self.base + len(data), size))
        kept = [e for e in self.entries if (e.type, e.subtype) == (_DATA, _NVS)] if keep else []
        cuts.update(at for e in kept for at in (e.start, e.end) if self.base < at < self.end)
        cuts = sorted(cuts)
        pieces = [(a, data[a - self.base : b - self.base]) for a, b in zip(cuts, cuts[1:])]
        return [(at, piece) for at, piece in pieces
                if piece.strip(b"\xff") or not any(e.start <= at < e.end for e in kept)]


def read(data):
    """Image -> Firmware. ValueError says what is wrong with it."""
    chip, flash_size = _read_header(data)
    base = _BASES[chip]
    entries = _read_table(data[_TABLE_AT - base :][:_TABLE_SIZE])
    files_at = max(entry.end for entry in entries)
    for entry in entries:
        if entry.name == _FILES:
            files_at = entry.start
        if entry.name == _UF2_FILES:
            raise ValueError("the image is for a board with TinyUF2, whose files lie elsewhere; "
                             "write it as its maker says, then make flash without FIRMWARE=")
    apps = [entry for entry in entries if entry.type == _APP]
    if not apps:
        raise ValueError("the image's partition table has no place for a program")
    app = data[apps[0].start - base : apps[0].end - base]
    if not app:
        raise ValueError("the image ends before its program begins; is the download complete?")
    if _read_header(app)[0] != chip:
        raise ValueError("bootloader and program of the image are for different chips")
    for part, name in ((data[: _TABLE_AT - base], "bootloader"), (app, "program")):
        _verify(part, chip, name)
    firmware = Firmware(data, chip, base, flash_size, entries, files_at)
    if firmware.files_size() <= 0:
        raise ValueError("the image leaves no room for files")
    return firmware


def _read_header(data):
    """(chip, flash size in bytes)"""
    if len(data) < _HEADER.size or data[0] != _IMAGE_MAGIC:
        raise ValueError("this is no image for an ESP32: it does not begin with 0xE9")
    _, _, _, size, _, number = _HEADER.unpack_from(data)
    if number in _OTHERS:
        raise ValueError("the image is for %s, which uMeter has no board for" % _OTHERS[number])
    if number not in _CHIPS:
        raise ValueError("the image is for an unknown chip, number %d" % number)
    return _CHIPS[number], 0x100000 << (size >> 4)


def _read_table(table):
    entries, at = [], 0
    while table[at : at + 2] == _ENTRY_MAGIC:
        _, type_, subtype, start, size, name, _ = _ENTRY.unpack_from(table, at)
        name = name.rstrip(b"\0").decode("ascii", "replace")
        entries.append(Entry(name, type_, subtype, start, size))
        at += _ENTRY.size
    if not entries:
        raise ValueError("the image has no partition table; is it one of MicroPython for ESP32, "
                         "the one that is flashed by cable?")  # fmt: skip
    if table[at : at + 16] == _MD5_MAGIC:
        if hashlib.md5(table[:at]).digest() != table[at + 16 : at + 32]:
            raise ValueError("the image's partition table is damaged")
    return entries


def _verify(part, chip, name):
    """Segments, checksum and hash, as esptool reads them and the chip checks them at start."""
    source = io.BytesIO(part)
    source.name = name  # esptool asks for it
    try:
        image = LoadFirmwareImage(chip, source)
        sound = not image.segments or image.checksum == image.calculate_checksum()
        if image.append_digest:
            sound = sound and image.stored_digest == image.calc_digest
    except (FatalError, RuntimeError, struct.error, IndexError, TypeError) as error:
        raise ValueError("the image's %s is damaged: %s" % (name, error)) from None
    if not sound:
        raise ValueError("the image's %s is damaged: its checksum is wrong" % name)


def flash_size(text):
    """"4M", "8MB" -> bytes; 0 for ""."""
    found = re.fullmatch(r"([0-9]{1,3})MB?", text.strip().upper())
    if text and not found:
        raise ValueError("FLASH_SIZE=%s: must be megabytes, such as 4M" % text)
    return int(found[1]) << 20 if found else 0
