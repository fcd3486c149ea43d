# uMeter - make sim: from the simulated meter to the verified sample
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import re
import socket

import pytest

from sim.launch import free_port
from sim.meters import pusher
from sim.meters.multical import Multical
from sim.meters.server import Server
from tools import sim
from tools.config import ConfigError


@pytest.fixture(autouse=True)
def _own_flags(monkeypatch, micropython):
    for name in ("KEY", "BROKER", "UART", "SIM_DIR", "METER"):
        monkeypatch.delenv(name, raising=False)


def lines(capsys, who):
    out = capsys.readouterr().out.splitlines()
    return [line[10:] for line in out if line.startswith(who + " ")]


def test_samples_arrive_from_a_small_heap(capsys):
    assert sim.run({"SECONDS": "60"}, {}, heap="110k", enough=2) == 0
    out = capsys.readouterr().out
    assert "MemoryError" not in out
    said = [line[10:] for line in out.splitlines() if line.startswith("verified ")]
    sample = [line for line in said if line.startswith("/sample 7210086 ")]
    assert sample and sample[0].endswith(
        "&t1=65.43 C&t2=32.10 C&tdif=33.33 K&flow1=317 l/h&effect1=12.3 kW&hr=73327 h"
        "&v1=1321.27 m3&e1=56.726 MWh&"
    )
    for function in ("version", "uptime", "reset_reason"):
        assert any(line.startswith("/" + function) for line in said), function


def test_a_bad_line_and_an_outside_meter(capsys):
    core = Multical(serial=1234567, echo=True, noise=0.5, damage=0.3, seed=1)
    with Server(core, tcp=("127.0.0.1", 0)) as server:
        uart = "tcp:127.0.0.1:%d" % server.port
        assert sim.run({"SECONDS": "90", "INTERVAL": "2", "UART": uart, "REGISTERS": "155,4711"},
                       {}, enough=2) == 0  # fmt: skip
    said = [line for line in lines(capsys, "verified") if line.startswith("/sample 1234567 ")]
    assert "&e1=56.726 MWh&energy_e1_exact=567260" in said[0]


@pytest.mark.parametrize("meter, words", [
    ("han", r"&active_power_import_w=1\d{3} W&"),  # whichever telegram comes first
    ("p1", r"&active_energy_import_t1_wh=12345\d{3} Wh&"),
])
def test_electricity_meters_push(meter, words, capsys):
    keys = {"HAN_ENCRYPTION_KEY": "00" * 15 + "01", "HAN_AUTHENTICATION_KEY": "00" * 15 + "02"}
    assert sim.run({"SECONDS": "60", "METER": meter, **keys}, {}, enough=1) == 0
    out = capsys.readouterr().out
    assert re.search(words, out) and "MemoryError" not in out


def test_captured_frames_are_replayed(capsys, tmp_path):
    file = tmp_path / "frames.jsonl"
    file.write_text(json.dumps({"id": "a", "frame": pusher.p1_telegram(4711, 5).hex()}) + "\n")
    assert sim.run({"SECONDS": "60", "METER": "p1", "FRAMES": str(file)}, {}, enough=1) == 0
    assert "active_energy_import_t1_wh=12345693 Wh&" in capsys.readouterr().out
    file.write_text("{}\n")
    with pytest.raises(sim.SimError, match="line 1: no frame"):
        sim.run({"SECONDS": "6", "METER": "p1", "FRAMES": str(file)}, {})


def test_synthetic_meter(capsys):
    assert sim.run({"SECONDS": "60", "DEBUG_NO_METER": "1"}, {}, enough=1) == 0
    assert any("tdif=10.00 K" in line for line in lines(capsys, "verified"))


@pytest.mark.parametrize("meter", ["en61107", "mc66b"])
def test_multical_66(meter, capsys):
    assert sim.run({"SECONDS": "90", "METER": meter}, {}, enough=1) == 0
    sample = [line for line in lines(capsys, "verified") if line.startswith("/sample 7210086 ")]
    assert "&t1=65.43 C&t2=32.10 C&" in sample[0] and "&effect1=12.3 kW&hr=73327 h&" in sample[0]


def test_impulses_are_counted_and_kept(capsys, tmp_path):
    flags = {"SECONDS": "90", "IMPULSE": "1", "SERIAL": "7654321", "READING": "1234",
             "INTERVAL": "3", "SIM_DIR": str(tmp_path)}  # fmt: skip
    assert sim.run(flags, {}, enough=6) == 0
    first = pulses(capsys)
    assert first[0].startswith("1234.00") and first == sorted(first) and first[-1] > first[0]
    assert sim.run(flags, {}, enough=1) == 0
    assert pulses(capsys)[0] >= "1234.003"  # at most the last 10 s are lost


def pulses(capsys):
    samples = [line for line in lines(capsys, "verified") if line.startswith("/sample 7654321 ")]
    return [line.split("&e1=")[1].split(" ")[0] for line in samples]


def test_silent_meter_is_said_once_and_nothing_is_verified(capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uart = "tcp:127.0.0.1:%d" % silent.getsockname()[1]
        assert sim.run({"SECONDS": "20", "UART": uart, "INTERVAL": "1"}, {}) == 1
    said = [line for line in lines(capsys, "board") if "no reading" in line]
    assert len(said) == 1 and "silent" in said[0]


def test_wrong_flag_names_itself():
    with pytest.raises(ConfigError, match="KEY"):
        sim.run({"KEY": "123", "SECONDS": "1"}, {})


@pytest.mark.parametrize("flags", [
    {"SECONDS": "soon"}, {"SECONDS": "-1"}, {"SECONDS": "inf"}, {"SIM_DIR": "/dev/null/here"},
    {"UART": "ttyUSB0"}, {"UART": "tcp:127.0.0.1:1", "METER": "impulse"},
    {"FRAMES": "f.jsonl"}, {"FRAMES": "f.jsonl", "METER": "p1", "UART": "tcp:127.0.0.1:1"},
    {"FRAMES": "/dev/null/f.jsonl", "METER": "p1"},
])  # fmt: skip
def test_a_wrong_variable_names_itself(flags):
    with pytest.raises(sim.SimError, match="^" + next(iter(flags))):
        sim.run({"SECONDS": "1", **flags}, {})


def test_the_pages_and_an_unreachable_meter_are_told(capsys):
    uart = "tcp:127.0.0.1:%d" % free_port()
    assert sim.run({"SECONDS": "10", "UART": uart}, {}) == 1
    out = capsys.readouterr().out
    assert out.count("uart: nobody answers at " + uart[4:]) == 1
    assert "pages     http://127.0.0.1:" in out and "no port" not in out
