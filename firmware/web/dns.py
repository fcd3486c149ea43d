# uMeter - the captive DNS: every name is this device
# MIT license; Copyright (c) 2026 The uMeter authors

# RFC 1035 section 4.1 (messages), RFC 6891 (EDNS), RFC 2308 (no data). A phone asks for A, AAAA
# and HTTPS (65) at once and takes the network for broken when one of them stays unanswered.

import asyncio
import errno
from micropython import const

from firmware.web.server import Waiter

LARGEST = const(512)  # bytes of a question that is looked at
_HEAD = const(12)
_A = const(1)
_OPT = const(41)
_ANY = const(255)
_IN = const(1)
_ANY_CLASS = const(255)
_TTL = b"\x00\x00\x00\x00"  # nothing of this is to be remembered on another network
_OPT_RECORD = b"\x00\x00\x29\x02\x00\x00\x00\x00\x00\x00\x00"  # 512 bytes, version 0, no options
_BURST = const(8)  # answers in a row before the others get their turn
_FORMAT_ERROR = const(1)
_NOT_IMPLEMENTED = const(4)


def answer(query, address):
    """Reply to a query (bytes) or None if there is nothing to reply to; address: 4 bytes.

    A and ANY get the address, every other type an empty answer without error.
    """
    if not _HEAD <= len(query) <= LARGEST or query[2] & 0x80:  # a response is no question
        return None
    if query[2] & 0x78:
        return _head(query, _NOT_IMPLEMENTED, 0, 0, 0)  # another opcode than QUERY
    end = _question_end(query)
    if query[4:6] != b"\x00\x01" or not end:
        return _head(query, _FORMAT_ERROR, 0, 0, 0)
    kind = query[end - 4] << 8 | query[end - 3]
    group = query[end - 2] << 8 | query[end - 1]
    found = kind in (_A, _ANY) and group in (_IN, _ANY_CLASS)
    extended = _has_opt(query, end)
    reply = _head(query, 0, 1, int(found), int(extended)) + query[_HEAD:end]
    if found:  # the name is the one of the question: a pointer to byte 12
        reply += b"\xc0\x0c\x00\x01\x00\x01" + _TTL + b"\x00\x04" + address
    return reply + _OPT_RECORD if extended else reply


def _head(query, code, questions, answers, additional):
    # Response, authoritative; recursion as desired, and offered: resolvers insist on it.
    flags = bytes((0x84 | query[2] & 0x79, 0x80 | code))
    return query[:2] + flags + bytes((0, questions, 0, answers, 0, 0, 0, additional))


def _name_end(data, at):
    """Index behind the name that begins at `at`; 0: it is none."""
    start = at
    while at < len(data):
        size = data[at]
        at += 1
        if size == 0:
            return at if at - start <= 255 else 0
        if size > 63:
            return 0  # a pointer, or a label of a kind that nobody uses
        at += size
    return 0


def _question_end(query):
    at = _name_end(query, _HEAD)
    return at + 4 if at and at + 4 <= len(query) else 0


def _has_opt(query, end):
    """Whether an OPT record comes first behind the question: queries carry nothing before it."""
    if query[6:10] != b"\x00\x00\x00\x00" or query[10:12] == b"\x00\x00":
        return False
    return query[end : end + 3] == b"\x00\x00\x29"


class DnsServer:
    """sock: bound, non-blocking; address: of this device, "192.168.4.1"."""

    def __init__(self, sock, address, log):
        self._sock = sock
        self._address = bytes([int(part) for part in address.split(".")])
        self._log = log
        self.answered = 0
        self.dropped = 0  # what was no question

    async def run(self):
        """For ever; cancel to stop."""
        waiter = Waiter(self._sock)
        while True:
            await waiter.wait()
            for _ in range(_BURST):
                if not self._serve():
                    break
            await asyncio.sleep_ms(0)

    def _serve(self):
        """False: nothing waits."""
        try:
            query, peer = self._sock.recvfrom(LARGEST + 1)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                self._log.state("dns", "receive: %s" % error)
            return False
        reply = answer(query, self._address)
        if reply is None:
            self.dropped += 1
            return True
        try:
            self._sock.sendto(reply, peer)
            self.answered += 1
        except OSError as error:  # the phone has gone, or lwIP is out of buffers: it asks again
            self._log.state("dns", "send: %s" % error)
        return True
