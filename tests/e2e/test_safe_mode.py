# uMeter - what a board does whose app cannot start, from the crash to the pages of the safe mode
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import re
import time
import urllib.parse
import urllib.request
from binascii import crc32

import pytest

from sim.launch import VirtualBoard, interpreter, make_image
from tools import build, mpy
from tools.config import resolve

KEY = "00112233445566778899aabbccddeeff"


def stored(values):
    """A file of settings that is whole."""
    body = json.dumps(values)
    return b"umeter-settings 1 5 %08x\n%s" % (crc32(body.encode()), body.encode())


@pytest.fixture(scope="module")
def tree(tmp_path_factory, micropython):
    """{path: bytes} of a build."""
    out = tmp_path_factory.mktemp("boot") / "device"
    flags = resolve({"KEY": KEY, "WIFI_SSID": "umeter", "METER": "none"}, {})
    build.build(flags, mpy.host_arch(interpreter()), out)
    return {str(path.relative_to(out)): path.read_bytes()
            for path in out.rglob("*") if path.is_file()}  # fmt: skip


@pytest.fixture
def board(tmp_path, tree):
    boards = []

    def start(changes=None, **options):
        """The tree with some files changed; None: that one is missing."""
        files = {**tree, **(changes or {})}
        files = {name: data for name, data in files.items() if data is not None}
        make_image(tmp_path / "flash.img", files)
        boards.append(VirtualBoard(tmp_path / "flash.img", {"scan_ms": 100}, **options).start())
        return boards[0]

    yield start
    for each in boards:
        each.close()


def test_damaged_app_ends_in_the_safe_mode(board, tree):
    name = "firmware/app/__init__.mpy"
    b = board({name: b"C\x00" + tree[name][2:]}, ports=(80,))
    b.wait_line("SAFE MODE after 3 starts")
    assert b.resets == 3
    b.wait_line("crash 3, after ")
    b.wait_line("join KAM_9999999, open http://192.168.4.1/")
    b.wait_line("setup: open in KAM_9999999")
    page = urllib.request.urlopen("http://127.0.0.1:%d/" % b.port(80), timeout=20).read().decode()
    assert "KAM_9999999" in page and "password" in page
    assert KEY[:16] not in page
    # The host's MicroPython lets Ctrl-C break into a garbage collection, and its heap is locked
    # for ever then; the chip's waits for the end of a bytecode. So not while there is much to do,
    # and in another life if it was struck all the same.
    for life in range(3):
        time.sleep(2)
        count = len(b.lines)
        b.type("\x03")
        try:
            b.wait_line("The console is yours", 15, after=count)
            break
        except TimeoutError:
            if life == 2:
                raise
        b.stop()
        b.start()
        b.wait_line("setup: open in KAM_9999999", 60, after=count)
    resets = b.resets
    b.type("\x04")  # somebody wants it to start again, and the count begins anew
    b.wait_line("ValueError: incompatible .mpy file", after=count)
    assert b.resets == resets + 1


def test_the_lamp_of_the_safe_mode(board, tree):
    """It goes on when the window has closed after something was saved."""
    name = "firmware/app/__init__.mpy"
    b = board({name: b"C\x00" + tree[name][2:]}, ports=(80,))
    b.wait_line("setup: open in KAM_9999999")
    page = "http://127.0.0.1:%d/setup" % b.port(80)
    text = urllib.request.urlopen(page, timeout=20).read().decode()
    token = re.search('name="token" value="([^"]+)"', text).group(1)
    form = urllib.parse.urlencode({"token": token, "ssid": "umeter", "hostname": "cellar"})
    urllib.request.urlopen(page, form.encode(), timeout=20)
    b.wait_line("setup: saved: hostname")
    before = len(b.lines)
    b.wait_line("SAFE MODE after 3 starts|setup: closed", 60, after=before)
    time.sleep(2)  # some looks of the lamp
    assert not [line for line in b.lines[before:] if "AttributeError" in line], b.lines


def test_missing_start_says_what_to_do(board):
    b = board({"firmware/start.mpy": None})
    b.wait_line("ImportError: no module named 'firmware.start'")
    b.wait_line("`make flash` writes them anew")
    b.wait_line("MicroPython virtual board")


HUNGRY = """
import asyncio
class Counters:
    good = bad = 0
EATEN = []
class SyntheticMeter:
    push = False
    counters = Counters()
    def __init__(self, clock, serial):
        self.eaten = EATEN
    async def read(self):
        await asyncio.sleep(1)
        for size in (1024, 64, 16):
            try:
                while True:
                    EATEN.append(bytearray(size))
            except MemoryError:
                continue
        raise MemoryError("all is eaten")
"""


def test_crash_for_want_of_memory_is_kept(board):
    b = board({"firmware/meters/synthetic.mpy": None,
               "firmware/meters/synthetic.py": HUNGRY.encode()})  # fmt: skip
    # The meter is not always the one whose want of memory ends the app.
    b.wait_line('File "firmware.start"')
    told = next(i for i, line in enumerate(b.lines) if 'File "firmware.start"' in line)
    b.wait_line("app: uMeter", after=told)
    again = next(i for i, line in enumerate(b.lines) if i > told and "app: uMeter" in line)
    life = b.lines[told:again]
    assert [line for line in life if line.startswith("MemoryError")], life
    assert not [line for line in life if "not kept" in line], life


@pytest.mark.parametrize("damage", [
    b"", b"\x00" * 300, b"\xff" * 5000, b"umeter-settings 1 5 00000000\n{}", b"{" * 17000,
    stored({"ssid": 5, "password": None, "networks": 7, "ap": "x", "broker_port": [], "ip": {}}),
    stored({"networks": [[1, 2]], "cron_jobs": [5], "interval": "60", "hostname": False}),
    stored([1]), stored({}).replace(b" 5 ", b" x "),
    stored({"ssid": "x" * 40, "unknown": 1}),
])  # fmt: skip
def test_damaged_settings_do_not_keep_the_app_from_starting(board, damage):
    b = board({"data/settings": damage, "data/state": damage, "data/crash": damage})
    b.wait_line("meter: reading 9999999")
    assert b.resets == 0
