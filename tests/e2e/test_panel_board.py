# uMeter - lamp and button of a whole board: set-up by a long press, factory settings at the start
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import json
import time
from binascii import crc32

import pytest

from sim.launch import VirtualBoard, interpreter, make_image
from tools import build, mpy
from tools.config import resolve
from tools.image import read_image

KEY = "00112233445566778899aabbccddeeff"
LAMP, BUTTON = 2, 0
SET = {"ssid": "umeter", "password": "umeter-sim", "broker_host": "127.0.0.1"}
STATE = {"valve": True, "limit": 5000, "joined": ["umeter", "umeter-sim"]}


def stored(values):
    body = json.dumps(values)
    return b"umeter-settings 1 5 %08x\n%s" % (crc32(body.encode()), body.encode())


def gesture(board, ready=lambda: None):
    """People have a second for it: on a busy machine this may be too late, and they try again."""
    for _ in range(4):
        ready()
        wait_for(lambda: board.outputs.get(LAMP) == 1)
        press(board)
        time.sleep(0.2)
        wait_for(lambda: board.outputs[LAMP] == 0)
        let_go(board)
        with contextlib.suppress(TimeoutError):
            board.wait_line("panel: factory settings", 8)
            return
        board.stop()
        board.outputs.clear()
        board.start()
    raise AssertionError("no factory settings:\n" + "\n".join(board.lines[-20:]))


@pytest.fixture
def files(tmp_path, micropython):
    """{path: bytes} of a board whose settings somebody has made."""
    build.build(resolve({"KEY": KEY, "METER": "none", "SERIAL": "1234567"}, {}),
                mpy.host_arch(interpreter()), tmp_path / "device")
    files = {p.relative_to(tmp_path / "device").as_posix(): p.read_bytes()
             for p in (tmp_path / "device").rglob("*") if p.is_file()}
    return {**files, "data/settings": stored(SET), "data/state": stored(STATE)}


@pytest.fixture
def board(files, tmp_path):
    make_image(tmp_path / "flash", files)
    with VirtualBoard(tmp_path / "flash", {"scan_ms": 100}, ports=(80,)) as board:
        yield board


def press(board):
    board.order(pin=BUTTON, level=0)


def let_go(board):
    board.order(pin=BUTTON, level=1)


def wait_for(condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_long_press(board):
    board.wait_line("wifi: connected to umeter")
    board.wait_line("setup: open in KAM_1234567")  # after power-on
    press(board)
    board.wait_line("panel: long press")
    board.wait_line("setup: closed")
    let_go(board)
    time.sleep(2)
    lines = len(board.lines)
    press(board)
    board.wait_line("setup: open in KAM_1234567", 15, after=lines)


def test_factory_settings(board):
    gesture(board)
    board.wait_line("wifi: no network is configured", 60)
    board.wait_line("setup: open in KAM_1234567")
    board.stop()
    files = read_image(board.image)
    assert not any(b"umeter-sim" in data for data in files.values())
    state = json.loads(files["data/state"].partition(b"\n")[2])
    assert state["valve"] is True and state["limit"] == 5000


def test_factory_settings_in_the_safe_mode(files, tmp_path):
    """When the app cannot even start with what was set."""
    name = "firmware/app/parts.mpy"
    files[name] = b"C\x00" + files[name][2:]
    make_image(tmp_path / "flash", files)
    with VirtualBoard(tmp_path / "flash", {"scan_ms": 100}, ports=(80,)) as board:
        seen = resets = 0

        def safe():
            nonlocal seen, resets
            board.wait_line("SAFE MODE", 90, after=seen)
            seen, resets = len(board.lines), board.resets

        gesture(board, safe)
        wait_for(lambda: board.resets > resets)
        board.stop()
        left = read_image(board.image)
        assert not any(b"umeter-sim" in left[path] for path in left if path.startswith("data/"))
