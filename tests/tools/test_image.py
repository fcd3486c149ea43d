# uMeter - littlefs images: what is written, what is kept, and MicroPython reads them
# MIT license; Copyright (c) 2026 The uMeter authors

import hashlib
import random
import subprocess
import sys

import pytest

from tests.sources import ROOT
from tests.tools.firmware_images import STOCK, WITH_FILES, firmware, program, table
from tools import owned, partitions
from tools.build import Manifest, manifest_path
from tools.image import (
    BLOCK,
    ImageError,
    make_flash_image,
    make_image,
    open_image,
    read_image,
)

@pytest.fixture
def tree(tmp_path):
    files = {"main.py": b"print('main')\n", "config.mpy": b"M\x06", "firmware/a.mpy": b"a" * 5000,
             "firmware/deep/er/b.mpy": random.Random(1).randbytes(70000), "boot.py": b""}
    for name, data in files.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "tree", files


def add(image, files):
    """Writes files into an image, as the firmware would do."""
    fs = open_image(image.read_bytes())
    for name, content in files.items():
        fs.makedirs("/" + name.rpartition("/")[0], exist_ok=True)
        with fs.open("/" + name, "wb") as file:
            file.write(content)
    image.write_bytes(fs.context.buffer)


def test_what_goes_in_comes_out(tree, tmp_path):
    folder, files = tree
    make_image(folder, tmp_path / "new" / "image", blocks=64)
    assert read_image(tmp_path / "new" / "image") == files
    assert (tmp_path / "new" / "image").stat().st_size == 64 * BLOCK


def test_update_in_place_keeps_data(tree, tmp_path):
    folder, files = tree
    image = tmp_path / "image"
    make_image(folder, image, keep=image)
    data = {"data/settings.a": b"1", "data/deep/er": b"2", "notes.txt": b"3", "lib/x.py": b"4"}
    stale = ("firmware/old.mpy", "firmware/gone/x.mpy", "config.py", "boot.mpy")
    add(image, {**data, **dict.fromkeys(stale, b"")})
    (folder / "main.py").write_text("print('changed')\n")
    make_image(folder, image, blocks=3, keep=image)
    assert read_image(image) == {**files, **data, "main.py": b"print('changed')\n"}
    assert image.stat().st_size == 512 * BLOCK
    assert "gone" not in open_image(image.read_bytes()).listdir("/firmware")


def test_an_image_that_is_none(tree, tmp_path):
    image = tmp_path / "image"
    for junk in (b"\xff" * BLOCK * 8, b"x" * 100, b""):
        image.write_bytes(junk)
        with pytest.raises(ImageError, match="the image"):
            make_image(tree[0], image, keep=image)
        assert image.read_bytes() == junk


def test_too_small(tree, tmp_path):
    with pytest.raises(ImageError, match="no room"):
        make_image(tree[0], tmp_path / "image", blocks=12)
    assert not (tmp_path / "image").exists()


def test_micropython_reads_it(tree, tmp_path, micropython):
    folder, files = tree
    make_image(folder, tmp_path / "image")
    script = """
import sys, vfs, hashlib, binascii
sys.path.insert(0, %r)
import _flash
fs = _flash.mount(_flash.Flash(%r, 512), make=False)
for name in %r:
    with fs.open(name, "rb") as f:
        print(binascii.hexlify(hashlib.sha256(f.read()).digest()).decode())
print(fs.statvfs("/")[:4])
""" % (str(ROOT / "sim" / "board"), str(tmp_path / "image"), list(files))
    done = subprocess.run([micropython, "-c", script], cwd=tmp_path, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:-1] == [hashlib.sha256(data).hexdigest() for data in files.values()]
    assert lines[-1].startswith("(4096, 4096, 512,")


def test_owned():
    assert owned.is_owned("firmware/x/y.mpy") and owned.is_owned("config.mpy")
    for path in ("data/x", "firmwares/x", "firmware", "lib/main.py", "settings.json", "x.py"):
        assert not owned.is_owned(path)


# -- one file with MicroPython --


def built(tree, board="esp32"):
    """The tree with what make build puts beside it."""
    Manifest("bytecode", "kmp", board, "", []).write(manifest_path(tree))
    return tree


@pytest.mark.parametrize("chip, base", [("esp32", 0x1000), ("esp32s2", 0x1000), ("esp32s3", 0),
                                        ("esp32c3", 0)])
@pytest.mark.parametrize("entries, flash_size, megabytes", [
    (STOCK, 0, 4), (STOCK, 8 << 20, 8), (WITH_FILES, 0, 4),
    (WITH_FILES, 8 << 20, 4)])
def test_one_file_for_the_whole_flash(tree, tmp_path, chip, base, entries, flash_size, megabytes):
    folder, files = tree
    micropython = firmware(chip, entries, megabytes=megabytes if not flash_size else 4)
    out = tmp_path / "image.bin"
    assert make_flash_image(built(folder, chip), micropython, out, flash_size) == base
    whole = out.read_bytes()
    assert len(whole) == (megabytes << 20) - base
    assert whole.startswith(micropython)
    at = partitions.STOCK_FILES_AT - base
    assert not whole[len(micropython) : at].strip(b"\xff")
    (tmp_path / "files").write_bytes(whole[at:])
    assert read_image(tmp_path / "files") == files


