# uMeter - the captive DNS on its socket
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import errno
from micropython import const

from firmware.web import dns
from firmware.web.waiting import Waiter

_BURST = const(8)  # answers in a row before the others get their turn


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
            query, peer = self._sock.recvfrom(dns.LARGEST + 1)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                self._log.state("dns", "receive: %s" % error)
            return False
        reply = dns.answer(query, self._address)
        if reply is None:
            self.dropped += 1
            return True
        try:
            self._sock.sendto(reply, peer)
            self.answered += 1
        except OSError as error:  # the phone has gone, or lwIP is out of buffers: it asks again
            self._log.state("dns", "send: %s" % error)
        return True
