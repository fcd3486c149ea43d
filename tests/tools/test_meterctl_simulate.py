# uMeter - meterctl simulate hands its arguments to the simulators
# MIT license; Copyright (c) 2026 The uMeter authors

import sys
from types import ModuleType

import pytest
from typer.testing import CliRunner

from tools.meterctl.main import app


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize(
    "arguments", [["kmp", "--pty", "/tmp/x", "-v"], ["--help"], ["kmp", "--help"]]
)
def test_arguments_and_exit_status_pass_through(monkeypatch, arguments, status):
    server = ModuleType("server")
    seen = []
    server.main = lambda given: seen.append(given) or status
    monkeypatch.setitem(sys.modules, "sim.meters.server", server)
    monkeypatch.setattr("sim.meters.server", server, raising=False)
    done = CliRunner().invoke(app, ["simulate", *arguments])
    assert done.exit_code == status
    assert seen == [arguments]
