# uMeter - SNTP client: unix time from the network, without stopping the loop
# MIT license; Copyright (c) 2026 The uMeter authors

# RFC 4330. The question carries a random transmit time; an answer that does not repeat
# it as its originate time is none of ours.

import asyncio
import os
import socket
import struct
from micropython import const
from time import ticks_diff, ticks_ms

_PORT = const(123)
_ANSWER_MS = const(3000)
_LOOK_MS = const(20)
_ERA = 4294967296  # seconds; era 1 begins in 2036
_1970 = 2208988800  # in seconds since 1900
_EARLIEST = 1735689600  # 2025-01-01: no server can mean an earlier time
_RESYNC_S = const(3600)
_RETRY_S = (2, 4, 8, 16, 32, 60)


def request(nonce):
    """48 bytes; nonce: 8 bytes that the answer has to repeat."""
    return b"\x23" + bytes(39) + nonce


def parse(packet, nonce):
    """Answer -> unix seconds, rounded; ValueError names why it is not to be believed."""
    if len(packet) < 48:
        raise ValueError("short packet")
    if packet[0] & 7 != 4:
        raise ValueError("no server's answer")
    if packet[24:32] != nonce:
        raise ValueError("answer to another question")
    if packet[0] >> 6 == 3 or not 1 <= packet[1] <= 15:
        raise ValueError("the server has no time itself")
    seconds, fraction = struct.unpack("!II", packet[40:48])
    unix = seconds - _1970 + (fraction >> 31)
    if unix < _EARLIEST:
        unix += _ERA
    return unix


async def query(address, timeout_ms=_ANSWER_MS):
    """(host, port) -> unix seconds; OSError: no answer in time, ValueError: a bad one."""
    nonce = os.urandom(8)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.sendto(request(nonce), socket.getaddrinfo(address[0], address[1])[0][-1])
        start = ticks_ms()
        while ticks_diff(ticks_ms(), start) < timeout_ms:
            await asyncio.sleep_ms(_LOOK_MS)
            try:
                packet = sock.recvfrom(64)[0]
            except OSError:  # nothing there yet
                continue
            return parse(packet, nonce)
    finally:
        sock.close()
    raise OSError("no answer")


def split(server):
    """ "host" or "host:port" -> (host, port)."""
    host, _, port = server.partition(":")
    return host, int(port or _PORT)


async def keep_time(servers, resolver, on_time, log):
    """For ever: ask the servers in turn, tell on_time(unix); hourly, sooner while unknown."""
    turn = 0
    failures = 0
    while True:
        host, port = split(servers[turn % len(servers)])
        turn += 1
        try:
            unix = await query(await resolver.resolve(host, port, 10000))
        except (OSError, ValueError) as error:
            log.state("time", "no time from %s: %s" % (host, error))
            await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
            failures += 1
            continue
        log.state("time", "known from " + host)
        on_time(unix)
        failures = 0
        for _ in range(_RESYNC_S // 60):
            await asyncio.sleep(60)
