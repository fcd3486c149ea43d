# uMeter - when the set-up network is there: after power-on, and when the command asks for it
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib

from sim.launch import VirtualBoard
from tests.e2e.test_commands import SERIAL, Device
from tests.web.conftest import ask


class Reached(Device):
    @contextlib.contextmanager
    def board(self):
        board = VirtualBoard(self.image, self.world, "260k", ports=(80, 53),
                             on_line=self.lines.append)  # fmt: skip
        with board:
            self.port = board.port
            self.wait_line = board.wait_line
            yield board


def test_the_command_opens_it_again(tmp_path):
    with Reached(tmp_path).running() as device:
        device.wait_line("setup: closed")  # that of power-on
        assert ask(device, "/setup")[0] == 303, "to the login: no set-up network, no free entry"
        device.send("start_ap")
        assert device.ask("ap_status") == "started, this device only: no NAPT"
        assert device.ask("start_setup") == "KAM_" + SERIAL
        device.wait_line("setup: open in KAM_" + SERIAL)
        assert device.ask("ap_status") == "started, not on the air", "one network at a time"
        status, _, page = ask(device, "/setup")
        assert status == 200 and "Wi-Fi network" in page
        assert device.ask("ping") == "", "the session goes on"
        assert device.ask("start_setup") == "KAM_" + SERIAL, "once more makes it longer"
