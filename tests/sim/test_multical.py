# uMeter - the simulated MULTICAL as another reader sees it
# MIT license; Copyright (c) 2026 The uMeter authors

import time

import pytest
from pykmp.client import PySerialClientCommunicator
from pykmp.messages import GetRegisterRequest, GetSerialRequest, GetTypeRequest

from sim.meters.multical import Multical
from sim.meters.server import Server, main


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
