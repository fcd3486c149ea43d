# uMeter - starts, watches and stops a virtual board from host tools and tests
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import json
import os
import re
import secrets
import socket
import tempfile
import threading
import time
from pathlib import Path

from sim.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent
BOARD = ROOT / "sim" / "board"
# Added to `heap`: the fakes with their buffers (8 kB once a UART is open), and modules that the
# chip runs from its ROM; 56.3 kB are in use before the first module of the firmware is loaded.
FAKES_KB = 64


def free_port(kind=socket.SOCK_STREAM):
    """A port on 127.0.0.1 that nobody uses at the moment.

    Below those that Linux gives to connections of its own choice: one that is to be bound later,
    or to stay closed, must not be taken meanwhile by somebody's connection.
    """
    while True:
        port = 20000 + secrets.randbelow(12768)
        with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def interpreter():
    """Path of the host's MicroPython: MICROPYTHON, or what `make setup` built."""
    return Path(os.environ.get("MICROPYTHON") or ROOT / "build" / "micropython")


class VirtualBoard:
    """A board with power; one process per life, started again after each reset.

    image: littlefs file that is the flash (made when missing). world: see sim/board/world.py;
    `state`, `nvs` and `control` are filled in. heap: what is free at the console of a bare
    board, as on the chip. console: path for a symlink to the board's terminal (mpremote connect
    PATH); tcp: (host, port) for the same over a socket. path: further folders for modules that
    are frozen into the chip's image. ports: those that the firmware listens on; port(80) tells
    where to find them, for ports below 1024 are not for everybody, and other boards run beside.
    on_line(text) hears every line printed.
    """

    def __init__(self, image, world=None, heap="160k", console=None, micropython=None,
                 path=(ROOT / "build" / "umqtt",), ports=(80, 53), on_line=None,
                 tcp=None):  # fmt: skip
        self.image, self.console, self.on_line, self._tcp = Path(image), console, on_line, tcp
        self.micropython = Path(micropython or interpreter())
        self.heap = str(int(heap.rstrip("k")) + FAKES_KB) + "k"
        self._path = ":".join(str(p) for p in (BOARD, *path)) + ":.frozen"
        self._folder = tempfile.TemporaryDirectory(prefix="board-")
        base = Path(self._folder.name)
        self._mapped = {str(p): free_port() for p in ports}
        self.world = {
            "state": str(base / "state"),
            "nvs": str(self.image) + ".nvs",
            "ports": self._mapped,
            **(world or {}),
        }
        self.lines = []  # all that the board printed, line by line
        self.resets = 0
        self.outputs = {}  # pin -> level that the board drives
        self.trace = []  # (time.monotonic(), pin, level) of every change
        self._rest = b""
        self._news = threading.Condition()
        self._terminal = self._control = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.close()

    def port(self, number):
        """Where a listener on the board's port is found on 127.0.0.1."""
        return self._mapped[str(number)]

    @property
    def running(self):
        return self._terminal is not None and self._terminal.returncode is None

    def start(self):
        """Power on."""
        Path(self.world["state"]).unlink(missing_ok=True)
        self._rest = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.world["control"] = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        description = Path(self._folder.name) / "world.json"
        description.write_text(json.dumps(self.world))
        env = {**os.environ, "UMETER_WORLD": str(description), "MICROPYPATH": self._path}
        command = [
            self.micropython,
            "-X",
            "heapsize=" + self.heap,
            BOARD / "device.py",
            self.image,
        ]
        self._terminal = Terminal(command, env, self.console, self._tcp, self._output, self._reset)
        return self

    def stop(self):
        """Power off; the flash keeps what was written."""
        if self._terminal:
            self._terminal.stop()
            self._terminal = None
            self._listener.close()

    def kill(self):
        """Cuts the power at this very moment (SIGKILL)."""
        self._terminal.kill()
        self._terminal = None
        self._listener.close()

    def close(self):
        self.stop()
        self._folder.cleanup()

    def type(self, text):
        """Types text at the console."""
        self._terminal.type(text.encode() if isinstance(text, str) else text)

    def order(self, **order):
        """Changes the world of the running board: pin=, level=; aps=."""
        with self._news:
            if not self._news.wait_for(lambda: self._control is not None, 10):
                raise TimeoutError("the board did not open its control line")
        self._control.sendall(json.dumps(order).encode() + b"\n")
        if "aps" in order:
            self.world["aps"] = order["aps"]

    def wait_line(self, pattern, timeout=90, after=0):
        """The first line from index `after` on that matches; TimeoutError shows the last ones."""
        return self._wait(lambda: self._search(pattern, after), timeout, "line " + repr(pattern))

    def wait_output(self, pin, level, timeout=90):
        """Waits until the board drives the pin to the level."""
        self._wait(lambda: self.outputs.get(pin) == level, timeout, f"pin {pin} = {level}")

    def wait_end(self, timeout=90):
        """Waits until the process has ended without a reset; its exit code."""
        if not self._terminal.wait(timeout):
            raise TimeoutError("the board runs on")
        return self._terminal.returncode

    def _search(self, pattern, after):
        for line in self.lines[after:]:
            if re.search(pattern, line):
                return line
        return None

    def _wait(self, condition, timeout, what):
        limit = time.monotonic() + timeout
        with self._news:
            while not (found := condition()):
                left = limit - time.monotonic()
                if left <= 0:
                    last = "\n".join(self.lines[-30:])
                    raise TimeoutError(f"no {what} in {timeout} s; the board printed:\n{last}")
                self._news.wait(min(left, 0.2))
        return found

    def _output(self, data):
        *lines, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n")
        with self._news:
            for line in lines:
                text = line.decode("utf-8", "replace")
                self.lines.append(text)
                if self.on_line:
                    self.on_line(text)
            self._news.notify_all()

    def _reset(self):
        if self._rest:
            self._output(b"\n")  # a prompt or half a line ends here
        with self._news:
            self.resets += 1
            self._control = None
            self._news.notify_all()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._news:
                self._control = connection
                self._news.notify_all()
            threading.Thread(target=self._hear, args=(connection,), daemon=True).start()

    def _hear(self, connection):
        with connection, connection.makefile("r") as lines:
            try:
                for line in lines:
                    told = json.loads(line)
                    with self._news:
                        self.outputs[told["pin"]] = told["level"]
                        self.trace.append((time.monotonic(), told["pin"], told["level"]))
                        self._news.notify_all()
            except (OSError, ValueError):  # the board died in the middle of a line
                return


def make_image(path, files, blocks=512):
    """Writes a littlefs image with {name: bytes} for tests; tools.image does it for products."""
    from littlefs import LittleFS

    fs = LittleFS(block_size=4096, block_count=blocks, read_size=32, prog_size=32,
                  lookahead_size=32, name_max=255, disk_version=0x00020000)  # fmt: skip
    for name, data in files.items():
        folder = str(Path(name).parent)
        if folder not in (".", "/"):
            fs.makedirs(folder, exist_ok=True)
        with fs.open(name, "wb") as f:
            f.write(data)
    Path(path).write_bytes(fs.context.buffer)
