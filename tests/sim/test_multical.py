# uMeter - the simulated MULTICAL as another reader sees it
# MIT license; Copyright (c) 2026 The uMeter authors

import subprocess
import sys
import time
from decimal import Decimal

import pytest
from pykmp.client import PySerialClientCommunicator
from pykmp.codec import FloatCodec
from pykmp.messages import GetRegisterRequest, GetSerialRequest, GetTypeRequest

from sim.meters.multical import Multical, parse_register
from sim.meters.server import Server, main
from tests.sources import ROOT


@pytest.fixture(params=["tcp", "pty"])
def port(request, tmp_path):
    core = Multical(serial=7210086, live=False)
    if request.param == "tcp":
        with Server(core, tcp=("127.0.0.1", 0)) as server:
            yield "socket://127.0.0.1:%d" % server.port
    else:
        path = str(tmp_path / "meter")
        with Server(core, path=path):
            yield path


def test_pykmp_reads_it(port):
    reader = PySerialClientCommunicator(serial_device=port, timeout_seconds=3)
    assert reader.send_request(message=GetSerialRequest()).serial == "7210086"
    assert reader.send_request(message=GetTypeRequest()).meter_type_bytes == b"\x00\x01"
    start = time.monotonic()
    answer = reader.send_request(message=GetRegisterRequest(registers=[60, 86, 4711]))
    took = time.monotonic() - start
    assert sorted(answer.registers) == [60, 86]  # what the meter lacks is left out
    assert took > 24 * 11 / 1200  # line time of the 24 bytes of the reply alone


def test_faults():
    request = bytes.fromhex("803f0235e90d")
    sound = [(60, bytes.fromhex("403f02006e0466eec20d"))]
    assert Multical().feed(request, 0) == sound
    assert Multical(echo=True).feed(request, 0) == [(0, request)] + sound
    assert Multical(drop=1).feed(request, 0) == []
    assert Multical(noise=1).feed(request, 0) == [(60, b"\x00" + sound[0][1])]
    damaged = Multical(damage=1, seed=3).feed(request, 0)
    assert damaged != sound and len(damaged[0][1]) == len(sound[0][1])
    sleeper = Multical(asleep=True)
    assert sleeper.feed(request, 0) == []
    assert sleeper.feed(request, 3600) == sound  # after the silence and a reader's rest of 1.6 s
    assert sleeper.feed(request, 9000) == []


@pytest.mark.parametrize("meter, serial", [("kmp", 1 << 32), ("kmp", -1), ("mc66b", 10**11)])
def test_a_serial_number_that_no_meter_has(meter, serial, capsys):
    assert main([meter, "--tcp", "127.0.0.1:0", "--serial=%d" % serial]) == 2
    assert "not %d" % serial in capsys.readouterr().err


@pytest.mark.parametrize("text, found", [
    ("60=56.726", (60, (3, 4, -3, 56726))),  # unit and size as usual
    ("60=56.726,GJ,7", (60, (8, 7, -3, 56726))),
    ("80=12e3,W,2", (80, (21, 2, 3, 12))),
    ("80=-1.50e-2,22,1", (80, (22, 1, -4, -150))),
    ("4711=7", (4711, (51, 4, 0, 7))),
    ("1002=123456,clock", (1002, (47, 4, 0, 123456))),
    ("155=", (155, None)),
])
def test_registers_that_are_asked_for(text, found):
    assert parse_register(text) == found


@pytest.mark.parametrize("text", [
    "", "60", "e1=7", "65536=1", "60=x", "60=1,MWH", "60=1,256", "60=256,kWh,1", "60=1,kWh,11",
    "60=1e64", "60=1e", "60=1,,4,5", "60=,kWh",
])  # fmt: skip
def test_registers_that_no_meter_has(text):
    with pytest.raises(ValueError):
        parse_register(text)


@pytest.mark.parametrize("wrong", [
    ["kmp", "--register", "60=x"], ["kmp", "--type", "1"], ["kmp", "--noise", "2"],
    ["kmp", "--drop", "x"], ["mc66c", "--register", "60=1"], ["han", "--type", "00010601"],
])  # fmt: skip
def test_a_wrong_option_is_named(wrong, capsys):
    assert main([*wrong, "--tcp", "127.0.0.1:0"]) == 2
    assert wrong[1] in capsys.readouterr().err


def test_pykmp_reads_what_the_command_line_says(tmp_path):
    """Types, units, exponents and value sizes; a register that does not grow stays in its size."""
    path = str(tmp_path / "meter")
    command = [sys.executable, "-m", "tools.meterctl.main", "simulate", "kmp", "--pty", path,
               "--serial", "42", "--type", "00130601", "--register", "60=1234567.8,kWh,7",
               "--register", "80=-12e3,W,2", "--register", "99=255,number,1",
               "--register", "86=", "--answer-ms", "300"]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("kmp on " + path)
            reader = PySerialClientCommunicator(serial_device=path, timeout_seconds=5)
            assert reader.send_request(message=GetSerialRequest()).serial == "42"
            kind = reader.send_request(message=GetTypeRequest())
            assert kind.meter_type_bytes == b"\x00\x13"
            wanted = GetRegisterRequest(registers=[60, 80, 86, 99])
            found = reader.send_request(message=wanted).registers
        finally:
            process.kill()
    assert {rid: (len(r.value) - 2, FloatCodec.decode(r.value), r.unit)
            for rid, r in found.items()} == {
        60: (7, Decimal("1234567.8"), 2), 80: (2, -12000, 21), 99: (1, 255, 51)}  # fmt: skip
