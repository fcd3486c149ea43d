# uMeter - the two directions of an HTTP connection, bounded
# MIT license; Copyright (c) 2026 The uMeter authors

# What microdot asks of a stream, over a non-blocking socket: a request that is too long ends in
# ValueError, one that ends too early in EOFError. Answers leave in pieces of one buffer, as
# microdot hands over each header by itself.

import asyncio
import errno
from micropython import const

_MOST_HEAD = const(3072)  # bytes of request line and headers
_MOST_BODY = const(2048)
_IN, _OUT = const(256), const(1024)
_STEP_MS = const(10)


class Connection:
    """sock: accepted, non-blocking; peer: (address, port)."""

    def __init__(self, sock, peer):
        self._sock = sock
        self._peer = peer
        self._waiter = asyncio.StreamReader(sock)
        self._in = memoryview(bytearray(_IN))
        self._at = self._end = 0  # what of _in is not yet handed out
        self._head = 0
        self._out = bytearray(_OUT)
        self._filled = 0

    def get_extra_info(self, name):
        return self._peer

    async def _more(self):
        count = await self._waiter.readinto(self._in)
        while count is None:  # somebody else's wake-up
            await asyncio.sleep_ms(_STEP_MS)
            count = await self._waiter.readinto(self._in)
        if not count:
            raise EOFError
        self._at, self._end = 0, count

    async def readline(self):
        line = b""
        while True:
            if self._at == self._end:
                await self._more()
            at = self._at
            while at < self._end and self._in[at] != 10:
                at += 1
            found = at < self._end
            piece = self._in[self._at : at + found]
            self._at = at + found
            self._head += len(piece)
            if self._head > _MOST_HEAD:
                raise ValueError("the head is too long")
            line += bytes(piece)
            if found:
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
                await self.flush()

    async def flush(self):
        """The deadline on it is that of the whole connection."""
        view = memoryview(self._out)[: self._filled]
        self._filled = 0
        while view:
            count = self._write(view)
            view = view[count:]
            if view:
                await asyncio.sleep_ms(_STEP_MS)

    def _write(self, view):
        try:
            return self._sock.write(view) or 0
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            return 0

    async def aclose(self):
        await self.flush()
