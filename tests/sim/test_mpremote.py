# uMeter - mpremote works with the virtual board, over its terminal and over a socket
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim.launch import BOARD, ROOT, free_port, make_image

pytest.importorskip("littlefs", reason="littlefs-python makes the images")
MPREMOTE = shutil.which("mpremote", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def mpremote(port, *args, timeout=60):
    if MPREMOTE is None:
        pytest.skip("mpremote is not installed")
    done = subprocess.run(
        [MPREMOTE, "connect", port, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mpremote_copies_runs_and_resets(board, tmp_path):
    link = tmp_path / "tty"
    b = board(
        {"main.py": "import time\nprint('busy')\nwhile True: time.sleep_ms(1)"}, console=link
    )
    b.wait_line("busy")  # mpremote has to interrupt it
    text = tmp_path / "big.txt"
    text.write_bytes(os.urandom(10000).hex().encode())
    mpremote(link, "fs", "cp", text, ":big.txt")
    assert "20000 big.txt" in mpremote(link, "resume", "fs", "ls")
    back = tmp_path / "back.txt"
    mpremote(link, "resume", "fs", "cp", ":big.txt", back)
    assert back.read_bytes() == text.read_bytes()
    out = mpremote(link, "exec", "import machine; print(machine.unique_id().hex(), 2**40)")
    assert out.split() == ["240ac4c0ffee", "1099511627776"]
    script = tmp_path / "script.py"
    script.write_text("def f(n):\n    return n + 1\nprint(f(41))\n" + "# filling\n" * 200)
    assert mpremote(link, "run", script).strip() == "42"
    resets = b.resets
    mpremote(link, "soft-reset")
    assert b.resets == resets + 1
    n = len(b.lines)
    mpremote(link, "resume", "reset")
    b.wait_line("busy", after=n)


def test_console_over_a_socket_and_from_the_command_line(tmp_path, micropython):
    image = tmp_path / "flash.img"
    make_image(image, {"hello.txt": b"hello"})
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sim.pty", tmp_path / "tty", "--tcp", f"127.0.0.1:{port}", "--",
         micropython, "-X", "heapsize=200k", BOARD / "device.py", image],
        cwd=ROOT,
        env={**os.environ, "MICROPYPATH": f"{BOARD}:.frozen", "UMETER_WORLD": "{}"},
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline().startswith("console at ")
        assert "hello" in mpremote(f"socket://127.0.0.1:{port}", "fs", "cat", ":hello.txt")
        assert "5 hello.txt" in mpremote(tmp_path / "tty", "fs", "ls")
    finally:
        process.terminate()
        process.wait(10)
    assert not (tmp_path / "tty").exists()
