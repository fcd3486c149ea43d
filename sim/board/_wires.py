# uMeter - what hangs on a UART: a TCP connection, a pseudo terminal, a pipe in memory, nothing
# MIT license; Copyright (c) 2026 The uMeter authors

import uselect
import usocket
from time import ticks_add, ticks_diff, ticks_ms

import world
from _serial import parse

_RETRY_MS = 1000


class Open:
    """A line with nothing on it.

    `line`: how the far end is set, see _serial.parse(); None: as the UART, whatever that is.
    """

    line = None

    def age_ms(self):
        """Since when the next byte has been on the line; -1 where that is not known."""
        return -1

    def wait_ms(self):
        """How long until a byte can begin to arrive; None: not known, or the far end is silent."""
        return None

    def readinto(self, buf, count):
        return 0

    def write(self, data):
        return len(data)


class Tcp(Open):
    """A byte stream to HOST:PORT, opened again when it broke; meanwhile bytes are lost."""

    def __init__(self, address):
        self._name = address
        self._told = False
        name, port = address.rsplit(":", 1)
        self._address = usocket.getaddrinfo(name, int(port), 0, usocket.SOCK_STREAM)[0][-1]
        self._socket = None
        self._tried = ticks_add(ticks_ms(), -_RETRY_MS)
        self._open()

    def _open(self):
        if ticks_diff(ticks_ms(), self._tried) < _RETRY_MS:
            return
        self._tried = ticks_ms()
        s = usocket.socket()
        try:
            s.connect(self._address)
            s.setsockopt(6, 1, 1)  # TCP_NODELAY: a byte leaves when the line would send it
            s.setblocking(False)
        except OSError:
            s.close()
            if not self._told:
                print("uart: nobody answers at", self._name)
                self._told = True
            return
        self._socket = s

    def _drop(self):
        self._socket.close()
        self._socket = None

    def readinto(self, buf, count):
        if self._socket is None:
            self._open()
            return 0
        try:
            got = self._socket.readinto(buf, count)
        except OSError:
            got = 0
        if got == 0:
            self._drop()
        return got or 0

    def write(self, data):
        if self._socket is None:
            self._open()
        if self._socket is not None:
            try:
                self._socket.write(data)
            except OSError:
                self._drop()
        return len(data)


class Pty(Open):
    """A terminal device of the machine."""

    def __init__(self, path):
        import termios

        self._file = world.host.open(path, "r+b")
        fd = self._file.fileno()
        termios.setraw(fd)
        mode = termios.tcgetattr(fd)
        mode[6][5] = mode[6][6] = 0  # VTIME, VMIN: reads give what is there
        termios.tcsetattr(fd, termios.TCSANOW, mode)
        self._poll = uselect.poll()
        self._poll.register(self._file, uselect.POLLIN)

    def readinto(self, buf, count):
        return self._file.readinto(buf, count) or 0 if self._poll.poll(0) else 0

    def write(self, data):
        return self._file.write(data)


class Pipe(Open):
    """Both ends in this process. The far end is the test, or a simulated meter.

    `sent`: what the board transmitted so far (bytearray; the test clears it).
    `on_bytes(data)`: called as bytes arrive at the far end; then nothing is collected.
    """

    def __init__(self):
        self.sent = bytearray()
        self.on_bytes = None
        self._due = []  # [ms, bytes] in order

    def send(self, data, delay_ms=0):
        """The far end transmits; the UART paces the bytes by its own line time."""
        self._due.append([ticks_add(ticks_ms(), delay_ms), bytes(data)])

    def attach(self, core):
        """`core.feed(data, now_ms)` gives a list of (delay_ms, bytes) that it answers."""

        def answer(data):
            for delay_ms, reply in core.feed(data, ticks_ms()):
                self.send(reply, delay_ms)

        self.on_bytes = answer

    def readinto(self, buf, count):
        if not self._due or ticks_diff(self._due[0][0], ticks_ms()) > 0:
            return 0
        data = self._due[0][1]
        count = min(count, len(data))
        buf[:count] = data[:count]
        if count == len(data):
            self._due.pop(0)
        else:
            self._due[0][1] = data[count:]
        return count

    def age_ms(self):
        return ticks_diff(ticks_ms(), self._due[0][0]) if self._due else -1

    def wait_ms(self):
        return max(1, ticks_diff(self._due[0][0], ticks_ms())) if self._due else None

    def write(self, data):
        if self.on_bytes:
            self.on_bytes(bytes(data))
        else:
            self.sent.extend(data)
        return len(data)


def make(text):
    """A wire from its description in the world."""
    text, _, line = text.partition(" ")
    wire = _make(text)
    wire.line = parse(line) if line else None
    return wire


def _make(text):
    kind, _, rest = text.partition(":")
    if kind == "tcp":
        return Tcp(rest)
    if kind == "pty":
        return Pty(rest)
    if kind == "pipe":
        return Pipe()
    if text:
        raise ValueError("uart: " + text)
    return Open()
