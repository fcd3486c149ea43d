# uMeter - starts that fail and power that fails, on a whole board in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors

import ast
import json
import os
import subprocess

import pytest

from sim.launch import ROOT, free_port, interpreter
from tools import build, mpy
from tools.config import resolve

KEY = "00112233445566778899aabbccddeeff"
DEVICE = ROOT / "tests" / "device"
LONG = ["long"] if "UMETER_FUZZ" in os.environ else []
CYCLES = int(os.environ.get("UMETER_FUZZ", 2000)) // 100  # each is a life of up to a minute
CYCLE_S = 5  # on a busy machine


def functions():
    tree = ast.parse((DEVICE / "_failing_starts.py").read_text())
    return [node.name for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith(("test_", "impulse_"))]


@pytest.fixture(scope="module")
def tree(tmp_path_factory, micropython):
    """f(meter, together, more flags) -> folder with a build."""
    made = {}

    def make(meter, together=True, **more):
        name = "-".join([meter, str(together), *more])
        if name not in made:
            out = tmp_path_factory.mktemp(name) / "device"
            flags = resolve({"KEY": KEY, "METER": meter, "NTP_SERVER": "pool", **more}, {})
            build.build(flags, mpy.host_arch(interpreter()), out, together=together)
            made[name] = out
        return made[name]

    return make


def run(script, *arguments, seconds):
    """What it prints."""
    path = ":".join(str(ROOT / name) for name in ("sim/virtual", "sim/board", "build/umqtt"))
    world = json.dumps({"ports": {str(port): free_port() for port in (80, 53)}})
    done = subprocess.run(
        [interpreter(), "-X", "heapsize=6m", DEVICE / script, *map(str, arguments)],
        env={"MICROPYPATH": path + ":.frozen", "UMETER_WORLD": world},
        capture_output=True, text=True, timeout=seconds)  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.timeout(700)
@pytest.mark.parametrize("function", functions())
def test_failing_starts(function, tree):
    # Lamp and button are looked at 20 times a second, which takes long in lives of hours.
    meter = "impulse" if function.startswith("impulse_") else "none"
    # Each module by itself: some are replaced.
    bare = tree(meter, together=False, PIN_LED="none", PIN_BUTTON="none")
    run("_failing_starts.py", bare, function, *LONG, seconds=600)


@pytest.mark.timeout(60 + CYCLES * CYCLE_S)
@pytest.mark.parametrize("meter", ["none", "impulse", "kmp"])
def test_power_cycles(meter, tree):
    print(run("_power_cycles.py", tree(meter), CYCLES, 1, seconds=50 + CYCLES * CYCLE_S))
