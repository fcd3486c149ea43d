# uMeter - the web pages' listener: three connections at a time, bounded in time and size
# MIT license; Copyright (c) 2026 The uMeter authors

# microdot waits for ever for a silent client, keeps every header, and browsers open connections
# in advance that say nothing. While somebody waits in the queue, whoever has not sent a whole
# request within a second gives up its place. lwIP has ten sockets for everything; here it is four
# of them at most.

import asyncio
import errno
import select
import time
from micropython import const

_MOST = const(3)  # connections
_ASK_MS = const(5000)  # for a whole request
_ASK_BUSY_MS = const(1000)  # the same, while others wait
_ALL_MS = const(15000)  # for request and answer
_STEP_MS = const(10)
_POLL_MS = const(20)
_MOST_HEAD = const(8192)  # bytes of request line and headers that are read,
_MOST_LINE = const(512)  # and of one of them that are kept
_MOST_BODY = const(2048)
_IN = const(256)
_OUT = const(512)
_KEPT = (b"host", b"cookie", b"accept", b"content-type", b"content-length")


class Waiter:
    """ready() tells whether a socket has something to read, wait() ends when it has. Allocates
    nothing while it has not."""

    def __init__(self, sock):
        self._poller = select.poll()
        self._poller.register(sock, select.POLLIN)

    def ready(self):
        for _ in self._poller.ipoll(0):
            return True
        return False

    async def wait(self):
        while not self.ready():
            await asyncio.sleep_ms(_POLL_MS)


class Connection:
    """What microdot asks of a stream, over an accepted, non-blocking socket. A request that is
    too long ends in ValueError, one that ends too early in EOFError. peer: (address, port)."""

    def __init__(self, sock, peer):
        self.sock = sock
        self.peer = peer
        self.task = None
        self.since = time.ticks_ms()
        self.asked = False  # the whole request is here
        self._waiter = asyncio.StreamReader(sock)
        self._in = memoryview(bytearray(_IN))
        self._at = self._end = 0  # what of _in is not yet handed out
        self._head = 0
        self._out = bytearray(_OUT)  # microdot hands over each header by itself
        self._filled = 0

    async def _more(self):
        count = await self._waiter.readinto(self._in)
        while count is None:  # somebody else's wake-up
            await asyncio.sleep_ms(_STEP_MS)
            count = await self._waiter.readinto(self._in)
        if not count:
            raise EOFError
        self._at, self._end = 0, count

    async def readline(self):
        """The next line that means something here: other headers would only fill the heap."""
        while True:
            first = not self._head
            line = await self._line()
            name = line.split(b":", 1)[0].strip().lower()
            if first or not name or len(line) <= _MOST_LINE and name in _KEPT:
                return line

    async def _line(self):
        """One line, of which no more is kept than shows that it is too long."""
        line = b""
        while line[-1:] != b"\n":
            if self._at == self._end:
                await self._more()
            at = self._at
            while at < self._end and self._in[at] != 10:
                at += 1
            piece = self._in[self._at : min(at + 1, self._end)]
            self._at += len(piece)
            self._head += len(piece)
            if self._head > _MOST_HEAD:
                raise ValueError("the head is too long")
            line = line[:_MOST_LINE] + bytes(piece)
        return line

    async def readexactly(self, count):
        if not 0 <= count <= _MOST_BODY:
            raise ValueError("the body is too long")
        body = bytearray(count)
        at = 0
        while at < count:
            if self._at == self._end:
                await self._more()
            step = min(count - at, self._end - self._at)
            body[at : at + step] = self._in[self._at : self._at + step]
            self._at += step
            at += step
        return bytes(body)

    async def awrite(self, data):
        at = 0
        view = memoryview(data)
        while at < len(view):
            step = min(len(view) - at, _OUT - self._filled)
            self._out[self._filled : self._filled + step] = view[at : at + step]
            self._filled += step
            at += step
            if self._filled == _OUT:
                await self.aclose()

    async def aclose(self):
        """Sends what is left; the listener closes."""
        view = memoryview(self._out)[: self._filled]
        self._filled = 0
        while view:
            try:
                count = self.sock.write(view) or 0
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                count = 0
            view = view[count:]
            if view:
                await asyncio.sleep_ms(_STEP_MS)


class Listener:
    """handle: async f(connection); it sets connection.asked as soon as the request is read.

    accepted, cut (too slow), failed: counters.
    """

    def __init__(self, handle, log):
        self._handle = handle
        self._log = log
        self._guests = []
        self.accepted = self.cut = self.failed = 0

    @property
    def busy(self):
        return bool(self._guests)

    async def run(self, listening):
        """For ever; cancel to stop: open connections are closed then. listening: a socket."""
        waiter = Waiter(listening)
        try:
            while True:
                waits = waiter.ready()
                self._cut(waits and len(self._guests) >= _MOST)
                room = len(self._guests) < _MOST
                if waits and room and self._accept(listening):
                    await asyncio.sleep_ms(0)
                else:
                    await asyncio.sleep_ms(_POLL_MS)
        finally:
            for guest in list(self._guests):
                guest.task.cancel()
                guest.sock.close()  # a task that has not begun yet would never do it

    def _cut(self, busy):
        now = time.ticks_ms()
        for guest in self._guests:
            most = _ALL_MS if guest.asked else _ASK_BUSY_MS if busy else _ASK_MS
            if time.ticks_diff(now, guest.since) > most:
                self.cut += 1
                guest.since = now  # once is enough
                guest.task.cancel()

    def _accept(self, listening):
        """False: not now; there may be no socket left, or no memory."""
        try:
            sock, peer = listening.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                self._log.state("web", "accept: ", str(error))
            return False
        sock.setblocking(False)
        self.accepted += 1
        guest = Connection(sock, peer)
        self._guests.append(guest)
        guest.task = asyncio.create_task(self._serve(guest))
        return True

    async def _serve(self, guest):
        try:
            await self._handle(guest)
        except (OSError, EOFError):  # gone; both happen all day
            self.failed += 1
        except MemoryError:
            self.failed += 1
            self._log.state("web", "no memory for a request")
        finally:
            guest.sock.close()
            self._guests.remove(guest)
