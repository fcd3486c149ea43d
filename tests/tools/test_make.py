# uMeter - what one types: each target does what its name says
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import os
import pty
import select
import subprocess
import time

import pytest

from sim.launch import VirtualBoard, make_image
from tests.sources import ROOT
from tests.tools.rom_loader import RomLoader
from tools import mpy
from tools.image import read_image

KEY = "00112233445566778899aabbccddeeff"
# Those that MeterLogger has
TARGETS = ("all", "flash", "flashall", "flashblank", "clean", "rebuild", "screen", "size",
           "wifisetup")  # fmt: skip
NO_SETUP = "PYTHON=true"  # whoever runs the tests has it, perhaps from elsewhere
COMMANDS = {
    "all": ["-m tools.build"],
    "build": ["-m tools.build"],
    "rebuild": ["-m tools.build"],
    "size": ["-m tools.build --sizes"],
    "flash": ["-m tools.build", "-m tools.flash"],
    "flashall": ["-m tools.build", "-m tools.flash"],
    "flashblank": ["-m tools.flash --blank"],
    "screen": ["-m tools.flash_monitor"],
    "image": ["-m tools.build", "-m tools.image"],
    "webflash": ["-m tools.webflash"],
    "wifisetup": ["-m tools.wifisetup"],
    "webflash FIRMWARE=x": ["-m tools.build", "-m tools.image", "-m tools.webflash"],
    "clean all flashall": ["-m tools.build", "-m tools.flash"],
}  # fmt: skip


def environ(**more):
    """Without what the make that runs the tests hands down."""
    inherited = ("MAKE", "MFLAGS", "KEY", "PORT", "FIRMWARE", "OUT")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(inherited)}
    return {**kept, "KEY": KEY, **more}


def make(*words, cwd=ROOT, **more):
    return subprocess.run(["make", "-f", ROOT / "Makefile", NO_SETUP, *words], cwd=cwd, text=True,
                          env=environ(**more), capture_output=True, stdin=subprocess.DEVNULL)


def test_help_lists_each():
    listed = [line.split()[1] for line in make("help").stdout.splitlines()
              if line.startswith("  make ")]
    targets = (ROOT / "Makefile").read_text().partition(".PHONY:")[2].partition("\n\n")[0]
    assert sorted(listed) == sorted(targets.replace("\\", "").split())
    assert set(TARGETS) <= set(listed)


@pytest.mark.parametrize("target", COMMANDS)
def test_what_each_runs(target, tmp_path):
    done = make(*target.split(), "PY=echo", cwd=tmp_path)
    ran = [line.partition(" --override")[0] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and ran == COMMANDS[target], done.stderr


@pytest.mark.parametrize("target", ["clean", "rebuild"])
def test_clean(target, tmp_path):
    for name in ("build/device/main.py", "build/device.json", "build/image.bin", "build/sim/x",
                 "build/micropython", "build/webflash/x", "firmware/x.py"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert make(target, "PY=echo", cwd=tmp_path).returncode == 0
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"build/micropython", "build/webflash/x", "firmware/x.py"}


def in_tree(tree):
    return {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*") if p.is_file()}


def test_from_source_to_a_running_board(tmp_path, micropython):
    """MeterLogger's line; size and screen afterwards. The real firmware, 32-bit MicroPython."""
    out, image = tmp_path / "device", tmp_path / "flash"
    make_image(image, {})
    with VirtualBoard(image, console=tmp_path / "tty") as board:
        board.wait_line("virtual board")
        given = ["OUT=%s" % out, "ARCH=" + mpy.host_arch(micropython), "PORT=%s" % board.console]
        done = make("all", "flashall", *given, DEBUG_NO_METER="1")
        assert done.returncode == 0 and "all verified" in done.stderr, done.stderr
        board.wait_line("uMeter .*NO_METER")
        lines = len(board.lines)
        done = make("flashall", *given, DEBUG_NO_METER="1", FLOW_METER="1")  # over the running app
        assert done.returncode == 0 and "1 files written" in done.stderr, done.stderr
        board.wait_line("uMeter .*NO_METER-FLOW", after=lines)
        shown = screen(given)
        assert "Ctrl-] ends it" in shown and ">>> " in shown
        board.stop()
        assert in_tree(out).items() <= read_image(image).items()
    done = make("size", *given[:1])
    assert done.returncode == 0
    for name, data in in_tree(out).items():
        assert "  %-40s %6d bytes" % (name, len(data)) in done.stdout


def screen(given):
    """What make screen shows in a terminal; Ctrl-C stops the firmware, Ctrl-] ends it."""
    ours, its = pty.openpty()
    shown, again = b"", 0
    with subprocess.Popen(["make", "screen", NO_SETUP, *given], cwd=ROOT, env=environ(TERM="dumb"),
                          stdin=its, stdout=its, stderr=its) as running:  # fmt: skip
        os.close(its)
        limit = time.monotonic() + 90
        while running.poll() is None and time.monotonic() < limit:
            if select.select([ours], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    shown += os.read(ours, 4096)
            if b"Use Ctrl" in shown and time.monotonic() > again:
                again = time.monotonic() + 2  # what is on its way somewhere may be lost
                os.write(ours, b"\x1d" if b">>> " in shown else b"\x03")
        running.kill()  # if Ctrl-] did not
    os.close(ours)
    assert running.returncode == 0, shown.decode(errors="replace")
    return shown.decode(errors="replace")


def test_flashblank():
    with RomLoader() as rom:
        rom.flash[:] = b"x" * len(rom.flash)
        done = make("flashblank", "PORT=" + rom.port)
        assert done.returncode == 0 and "blank" in done.stderr, done.stderr
        assert not rom.flash.strip(b"\xff")


def test_size_without_a_build(tmp_path):
    done = make("size", "OUT=%s" % (tmp_path / "none"))
    assert done.returncode != 0 and "make build" in done.stderr


def test_a_misspelt_name_before_make(tmp_path):
    done = make("build", "OUT=%s" % (tmp_path / "device"), METER="none", BRKER="x")
    assert done.returncode == 0 and "did you mean BROKER" in done.stderr


def test_a_name_that_is_no_flag():
    done = make("build", "ENN61107=1")
    assert done.returncode != 0 and "did you mean EN61107" in done.stderr
