# uMeter - a TCP connection that never blocks the loop, with TLS if wanted
# MIT license; Copyright (c) 2026 The uMeter authors

# What is new here against asyncio.open_connection(): no getaddrinfo() on the loop,
# TCP_NODELAY, deadlines, and TLS whose handshake runs in steps inside send() and receive().

import asyncio
import errno
import select
import socket
from micropython import const
from time import ticks_diff, ticks_ms

_STEP_MS = const(10)


async def open_connection(address, name, tls, timeout_ms):
    """A Transport. tls: ssl.SSLContext or None; name: the host that its certificate must name."""
    sock = socket.socket()
    transport = None
    try:
        await _connect(sock, address, timeout_ms)
        _send_at_once(sock)
        stream = sock
        if tls:
            stream = tls.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
        transport = Transport(stream, sock)
    finally:
        if transport is None:  # cancelled, too
            sock.close()
    return transport


async def _connect(sock, address, timeout_ms):
    sock.setblocking(False)
    try:
        sock.connect(address)
    except OSError as error:
        if error.errno != errno.EINPROGRESS:
            raise
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    start = ticks_ms()
    while True:
        if poller.poll(0):
            return
        if ticks_diff(ticks_ms(), start) >= timeout_ms:
            raise OSError(errno.ETIMEDOUT)
        await asyncio.sleep_ms(_STEP_MS)


def _send_at_once(sock):
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:  # to lwIP a refused connection is ready like any other, but has no options
        raise OSError(errno.ECONNREFUSED) from None


class Transport:
    """One task may send and another receive; whoever closes cancels them first."""

    def __init__(self, stream, sock):
        self._stream = stream
        self._sock = sock
        self._waiter = asyncio.StreamReader(stream)

    async def receive(self, buf):
        """Number of bytes put in buf, at least one; waits for ever. OSError: the end."""
        # Read before waiting: poll does not see what a TLS record left in its buffer.
        count = self._stream.readinto(buf)
        while count is None:
            count = await self._waiter.readinto(buf)
        if not count:
            raise OSError(errno.ECONNRESET)
        return count

    async def send(self, data, timeout_ms):
        """Hand all of data to the socket, in one write if its buffer has room."""
        count = self._stream.write(data)
        if count == len(data):
            return
        rest = memoryview(data)
        start = ticks_ms()
        while True:
            rest = rest[count or 0 :]
            if not rest:
                return
            if ticks_diff(ticks_ms(), start) >= timeout_ms:
                raise OSError(errno.ETIMEDOUT)
            await asyncio.sleep_ms(_STEP_MS)
            count = self._stream.write(rest)

    def close(self):
        if self._stream is not self._sock:
            self._stream.close()
        self._sock.close()
