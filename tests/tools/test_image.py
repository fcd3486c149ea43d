# uMeter - littlefs images: what is written, what is kept, and MicroPython reads them
# MIT license; Copyright (c) 2026 The uMeter authors

import hashlib
import random
import struct
import subprocess

import pytest

from tests.sources import ROOT
from tools import owned, partitions
from tools.image import BLOCK, ImageError, make_image, open_image, read_image


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


def table(*entries):
    packed = [struct.pack("<2sBBII16sI", b"\xaaP", 1, 2, start, size, name, 0)
              for name, start, size in entries]  # fmt: skip
    return b"".join(packed) + b"\xeb\xeb" + b"\xff" * 30


@pytest.mark.parametrize("base", [0x1000, 0])
def test_joined_with_micropython(base):
    entries = (b"nvs", 0x9000, 0x6000), (b"phy", 0xF000, 0x1000), (b"factory", 0x10000, 0x1F0000)
    firmware = b"\xe9".ljust(0x8000 - base, b"\0") + table(*entries)
    firmware = firmware.ljust(0x10000 - base, b"\xff") + b"program" * 1000
    assert partitions.read(firmware) == (base, partitions.STOCK_FILES_AT)
    at, whole = partitions.join(firmware, b"files")
    assert at == base and whole.startswith(firmware)
    assert whole[partitions.STOCK_FILES_AT - base :] == b"files"
    assert not whole[len(firmware) : partitions.STOCK_FILES_AT - base].strip(b"\xff")


def test_no_micropython_image():
    for junk in (b"", b"x" * 100000, b"\xff" * 100000):
        with pytest.raises(ValueError, match="partition table"):
            partitions.read(junk)
