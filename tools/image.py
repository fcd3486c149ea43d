# uMeter - make image: a littlefs image that holds a device tree, with MicroPython or alone
# MIT license; Copyright (c) 2026 The uMeter authors

# The parameters are those with which MicroPython makes its file system
# (ports/esp32, extmod/vfs_lfs.c): 4096-byte blocks, read and program 32, look-ahead 32,
# cache 4 * 32. A new file system is of version 2.0, which every littlefs 2 can read; one that
# MicroPython made may be of 2.1, and 0 means any.

import contextlib
import os
import sys
from pathlib import Path

from littlefs import LittleFS, LittleFSError

from tools import boards, owned, partitions
from tools.build import OUT, Manifest, command_line, manifest_path
from tools.config import ConfigError, run_variable
from tools.config.collect import parse_overrides

BLOCK = 4096
_DISK_VERSION = 0x00020000
BLOCKS = 512  # 2 MiB: what a 4 MB module leaves for files


class ImageError(Exception):
    """What cannot be made into an image, and why."""


def make_image(tree, out, blocks=BLOCKS, keep=None):
    """Writes a littlefs image with all files of the folder tree to the file out.

    keep: an image whose other files (settings, data) are to stay, usually out itself;
    made new if there is none. Its size counts then, not blocks. ImageError names what is wrong.
    """
    files = {p.relative_to(tree).as_posix(): p.read_bytes()
             for p in sorted(Path(tree).rglob("*")) if p.is_file()}  # fmt: skip
    old = Path(keep).read_bytes() if keep and Path(keep).exists() else None
    fs = open_image(old, blocks)
    try:
        _remove_stale(fs, files)
        for path, data in files.items():
            _write(fs, path, data)
    except LittleFSError as error:
        raise ImageError("no room for the tree: %s" % error) from None
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.with_name(out.name + ".new")
    new.write_bytes(fs.context.buffer)
    os.replace(new, out)


def read_image(path):
    """{path: bytes} of all files in an image."""
    fs = open_image(Path(path).read_bytes())
    return {name: _read(fs, name) for name in _walk(fs)}


def open_image(data, blocks=BLOCKS):
    """The file system in an image (bytes), or a new one of so many blocks if data is None.

    A littlefs.LittleFS; its context.buffer is the image.
    """
    if data is not None and (not data or len(data) % BLOCK):
        raise ImageError("the image has %d bytes, no multiple of %d" % (len(data), BLOCK))
    fs = LittleFS(block_size=BLOCK, block_count=len(data) // BLOCK if data else blocks,
                  read_size=32, prog_size=32, cache_size=128, lookahead_size=32, name_max=255,
                  disk_version=_DISK_VERSION if data is None else 0, mount=False)  # fmt: skip
    if data is None:
        fs.format()
    else:
        fs.context.buffer = bytearray(data)
    try:
        fs.mount()
    except LittleFSError as error:
        raise ImageError("the image holds no littlefs: %s" % error) from None
    return fs


def _walk(fs):
    for folder, _, names in fs.walk("/"):
        for name in sorted(names):
            yield (folder.strip("/") + "/" + name).lstrip("/")


def _read(fs, path):
    with fs.open("/" + path, "rb") as file:
        return file.read()


def _write(fs, path, data):
    folder = path.rpartition("/")[0]
    if folder:
        fs.makedirs("/" + folder, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if _read(fs, path) == data:
            return
    with fs.open("/" + path, "wb") as file:
        file.write(data)


def _remove_stale(fs, files):
    for path in list(_walk(fs)):
        if owned.is_owned(path) and path not in files:
            fs.unlink("/" + path)
    folders = [folder for folder, _, _ in fs.walk("/" + owned.FOLDER)] if _has_folder(fs) else []
    for folder in sorted(folders, reverse=True):
        if not fs.listdir(folder):
            fs.rmdir(folder)


def _has_folder(fs):
    return owned.FOLDER in fs.listdir("/")


def make_flash_image(tree, firmware, out, flash_size=0):
    """Writes one file with MicroPython and, at its place in flash, the tree; returns its address.

    firmware: bytes of a MicroPython image; flash_size: bytes of the board's flash memory, 0 for
    what the image says. It has to be right: MicroPython fits its file system to the memory that it
    finds, and takes none of another size. ImageError names what is wrong.
    """
    try:
        base = partitions.read(firmware)
    except ValueError as error:
        raise ImageError(str(error)) from None
    manifest = Manifest.read(manifest_path(Path(tree)))
    chip = boards.BOARDS[manifest.board].chip
    if base.chip != chip:
        raise ImageError("the image is for %s, but BOARD=%s has %s"
                         % (base.chip, manifest.board, chip))  # fmt: skip
    if base.holds_files:
        raise ImageError("the image reaches into the file system; does it hold files already?")
    size = base.files_size(flash_size)
    if size < 2 * BLOCK or flash_size and base.files_at + size > flash_size:
        raise ImageError("%d MB of flash are too small for the image" % (flash_size >> 20))
    make_image(tree, out, size // BLOCK)
    head = firmware.ljust(base.files_at - base.base, b"\xff")
    Path(out).write_bytes(head + Path(out).read_bytes())
    manifest.write(manifest_path(Path(out)))  # make webflash shows it
    return base.base


def main(argv=None):
    parser = command_line("Makes a flash image of the tree that make build made.")
    parser.add_argument("--out", help="file to write; IMAGE=, build/image.bin by default")
    options = parser.parse_args(argv)
    try:
        given = parse_overrides(options.override)
        out = options.out or run_variable("IMAGE", given, os.environ)
        tree = Path(run_variable("OUT", given, os.environ, str(OUT)))
        _make(tree, Path(out or OUT.with_name("image.bin")),
              run_variable("FIRMWARE", given, os.environ),
              partitions.flash_size(run_variable("FLASH_SIZE", given, os.environ)))  # fmt: skip
    except OSError as error:
        sys.exit("image: %s: %s" % (error.filename, error.strerror))
    except (ConfigError, ImageError, ValueError) as error:
        sys.exit("image: %s" % error)


def _make(tree, out, firmware, flash_size):
    if not tree.exists():
        raise ImageError("there is no %s: make build" % os.path.relpath(tree))
    shown = os.path.relpath(out)
    if firmware:
        at = make_flash_image(tree, Path(firmware).read_bytes(), out, flash_size)
        said = "MicroPython and the firmware, for %d MB of flash" % (
            at + out.stat().st_size + 0xFFFFF >> 20)  # fmt: skip
    else:
        blocks = (flash_size - partitions.STOCK_FILES_AT) // BLOCK if flash_size else BLOCKS
        make_image(tree, out, blocks)
        at, said = partitions.STOCK_FILES_AT, "files only; with FIRMWARE=... MicroPython, too"
    print("%s: %d kB, %s; esptool write-flash 0x%x %s"
          % (shown, out.stat().st_size // 1024, said, at, shown))  # fmt: skip


if __name__ == "__main__":
    main()
