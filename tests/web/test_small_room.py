# uMeter - the pages on a board whose meter takes too much room beside them
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import time
from urllib.parse import urlencode

import pytest

from sim.launch import VirtualBoard
from sim.meters import pusher
from sim.meters.server import Server
from tests.web.conftest import NETWORKS, ask, token_of
from tools.bench import portal
from tools.image import make_image

pytestmark = pytest.mark.timeout(300)
KEYS = {"HAN_ENCRYPTION_KEY": "00" * 15 + "01", "HAN_AUTHENTICATION_KEY": "00" * 15 + "02"}


@pytest.mark.parametrize("meter", ["han", "p1"])
def test_the_meter_rests_while_the_pages_are_in_use(trees, tmp_path, meter):
    """160 kB, as on a chip: set up with telegrams coming in, then the meter is read again."""
    keys = [bytes.fromhex(key) for key in KEYS.values()]
    rate, every_ms = (115200, 1000) if meter == "p1" else (2400, 2000)
    make = pusher.p1_telegram if meter == "p1" else pusher.han_list
    core = pusher.Pusher(rate, every_ms, lambda n: make(7210086, n, *keys))
    core.log = lambda text: None
    image = tmp_path / "flash.img"
    make_image(trees(METER=meter, BROKER="127.0.0.1:1", NTP_SERVER="127.0.0.1:1", **KEYS), image)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(core, tcp=("127.0.0.1", 0)))
        world = {"aps": NETWORKS, "scan_ms": 200,
                 "uart": {str(n): "tcp:127.0.0.1:%d" % server.port for n in (1, 2)}}  # fmt: skip
        board = stack.enter_context(VirtualBoard(image, world, "160k", ports=(80, 53)))
        board.wait_line("meter: reading 7210086", 60)
        board.wait_line("setup: open", 60)
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                status, _, body = ask(board, "/setup")
                if status == 200:
                    break
            assert time.monotonic() < end, board.lines
        form = {"token": token_of(body), "ssid": "Home", "password": "correct horse",
                "broker_host": "127.0.0.1", "broker_port": "1"}  # fmt: skip
        assert ask(board, "/setup", urlencode(form))[0] == 303
        before = len(board.lines)
        board.wait_line("setup: closed", 90)
        board.wait_line("meter: reading 7210086", 60, after=before)
        text = "\n".join(board.lines)
        assert "it rests while the pages are in use" in text
        assert "MemoryError" not in text, text
        assert board.resets == text.count("no room in one piece for the meter"), text


def test_a_heat_meter_is_read_on_beside_the_pages(tmp_path, micropython):
    """The whole app with its pages in a heap that leaves a chip some room."""
    with portal.surroundings(tmp_path) as (tree, world):
        assert portal.serves(tree, world, tmp_path, 152)
