# uMeter - the console of a build with DEBUG=1, key by key
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from sim.launch import VirtualBoard, interpreter
from tools import build, mpy
from tools.config import resolve
from tools.image import make_image

KEY = "00112233445566778899aabbccddeeff"


@pytest.fixture
def board(tmp_path, micropython):
    flags = resolve({"KEY": KEY, "METER": "none", "DEBUG": "1", "WIFI_SSID": "home",
                     "WIFI_PASSWORD": "home-pass"}, {})  # fmt: skip
    build.build(flags, mpy.host_arch(interpreter()), tmp_path / "device")
    make_image(tmp_path / "device", tmp_path / "flash.img")
    world = {"aps": [{"ssid": "home", "password": "home-pass", "channel": 6, "rssi": -61}],
             "scan_ms": 100}  # fmt: skip
    with VirtualBoard(tmp_path / "flash.img", world) as b:
        yield b


def test_keys_and_commands(board):
    board.wait_line("keys: m sample")
    board.wait_line("wifi: connected to home")
    for key, answer in (
        ("m", "temp_t1 "), ("c", "channel 6"), ("C", "home, password of 9"),
        ("i", r"station \('192\.168\.1\.77'"), ("k", r"heap: \d+ used, \d+ free"),
        ("s", "b'home' -61 dBm, channel 6"), ("u", r"uptime \d+ s, time 0"),
        ("q", "queue: no session"), ("x?", "keys: m sample"),
        (":version\r", "^version: .*-NO_METER"), (":set_ssid barx\x7fn\r", "set_ssid: barn"),
        (":set_ap_mesh_pwd hemmelig\r", "set_ap_mesh_pwd: 8 characters"),
        (":set_network ssid=shed&pwd=hemmelig\r", "set_network: 1=barn&2=shed&fallback="),
        (":nonsense\r", "no command nonsense"), (":pwm 5000\r", "pwm: error: "),
        (":stack_trace\r", "stack_trace: enabled"),
        ("r", "wifi: leaves home|wifi: lost home|wifi: .*off"),
    ):  # fmt: skip
        count = len(board.lines)
        board.type(key)
        board.wait_line(answer, 20, after=count)
    assert board.resets == 0 and not board._search("home-pass|hemmelig|" + KEY, 0)
    board.type("R")
    board.wait_line("RuntimeError: asked for at the console")
    board.wait_line("keys: m sample", after=len(board.lines))
    assert board.resets == 1
