# uMeter - asks a time server for the time
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import errno
import socket
from micropython import const
from os import urandom
from time import ticks_diff, ticks_ms

from firmware.net.sntp_packet import SIZE, KissOfDeath, parse, request

_PORT = const(123)
_STEP_MS = const(10)


async def query(resolver, host, timeout_ms):
    """Unix time in ms, now; host may be "host:port".

    OSError: no answer; ValueError: a wrong one, KissOfDeath: the server sends us away.
    """
    name, _, port = host.partition(":")
    address = await resolver.resolve(name, int(port or _PORT), timeout_ms)
    nonce = urandom(8)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        start = ticks_ms()
        sock.sendto(request(nonce), address)
        fault = OSError(errno.ETIMEDOUT)
        while True:
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms = ticks_diff(ticks_ms(), start)
            try:
                return parse(sock.recv(SIZE), nonce, waited_ms)
            except KissOfDeath:
                raise
            except ValueError as error:  # perhaps not from the server: the right one may come
                fault = error
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
            if waited_ms >= timeout_ms:
                raise fault
    finally:
        sock.close()
