# uMeter - waits for a socket without a reader of its own: listeners and UDP
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import select
from micropython import const

_STEP_MS = const(20)


class Waiter:
    """wait() ends when the socket has something to read. Allocates nothing while it has not."""

    def __init__(self, sock):
        self._poller = select.poll()
        self._poller.register(sock, select.POLLIN)

    def ready(self):
        for _ in self._poller.ipoll(0):
            return True
        return False

    async def wait(self):
        while not self.ready():
            await asyncio.sleep_ms(_STEP_MS)
