# uMeter - meterctl watch: the table, and the fleet over a real broker
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import pty
import subprocess

import pytest
from meterctl_surroundings import KEY, SAMPLE, SERIAL, Device, command_line, surroundings
from rich.console import Console

from firmware.crypto.envelope import Envelope
from tools.meterctl.messages import Message
from tools.meterctl.watch import Fleet, age

pytest_plugins = ["meterctl_fixtures"]
NOW = 1790000000
ANSWERS = {"status": [b"open"], "limit": [b"57000"], "rssi": [b"-61"],
           "version": [b"1.27-umeter-KMP"]}  # fmt: skip


def said(function, text="", serial="12345", when=NOW, reason=None):
    return Message(function, serial, when, reason, text)


def shown(fleet, now=NOW):
    console = Console(width=150, record=True, file=open(os.devnull, "w"))
    console.print(fleet.table(now))
    rows = console.export_text().splitlines()[3:-1]
    return [[cell.strip() for cell in row.strip("\u2502").split("\u2502")] for row in rows]


def test_table():
    fleet = Fleet(["77"])
    fleet.take(said("sample", SAMPLE.decode(), when=NOW - 30))
    for function, text in (("status", "close"), ("rssi", "-61"), ("open_until", "57000"),
                           ("version", "1.27-x"), ("cron", "3")):
        fleet.take(said(function, text, serial=SERIAL))
    assert shown(fleet, NOW + 5) == [
        ["0000077", "", "", "", "", "", ""],
        [SERIAL, "35 s", "close", "57000", "-61", "1.27-x", "5 s"],
    ]


def test_older_messages_and_errors_change_nothing():
    fleet = Fleet([])
    fleet.take(said("status", "open"))
    fleet.take(said("status", "close", when=NOW - 1))
    fleet.take(said("open_until", "error: too much"))
    assert shown(fleet)[0][2:4] == ["open", ""]


def test_what_is_not_verified_makes_no_device():
    fleet = Fleet([])
    assert fleet.take(said("status", "open", reason="hmac")) is None
    assert fleet.serials() == []
    fleet.take(said("status", "open"))
    fleet.take(said("status", "close", reason="hmac"))
    fleet.take(said("offline", when=None, reason="unsigned"))
    assert shown(fleet)[0][2] == "open" and shown(fleet)[0][-1] == "offline"
    fleet.take(said("status", "\x1b[2Jopen"))
    assert shown(fleet)[0][-1] == "0 s" and "\\x1b" in shown(fleet)[0][2]


@pytest.mark.parametrize("gone, text", [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"),
                                        (172800, "2 d"), (-5, "0 s")])  # fmt: skip
def test_ages(gone, text):
    assert age(NOW - gone, NOW) == text


def test_fleet_is_asked_and_shown_in_lines(meterctl, broker):
    with Device(broker, ANSWERS) as device:
        done = meterctl("watch", "12345", "--seconds", 2)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert "Serial: 0012345" in last and "Valve: open" in last and "Limit: 57000" in last
    assert "RSSI: -61" in last and "Version: 1.27-umeter-KMP" in last
    names = sorted(name for name, _ in device.received)
    assert names == ["limit", "rssi", "status", "version"]


def test_strangers_are_not_heard_and_nobody_is_asked(tmp_path, broker):
    command = command_line("watch", "12345", "--seconds", "3", "--every", "0")
    process = subprocess.Popen(command, env=surroundings(tmp_path, broker, UMETER_KEY=KEY),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "watching on" in process.stderr.readline()
        with Device(broker, envelope=Envelope(bytes(16))) as device:
            device.say("status", b"open")
            device.say("status", b"open", serial="0054321")
            out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 1 and device.received == []
    assert out.splitlines() == ["  ".join(
        ["Serial: 0012345", "Last sample: -", "Valve: -", "Limit: -", "RSSI: -", "Version: -",
         "Heard: -"])]  # fmt: skip


def test_table_on_a_terminal(tmp_path, broker):
    ours, theirs = pty.openpty()
    environment = surroundings(tmp_path, broker, UMETER_KEY=KEY, TERM="xterm", LINES="40")
    command = command_line("watch", "12345", "--seconds", "3")
    with Device(broker, ANSWERS):
        process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        os.close(theirs)
        seen = b""
        try:
            while True:
                seen += os.read(ours, 65536)
        except OSError:  # the other end is closed
            assert process.wait(30) == 0
        finally:
            process.kill()
            os.close(ours)
    assert b"1.27-umeter-KMP" in seen and b"open" in seen and "\u2502".encode() in seen
