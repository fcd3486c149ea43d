# uMeter - make flash with the real mpremote against the virtual board
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest
import serial
from rich.console import Console

from sim.launch import VirtualBoard, make_image
from tests.sources import ROOT
from tests.tools.conftest import flags
from tools import flash_board, mpy
from tools.build import File, Manifest, build
from tools.flash import FlashError, Plan, check_board, check_room, flash, plan
from tools.flash_board import Board
from tools.flash_port import port_name
from tools.image import read_image

NOTHING = Plan([], [], [], [])


@pytest.fixture
def tree(source, tmp_path, micropython):
    return make_tree(source, tmp_path, micropython)


def make_tree(source, tmp_path, micropython, **given):
    out = tmp_path / "device"
    build(flags(**given), mpy.host_arch(micropython), out, source)
    return out


@pytest.fixture
def board(tmp_path):
    with VirtualBoard(tmp_path / "flash", console=tmp_path / "tty", tcp=("127.0.0.1", 0)) as board:
        board.wait_line("virtual board")
        yield board


def tcp(board):
    return "socket://%s:%d" % board._terminal.tcp


def run(port, tree):
    """flash() and what it said."""
    said = io.StringIO()
    done = flash(str(port), tree, Console(file=said, markup=False, width=200))
    return done, said.getvalue()


def on_flash(board):
    """{path: bytes} of the flash; the board is off afterwards."""
    board.stop()
    return read_image(board.image)


