# uMeter - the fakes offer nothing that the device does not
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "sim" / "board"
VIRTUAL = ROOT / "sim" / "virtual"
TABLES = sorted((ROOT / "tools" / "profile").glob("*.json")) + sorted(
    (ROOT.parent / "shared" / "profile").glob("*.json")
)
PRIVATE = {"world", "device"}  # the simulator's own; firmware may not import them


def fakes(folder):
    return sorted(
        p.stem for p in folder.glob("*.py") if p.stem[0] != "_" and p.stem not in PRIVATE
    )


def offered(micropython, path, modules, world="{}"):
    done = subprocess.run(
        [micropython, str(Path(__file__).with_name("profile_names.py")), *modules],
        env={**os.environ, "MICROPYPATH": f"{path}:.frozen", "UMETER_WORLD": world},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def strangers(found, device):
    """Names that the device lacks, and constants that it has with another value."""
    wrong = []
    for module, members in found.items():
        real = device.get(module)
        if real is None:
            wrong.append(module)
            continue
        for name, what in members.items():
            if name not in real:
                wrong.append(f"{module}.{name}")
            elif isinstance(what, list) and isinstance(real[name], list):
                wrong += [f"{module}.{name}.{n}" for n in what if n not in real[name]]
            elif isinstance(what, int) and isinstance(real[name], int) and what != real[name]:
                wrong.append(f"{module}.{name} = {what}, device {real[name]}")
    return wrong


@pytest.fixture(scope="module")
def device():
    if not TABLES:
        pytest.skip("no table of the device's names: tools/profile/*.json")
    return json.loads(TABLES[0].read_text())["modules"]


@pytest.mark.parametrize("path", [BOARD, f"{VIRTUAL}:{BOARD}"], ids=["real", "virtual"])
def test_no_name_that_the_device_lacks(micropython, device, path):
    found = offered(micropython, path, fakes(BOARD))
    assert {"machine", "network", "esp32", "socket", "time"} <= set(found)
    assert strangers(found, device) == []


def test_the_check_sees_a_stranger(micropython, device):
    found = offered(micropython, BOARD, ["socket", "network"])
    found["socket"]["AF_UNIX"] = 1
    found["socket"]["socket"].append("getsockname")
    found["network"]["STAT_IDLE"] = 0
    assert set(strangers(found, device)) == {
        "socket.AF_UNIX",
        "socket.socket.getsockname",
        "network.STAT_IDLE = 0, device 1000",
    }


def test_a_chip_without_counters_has_none(micropython):
    names = offered(micropython, BOARD, ["machine"], '{"chip": "esp32c3"}')["machine"]
    assert "Counter" not in names and "UART" in names


def test_ctr_mode_is_refused(micropython):
    done = subprocess.run(
        [micropython, "-c", "import cryptolib; cryptolib.aes(bytes(16), 6, bytes(16))"],
        env={**os.environ, "MICROPYPATH": f"{BOARD}:.frozen"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "ValueError: mode" in done.stderr
