# uMeter - meterctl simulate hands its arguments to the simulators
# MIT license; Copyright (c) 2026 The uMeter authors

import sys
from types import ModuleType

import pytest
from typer.testing import CliRunner

from sim.meters import server
from tools.meterctl.main import app


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize(
    "arguments", [["kmp", "--pty", "/tmp/x", "-v"], ["--help"], ["kmp", "--help"]]
)
def test_arguments_and_exit_status_pass_through(monkeypatch, arguments, status):
    stand_in = ModuleType("server")
    seen = []
    stand_in.main = lambda given: seen.append(given) or status
    monkeypatch.setitem(sys.modules, "sim.meters.server", stand_in)
    monkeypatch.setattr("sim.meters.server", stand_in)
    done = CliRunner().invoke(app, ["simulate", *arguments])
    assert done.exit_code == status
    assert seen == [arguments]


@pytest.mark.parametrize("arguments, says", [
    (["han", "--damage", "0.1"], "--damage is for kmp, mc66c, mc66b"),
    (["mc66c", "--register", "60=1"], "--register is for kmp"),
    (["p1", "--answer-ms", "61"], "--answer-ms is for kmp"),
    (["kmp", "--authentication-key", "00" * 16], "--authentication-key is for han, p1"),
    (["kmp", "--key", "no hex"], "--key is for han, p1"),
    (["han", "--key", "no hex"], "--key: key: 32 hex digits"),
    (["kmp", "--tcp", "nowhere"], "--tcp wants HOST:PORT"),
])  # fmt: skip
def test_options_that_the_meter_has_not_are_refused(capsys, arguments, says):
    where = [] if "--tcp" in arguments else ["--tcp", "127.0.0.1:0"]
    assert server.main([*arguments, *where]) == 2
    assert says in capsys.readouterr().err