def in_tree(tree):
    return {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*") if p.is_file()}


def test_first_time_again_and_after_a_change(board, tree, source, tmp_path, micropython):
    done, said = run(board.console, tree)
    assert len(done.upload) == len(in_tree(tree)) and "all verified" in said
    board.wait_line("^up kmp 12739")
    lines = len(board.lines)
    assert run(tcp(board), tree)[0] == NOTHING
    board.wait_line("^up kmp 12739", after=lines)
    lines = len(board.lines)
    make_tree(source, tmp_path, micropython, METER="han")
    done, _ = run(tcp(board), tree)
    assert [file.path for file in done.upload] == ["config.mpy", "firmware/meters/han.mpy"]
    assert done.stale == ["firmware/meters/kmp.mpy"]
    board.wait_line("^up han 12739", after=lines)
    assert on_flash(board) == in_tree(tree)


def test_data_stays_and_what_shadows_goes(tmp_path, tree):
    data = {"data/settings.a": b"keep", "lib/x.py": b"keep", "notes.txt": b"keep"}
    stale = {"config.py": b"METER = 'shadow'", "firmware/old.mpy": b"", "firmware/was/x.mpy": b"",
             "main.py.new": b"half", "firmware/crypto/crc.py": b""}  # fmt: skip
    image = tmp_path / "flash"
    make_image(image, {**data, **stale})
    with VirtualBoard(image, console=tmp_path / "tty") as board:
        board.wait_line("virtual board")
        done, _ = run(board.console, tree)
        assert set(done.stale) == set(stale) - {"main.py.new"}  # that one becomes main.py
        assert done.folders == ["firmware/was"]
        board.wait_line("^up kmp 12739")
        assert on_flash(board) == {**data, **in_tree(tree)}


def test_a_running_app_with_a_watchdog(tmp_path, tree, source, micropython):
    app = b"""
import asyncio, machine
async def main():
    watchdog = machine.WDT(timeout=2000)
    while True:
        watchdog.feed()
        print("beat")
        await asyncio.sleep_ms(50)
asyncio.run(main())
"""
    make_tree(source, tmp_path, micropython, DEBUG="1")
    make_image(tmp_path / "flash", {"main.py": app})
    with VirtualBoard(tmp_path / "flash", console=tmp_path / "tty") as board:
        board.wait_line("^beat")
        run(board.console, tree)
        board.wait_line("^up kmp 12739")
        assert board.resets == 2, "one soft reset, one at the end"
        lines = len(board.lines)
        run(board.console, tree)  # now over the app that was flashed
        board.wait_line("^up kmp 12739", after=lines)


def test_the_watchdog_does_not_bite(tmp_path, tree, monkeypatch):
    # Without the soft reset, which ends the virtual board's watchdog, but not the chip's.
    app = b"import machine, time\nmachine.WDT(timeout=4000)\nprint('armed')\ntime.sleep(60)\n"
    make_image(tmp_path / "flash", {"main.py": app})
    with VirtualBoard(tmp_path / "flash", console=tmp_path / "tty") as virtual:
        virtual.wait_line("^armed")
        enter = Board._raw_repl
        monkeypatch.setattr(Board, "_raw_repl",
                            lambda self, soft: False if soft else enter(self, False))
        with Board(str(virtual.console)) as board:
            time.sleep(4.5)
            assert board.facts()[0] >= (1, 25, 0)
            assert virtual.resets == 0
    # The same wait without Board: the watchdog of this test does bite.
    with VirtualBoard(tmp_path / "flash") as virtual:
        virtual.wait_line("^armed")
        virtual.type(b"\x03")
        virtual.wait_line("^armed", after=virtual.lines.index("armed") + 1)
        assert virtual.resets == 1


class Cable:
    """Passes a TCP connection on until so many bytes went to the board."""

    def __init__(self, address, limit):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = "socket://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._address, self._left = address, limit
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        near, _ = self._listener.accept()
        far = socket.create_connection(self._address)
        back = threading.Thread(target=self._back, args=(far, near), daemon=True)
        back.start()
        with near, far, contextlib.suppress(OSError):
            while self._left > 0:
                data = near.recv(min(4096, self._left))
                if not data:
                    break
                self._left -= len(data)
                far.sendall(data)
            far.shutdown(socket.SHUT_RDWR)
            near.shutdown(socket.SHUT_RDWR)
        back.join()

    @staticmethod
    def _back(far, near):
        with contextlib.suppress(OSError):
            while data := far.recv(4096):
                near.sendall(data)

    def close(self):
        self._listener.close()
        self._thread.join(10)


@pytest.mark.parametrize("limit", [20, 3000, 9000])
def test_a_pulled_cable_leaves_the_old_program(board, tree, source, tmp_path, micropython, limit):
    run(board.console, tree)
    before = in_tree(tree)
    (source / "firmware" / "meters" / "kmp_large.py").write_text(
        "".join("A%d = '%d'\n" % (i, i) for i in range(400)))
    (source / "firmware" / "log.py").write_text("LOG = 'kept'\n")
    make_tree(source, tmp_path, micropython, SERIAL="1234567")
    cable = Cable(board._terminal.tcp, limit)
    with pytest.raises(FlashError, match="broke"):
        flash(cable.port, tree)
    cable.close()
    board.stop()
    half = read_image(board.image)
    assert {name: data for name, data in half.items() if not name.endswith(".new")} == before
    board.start()
    board.wait_line("^up kmp 12739")
    done, _ = run(board.console, tree)
    assert set(done.new) == {"config.mpy", "firmware/log.mpy", "firmware/meters/kmp_large.mpy"}
    ready = {name[:-4] for name, data in half.items()
             if name.endswith(".new") and data == in_tree(tree)[name[:-4]]}
    assert {file.path for file in done.upload} == set(done.new) - ready, "starts where it stopped"
    assert limit != 9000 or ready, "nothing was ready: the test shows nothing"
    assert on_flash(board) == in_tree(tree)


def test_a_power_cut(tmp_path, tree, source, micropython, monkeypatch):
    # Each file is the old or the new one, and the next run makes all of them new.
    old = in_tree(tree)
    for path in sorted(source.rglob("*.py")):
        path.write_text(path.read_text() + "\nNEW = %r\n" % path.name)
    make_tree(source, tmp_path, micropython)
    new = in_tree(tree)
    first, last = writes_of_commit(tmp_path, old, tree, monkeypatch)
    mixtures = 0
    for cut_at in (first // 2, (first + last) // 2, last):
        image = tmp_path / "flash"
        make_image(image, old)
        with VirtualBoard(image, {"cut_at": cut_at}, tcp=("127.0.0.1", 0)) as board:
            board.wait_line("virtual board")
            with contextlib.suppress(FlashError):
                flash(tcp(board), tree)
            assert not board.running, "the power was not cut"
        now = {name: data for name, data in read_image(image).items() if name in old}
        assert now.keys() == old.keys()
        assert all(data in (old[name], new[name]) for name, data in now.items())
        assert cut_at > first or now == old
        mixtures += now != old and now != new
        with VirtualBoard(image, tcp=("127.0.0.1", 0)) as board:
            board.wait_line("virtual board")
            run(tcp(board), tree)
            assert on_flash(board) == new
    assert mixtures, "no cut came while files took their places"


def writes_of_commit(tmp_path, old, tree, monkeypatch):
    """The first and the last block write, counted from the soft reset, of Board.commit."""
    counts = []
    commit = Board.commit

    def counted(self, *arguments):
        counts.append(int(self.run("import world; print(world.flash.count)")))
        commit(self, *arguments)
        counts.append(int(self.run("print(world.flash.count)")))

    make_image(tmp_path / "count", old)
    with monkeypatch.context() as patch:
        patch.setattr(Board, "commit", counted)
        with VirtualBoard(tmp_path / "count", tcp=("127.0.0.1", 0)) as board:
            board.wait_line("virtual board")
            run(tcp(board), tree)
    return counts[0] + 1, counts[1]


def test_a_bar_on_a_terminal_only(board, tree):
    said = io.StringIO()
    flash(str(board.console), tree, Console(file=said, force_terminal=True, width=100))
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.getvalue())
    kilobytes = sum(len(data) for data in in_tree(tree).values()) / 1000
    assert "main.py" in plain and "{0:.1f}/{0:.1f} kB".format(kilobytes) in plain, plain
    assert "\x1b" not in run(board.console, tree)[1]


# -- what cannot work, in words --


def fails(port, tree):
    with pytest.raises(FlashError) as error:
        flash(str(port), tree)
    return str(error.value)


def test_no_port(tmp_path, tree):
    assert "no such device" in fails(tmp_path / "none", tree)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "nobody answers" in fails("socket://127.0.0.1:%d" % port, tree)


def test_port_in_use(board, tree):
    with serial.Serial(str(board.console), exclusive=True):
        assert "in use" in fails(board.console, tree)


def test_no_micropython(tree, monkeypatch):
    monkeypatch.setattr(flash_board, "_REPL_S", 1)
    monkeypatch.setattr(flash_board, "_ANSWER_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = "socket://127.0.0.1:%d" % server.getsockname()[1]
        assert "no MicroPython" in fails(port, tree)


def test_wrong_machine_code_leaves_the_board_running(board, tree, source, tmp_path):
    run(board.console, tree)
    build(flags(BOARD="esp32c3"), "", tmp_path / "other", source)
    board.wait_line("^up kmp")
    lines = len(board.lines)
    assert "rv32imc" in fails(board.console, tmp_path / "other")
    board.wait_line("^up kmp", after=lines)


def test_no_room(tmp_path, tree, source, micropython):
    (source / "firmware" / "large.py").write_text("X = %r\n" % os.urandom(70000).hex())
    tree = make_tree(source, tmp_path, micropython)
    image = tmp_path / "flash"
    make_image(image, {"boot.py": b""}, blocks=32)
    with VirtualBoard(image, {"blocks": 32}, console=tmp_path / "tty") as board:
        board.wait_line("virtual board")
        message = fails(board.console, tree)
        assert "kB free" in message and "needed" in message


def test_tree_is_missing_or_touched(tmp_path, tree):
    (tree / "main.py").write_text("changed")
    assert "main.py was changed" in fails("/dev/null", tree)
    (tree / "main.py").unlink()
    assert "make build" in fails("/dev/null", tree)
    shutil.rmtree(tree)
    assert "make build" in fails("/dev/null", tmp_path / "nothing")


def manifest(arch="xtensawin"):
    return Manifest(arch, "kmp", "esp32", "", [])


XTENSAWIN = 6 | 3 << 8 | 10 << 10


@pytest.mark.parametrize("facts, word", [
    (((1, 25, 0), "esp32", XTENSAWIN, "", 0), "too old"),
    (((1, 20, 0), "linux", XTENSAWIN, "", 0), "too old"),
    (((1, 28, 0), "esp32", 7 | 10 << 10, "", 0), ".mpy version 7"),
    (((1, 28, 0), "esp32", 6 | 11 << 10, "C3", 0), "rv32imc"),
    (((1, 28, 0), "esp32", XTENSAWIN, "Generic ESP32S3 module with ESP32S3", 0), "has esp32s3;"),
    (((1, 28, 0), "esp32", XTENSAWIN, "LOLIN_S2_MINI with ESP32-S2FN4R2", 0), "has esp32s2;"),
])  # fmt: skip
def test_boards_that_cannot_run_it(facts, word):
    with pytest.raises(FlashError, match=word):
        check_board(facts, manifest())


def test_boards_that_can_run_it():
    check_board(((1, 26, 0), "esp32", XTENSAWIN, "", 0), manifest())
    check_board(((1, 28, 1), "esp32", 6 | 11 << 10, "", 0), manifest("bytecode"))
    for name in ("Generic ESP32 module with ESP32", "TinyPICO with ESP32-PICO-D4"):
        check_board(((1, 28, 1), "esp32", XTENSAWIN, name, 0), manifest())


def test_plan():
    a, b = File("firmware/a.mpy", 9000, "1"), File("boot.py", 1, "2")
    main = File("main.py", 1, "3")
    wanted = [a, b, main]
    assert plan(wanted, {f.path: f.sha256 for f in wanted}, {"firmware"}) == NOTHING
    todo = plan([main, a, b], {}, set())
    assert todo.upload == [b, a, main] and todo.new[-1] == "main.py"
    have = {"firmware/a.mpy": "old", "firmware/a.mpy.new": "1", "boot.py": "2", "boot.py.new": "2",
            "firmware/x/y.mpy": "?"}  # fmt: skip
    assert plan(wanted, have, {"firmware", "firmware/x", "firmware/x/z"}) == Plan(
        [main], ["firmware/a.mpy", "main.py"], ["boot.py.new", "firmware/x/y.mpy"],
        ["firmware/x/z", "firmware/x"])  # fmt: skip
    check_room([a], 7 * 4096)
    with pytest.raises(FlashError, match="24 kB free, 28 kB are needed"):
        check_room([a], 6 * 4096)


def test_names_of_ports():
    assert port_name("u0") == "/dev/ttyUSB0" and port_name("a12") == "/dev/ttyACM12"
    assert port_name("port:/dev/x") == "/dev/x" and port_name("rfc2217://h:1") == "rfc2217://h:1"
    with pytest.raises(FlashError, match="serial number"):
        port_name("id:no-such-board")


def test_command(board, tree):
    options = ["--override", "PORT=" + tcp(board), "--override", "OUT=%s" % tree]
    command = [sys.executable, "-m", "tools.flash"]
    done = subprocess.run(command + options, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "all verified" in done.stderr, done.stderr
    done = subprocess.run([*command, "--override", "PORT=/nowhere", *options[2:]], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("flash: cannot open /nowhere")
