# uMeter - a meter that pushes, from an unknown line to verified samples
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import time
from unittest import mock

import pytest

from firmware.crypto.keys import parse_key
from sim.launch import VirtualBoard, interpreter
from sim.meters import pusher
from sim.meters.server import Server
from tools import brokers, build, mpy, sim
from tools.bench.han import made_up
from tools.image import make_image
from tools.keys import KeyRing
from tools.meterctl.link import Link
from tools.meterctl.messages import open_message

KEY = "00112233445566778899aabbccddeeff"
METER_KEY = "000102030405060708090a0b0c0d0e0f"
OTHER_KEY = "101112131415161718191a1b1c1d1e1f"
LINE = "2400 8N1 inverted"


class Home:
    """A meter on a line, a virtual board, a broker, and somebody who has the key."""

    def __init__(self, folder, stack, line, core=None, **given):
        stack.enter_context(mock.patch.object(sim, "say"))  # the broker's chatter
        clock = stack.enter_context(contextlib.closing(sim.TimeServer()))
        port = stack.enter_context(brokers.mosquitto(folder))
        flags = sim.flags({"KEY": KEY, "INTERVAL": "2", "METER": "han", **given}, {},
                          "127.0.0.1:%d" % port, clock.port, folder)  # fmt: skip
        tree = folder / "device"
        build.build(flags, mpy.host_arch(interpreter()), tree)
        self.image = folder / "flash.img"
        make_image(tree, self.image)
        keys = [bytes.fromhex(METER_KEY), bytes.fromhex(OTHER_KEY)]
        core = core or pusher.make("han", 7210086, None, 2500, *keys)
        meter = stack.enter_context(Server(core, tcp=("127.0.0.1", 0)))
        uart = "tcp:127.0.0.1:%d %s" % (meter.port, line)
        self.world = {"uart": {str(flags["UART_ID"]): uart},
                      "aps": [{"ssid": sim.SSID, "password": "", "rssi": -61, "channel": 6}],
                      "scan_ms": 200}  # fmt: skip
        self.keys = KeyRing({"*": parse_key(KEY)})
        self.link = stack.enter_context(Link("127.0.0.1", port, ["/+/v2/+/+"]))
        self.lines = []

    def board(self, heap="160k"):
        return VirtualBoard(self.image, self.world, heap, on_line=self.lines.append)

    def sample(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = self.link.receive(0.2)
            message = got and open_message(got[0], got[1], self.keys)
            if message and message.function == "sample":
                assert message.verified, message.reason
                return message.serial, dict(
                    group.split("=", 1) for group in message.text.rstrip("&").split("&"))
        raise AssertionError("no sample; log %s" % self.lines[-8:])

    def said(self, text, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(text in line for line in self.lines):
                return
            time.sleep(0.1)
        raise AssertionError("never said: %s; log %s" % (text, self.lines[-8:]))


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def test_line_is_found_and_kept(tmp_path, stack):
    home = Home(tmp_path, stack, LINE, HAN_ENCRYPTION_KEY=METER_KEY,
                HAN_AUTHENTICATION_KEY=OTHER_KEY)  # fmt: skip
    with home.board() as board:
        serial, values = home.sample()
        assert serial == "7210086" and values["meter_id"] == "7210086"
        assert values["voltage_l1_v"].endswith(" V") and values["heap"].isdigit()
        first = int(values["active_energy_import_wh"].partition(" Wh")[0])
        assert int(home.sample()[1]["active_energy_import_wh"].partition(" Wh")[0]) > first
        home.said("its line is set to " + LINE)
        home.said("settings: saved")
        board.kill()  # the power fails
        home.lines.clear()
        board.start()
        home.said("reading 7210086")
        assert not any("its line is set" in line for line in home.lines)


def test_the_longest_lists(tmp_path, stack):
    """35 values, ciphered, in 160 kB."""
    keys = bytes.fromhex(METER_KEY), bytes.fromhex(OTHER_KEY)
    core = pusher.Pusher(2400, 3000, lambda n: made_up(*keys, n))
    home = Home(tmp_path, stack, "2400 8N1", core, HAN_ENCRYPTION_KEY=METER_KEY,
                HAN_AUTHENTICATION_KEY=OTHER_KEY)  # fmt: skip
    with home.board():
        for _ in range(5):
            serial, values = home.sample()
            assert serial == "0000001" and len(values) > 35
        assert len([line for line in home.lines if "app: uMeter" in line]) == 1, home.lines


def test_a_missing_and_a_wrong_key_are_told(tmp_path, stack):
    home = Home(tmp_path, stack, "2400 8N1")
    with home.board():
        home.said("it is ciphered and no key is set; system title 554D540000000001")
    home = Home(tmp_path, stack, "2400 8N1", HAN_ENCRYPTION_KEY=OTHER_KEY)
    with home.board():
        home.said("reject wrong_key")
