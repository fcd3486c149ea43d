# uMeter - make image: the firmware, at its place on the boards that there are, byte for byte
# MIT license; Copyright (c) 2026 The uMeter authors

import subprocess
import sys

import pytest

from tests.sources import ROOT
from tests.tools.firmware_images import BOARD_TABLES, NANO, firmware
from tools import partitions
from tools.build import build
from tools.config import resolve
from tools.image import ImageError, make_flash_image, read_image

KEY = "00112233445566778899aabbccddeeff"


def make_image(tree, out, **more):
    given = {"OUT": tree, "IMAGE": out, **more}
    words = ["--override=%s=%s" % item for item in given.items()]
    return subprocess.run([sys.executable, "-m", "tools.image", *words], cwd=ROOT,
                          capture_output=True, text=True)


@pytest.fixture(scope="module", params=["esp32", "esp32c3"])
def real_tree(request, tmp_path_factory):
    """(board, folder with the firmware as make build makes it, {path: bytes})"""
    folder = tmp_path_factory.mktemp(request.param) / "device"
    build(resolve({"KEY": KEY, "BOARD": request.param}, {}), out=folder)
    files = {p.relative_to(folder).as_posix(): p.read_bytes()
             for p in folder.rglob("*") if p.is_file()}
    assert len(files) > 40 and "firmware/board.mpy" in files
    return request.param, folder, files


def test_the_firmware_byte_for_byte(real_tree, tmp_path):
    board, folder, files = real_tree
    out = tmp_path / "image.bin"
    done = make_image(folder, out)
    assert done.returncode == 0 and "0x200000" in done.stdout, done.stderr
    assert read_image(out) == files
    (tmp_path / "micropython.bin").write_bytes(firmware(board))
    done = make_image(folder, out, FIRMWARE=tmp_path / "micropython.bin")
    assert done.returncode == 0, done.stderr
    assert files_in(out, board, 0x200000, 4) == files


def files_in(image, chip, at, megabytes):
    """{path: bytes} of the file system that MicroPython would mount there."""
    whole = b"\xff" * (0x1000 if chip in ("esp32", "esp32s2") else 0) + image.read_bytes()
    assert len(whole) == megabytes << 20
    image.with_name("files").write_bytes(whole[at:])
    return read_image(image.with_name("files"))


@pytest.mark.parametrize("layout", BOARD_TABLES)
@pytest.mark.parametrize("since_1_26", [False, True])
def test_layouts_of_real_boards(real_tree, tmp_path, layout, since_1_26):
    """The same place, whether the table names it or MicroPython makes it at start."""
    board, folder, files = real_tree
    megabytes, entries = BOARD_TABLES[layout]
    at = entries[-1][3]
    if since_1_26:
        entries = entries[:-1]
    out = tmp_path / "image.bin"
    image = firmware(board, entries, megabytes=megabytes)
    try:
        make_flash_image(folder, image, out)
    except ImageError as error:
        assert layout == "2MiB" and "no room for the tree" in str(error)  # of 320 kB; or it fits
        assert not out.exists()
        return
    assert files_in(out, board, at, megabytes) == files


def test_tinyuf2_is_refused():
    with pytest.raises(ValueError, match="TinyUF2"):
        partitions.read(firmware("esp32s3", NANO, megabytes=16))