def test_esptool_takes_it(tree, tmp_path):
    out = tmp_path / "image.bin"
    make_flash_image(built(tree[0]), firmware(), out)
    done = subprocess.run([sys.executable, "-m", "esptool", "image_info", out],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ESP32" in done.stdout and "(valid)" in done.stdout


def test_command(tree, tmp_path):
    (tmp_path / "micropython.bin").write_bytes(firmware("esp32c3"))
    out = tmp_path / "whole.bin"
    given = {"OUT": built(tree[0], "esp32c3"), "IMAGE": out, "FLASH_SIZE": "8M",
             "FIRMWARE": tmp_path / "micropython.bin"}

    def make(**more):
        words = ["--override=%s=%s" % item for item in {**given, **more}.items()]
        return subprocess.run([sys.executable, "-m", "tools.image", *words], cwd=ROOT,
                              capture_output=True, text=True)

    done = make()
    assert done.returncode == 0 and "8 MB" in done.stdout and " 0x0 " in done.stdout, done
    assert out.stat().st_size == 8 << 20
    before = out.read_bytes()
    built(tree[0], "esp32")
    done = make()
    assert done.returncode == 1 and "esp32c3, but BOARD=esp32 has esp32" in done.stderr
    assert make(FLASH_SIZE="big").stderr.startswith("image: FLASH_SIZE=big")
    assert make(FIRMWARE=tmp_path / "nothing").returncode == 1
    assert out.read_bytes() == before


@pytest.mark.parametrize("chip, entries, flash_size, words", [
    ("esp32s3", STOCK, 0, "is for esp32s3, but BOARD=esp32"),
    ("esp32", STOCK, 2 << 20, "2 MB"), ("esp32", WITH_FILES, 2 << 20, "2 MB"),
])
def test_what_does_not_fit(tree, tmp_path, chip, entries, flash_size, words):
    with pytest.raises(ImageError, match=words):
        make_flash_image(built(tree[0]), firmware(chip, entries), tmp_path / "out", flash_size)
    assert not (tmp_path / "out").exists()


def test_not_twice(tree, tmp_path):
    make_flash_image(built(tree[0]), firmware(), tmp_path / "out")
    with pytest.raises(ImageError, match="files already"):
        make_flash_image(tree[0], (tmp_path / "out").read_bytes(), tmp_path / "out")


# -- what an image tells --


def test_parts_of_an_image():
    found = partitions.read(firmware("esp32s3", WITH_FILES, megabytes=8))
    assert (found.chip, found.base, found.flash_size) == ("esp32s3", 0, 8 << 20)
    assert [entry.name for entry in found.entries] == ["nvs", "phy_init", "factory", "vfs"]
    assert (found.files_at, found.files_size(16 << 20)) == (0x200000, 0x200000)
    stock = partitions.read(firmware("esp32", md5=False))
    assert (stock.files_at, stock.files_size(), stock.files_size(16 << 20)) == (
        0x200000, 2 << 20, 14 << 20)
    assert not stock.holds_files


@pytest.mark.parametrize("keep", [True, False])
def test_pieces_make_the_image(keep):
    data = firmware()
    image = partitions.read(data)
    flash = bytearray(b"?" * (4 << 20))
    for at, piece in image.pieces(0x10000, keep):
        assert at % 4096 == len(piece) % 4096 == 0 < len(piece)
        assert at // 0x10000 == (at + len(piece) - 1) // 0x10000
        flash[at : at + len(piece)] = piece
    end = -(-image.end // 4096) * 4096
    expected = bytearray(b"?" * 0x1000 + data.ljust(end - 0x1000, b"\xff")).ljust(4 << 20, b"?")
    if keep:
        expected[0x9000:0xF000] = b"?" * 0x6000
    assert flash == expected


def test_settings_of_the_chip_that_the_image_brings_are_written():
    data = bytearray(firmware())
    data[0xA000 - 0x1000] = 7
    written = dict(partitions.read(bytes(data)).pieces(0x10000))
    assert written[0x9000][0x1000] == 7


def changed(data, at, value):
    return data[:at] + bytes([value]) + data[at + 1 :]


BAD = {
    "empty": (b"", "0xE9"),
    "text": (b"x" * 100000, "0xE9"),
    "blank": (b"\xff" * 100000, "0xE9"),
    "other chip": (firmware("esp32c6"), "esp32c6, which uMeter"),
    "unknown chip": (changed(firmware(), 12, 99), "unknown chip, number 99"),
    "application only": (program("esp32", 90000), "no partition table"),
    "damaged table": (changed(firmware(), 0x7005, 0), "table is damaged"),
    "damaged bootloader": (changed(firmware(), 100, 0), "bootloader is damaged"),
    "damaged program": (changed(firmware(), 0xF200, 0), "program is damaged"),
    "cut off": (firmware()[:-5000], "program is damaged"),
    "cut off early": (firmware()[:0xF000], "ends before its program"),
    "no program": (firmware()[:0xF000] + b"\0" * 5000, "0xE9"),
    "two chips": (firmware()[:0xF000] + program("esp32s3", 5000), "different chips"),
    "only data": (firmware()[:0x7000] + table(STOCK[:2]), "no place for a program"),
    "too small": (firmware(megabytes=2), "no room"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_no_image(name):
    data, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        partitions.read(data)


def test_sizes_of_flash():
    assert [partitions.flash_size(text) for text in ("", "4M", "16mb")] == [0, 4 << 20, 16 << 20]
    for text in ("4", "M", "4G", "4096K", "-4M"):
        with pytest.raises(ValueError, match="FLASH_SIZE"):
            partitions.flash_size(text)
