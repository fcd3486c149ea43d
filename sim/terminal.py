# uMeter - runs the virtual board on a terminal, shares its console, starts it again after a reset
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import termios
import threading
import time
import tty
from pathlib import Path

_RESET = -signal.SIGUSR2  # how a reset of the board ends its process
_FULL = 65536  # bytes that wait for a reader before the board has to wait or they are dropped
_STUCK_S = 1.0  # a reader that took nothing for so long is none


class _Reader:
    """One who watches the console; gets all output from now on, types into it."""

    def __init__(self, fd, close):
        self.fd, self.close = fd, close
        self.waiting = bytearray()
        self.took = time.monotonic()
        os.set_blocking(fd, False)

    def put(self, data):
        self.waiting += data
        self.flush()

    def flush(self):
        while self.waiting:
            try:
                n = os.write(self.fd, self.waiting[:4096])
            except BlockingIOError:
                break
            del self.waiting[:n]
            self.took = time.monotonic()
        if len(self.waiting) > _FULL and time.monotonic() - self.took > _STUCK_S:
            del self.waiting[:-4096]

    @property
    def full(self):
        return len(self.waiting) > _FULL


class Terminal:
    """The board's process with a terminal of its own, in a thread.

    command: list, the process; env: its environment. link: path of a symlink to a terminal that
    shows the console; tcp: (host, port) where it is served as well (`socket://` of pyserial).
    on_output(bytes) hears what the board prints, on_reset() each reset, on_end(code) the end.
    """

    def __init__(self, command, env=None, link=None, tcp=None, on_output=None, on_reset=None):
        self.command, self.env = [str(part) for part in command], env
        self.link = Path(link) if link else None
        self.on_output, self.on_reset = on_output, on_reset
        self.returncode = None
        self._readers = []
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._process = self._master = self._listener = None
        if link:
            self._open_link()
        if tcp:
            self._listener = socket.create_server(tcp)
            self.tcp = self._listener.getsockname()
            self._selector.register(self._listener, selectors.EVENT_READ, "accept")
        self._spawn()
        self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
        self._thread.start()

    @property
    def pid(self):
        return self._process.pid

    def type(self, data):
        """Types bytes at the console."""
        os.write(self._master, data)

    def wait(self, timeout=None):
        """Waits for the board's end; True when it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def stop(self):
        """Cuts the power and clears up."""
        self._stop.set()
        self._thread.join()

    def kill(self):
        """Cuts the power: the process dies here and now."""
        self._process.kill()
        self._thread.join()

    def _open_link(self):
        master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(self._slave))
        self._add(_Reader(master, lambda: os.close(master)))

    def _add(self, reader):
        self._readers.append(reader)
        self._selector.register(reader.fd, selectors.EVENT_READ, reader)

    def _remove(self, reader):
        self._readers.remove(reader)
        self._selector.unregister(reader.fd)
        reader.close()

    def _spawn(self):
        master, slave = os.openpty()
        tty.setraw(slave)

        def own_terminal():  # so that Ctrl-C becomes SIGINT
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self._process = subprocess.Popen(
            self.command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=self.env,
            start_new_session=True,
            preexec_fn=own_terminal,  # noqa: PLW1509 (one system call)
        )
        os.close(slave)
        self._master = master
        self._selector.register(master, selectors.EVENT_READ, "board")

    def _output(self):
        if any(reader.full for reader in self._readers):
            time.sleep(0.002)  # the board waits for its reader, as a UART's hand-shake would do
            return True
        try:
            data = os.read(self._master, 4096)
        except OSError:  # EIO: the process has closed its end
            data = b""
        if not data:
            return self._ended()
        if self.on_output:
            self.on_output(data)
        for reader in self._readers:
            reader.put(data)
        return True

    def _ended(self):
        code = self._process.wait()
        self._selector.unregister(self._master)
        os.close(self._master)
        if code == _RESET:
            if self.on_reset:
                self.on_reset()
            self._spawn()
            return True
        self.returncode = code
        return False

    def _accept(self):
        conn, _ = self._listener.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._add(_Reader(conn.fileno(), conn.close))

    def _typed(self, reader):
        try:
            data = os.read(reader.fd, 4096)
        except OSError:
            data = b""
        if data:
            os.write(self._master, data)
        else:
            self._remove(reader)

    def _run(self):
        alive = True
        while alive and not self._stop.is_set():
            for key, _ in self._selector.select(0.05):
                if key.data == "board":
                    alive = self._output() and alive
                elif key.data == "accept":
                    self._accept()
                else:
                    self._typed(key.data)
            for reader in list(self._readers):
                try:
                    reader.flush()
                except OSError:
                    self._remove(reader)
        self._close()

    def _close(self):
        if self.returncode is None:
            self._process.kill()
            self.returncode = self._process.wait()
            os.close(self._master)
        for reader in list(self._readers):
            self._remove(reader)
        if self.link:
            os.close(self._slave)
            with contextlib.suppress(FileNotFoundError):
                self.link.unlink()
        if self._listener:
            self._listener.close()
        self._selector.close()
