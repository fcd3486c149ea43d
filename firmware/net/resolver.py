# uMeter - names to addresses without stopping the loop
# MIT license; Copyright (c) 2026 The uMeter authors

# getaddrinfo() of the chip waits for the name server, for many seconds if there is
# none, and lets other threads run meanwhile. So it gets a thread: one, however long it
# hangs. The loop looks for the answer now and then; that has a deadline by its nature,
# a ThreadSafeFlag would need a second task for it.

import _thread
import asyncio
import errno
import socket
from micropython import const
from time import ticks_diff, ticks_ms

_STACK = const(8192)  # bytes; lwIP sends and waits on it
_LOOK_MS = const(20)


def is_ipv4(host):
    """True for four numbers with dots between."""
    parts = host.split(".")
    return len(parts) == 4 and all([part.isdigit() and int(part) < 256 for part in parts])


class Resolver:
    """One for the whole firmware."""

    def __init__(self, getaddrinfo=socket.getaddrinfo):
        self._getaddrinfo = getaddrinfo
        self._turn = asyncio.Lock()
        self._asked = None  # (host, port) that the thread works on, or worked on last
        self._answer = None  # the address that it found, None: there is none
        self._busy = False

    async def resolve(self, host, port, timeout_ms):
        """('a.b.c.d', port). OSError: no such name (ENOENT) or no answer in time (ETIMEDOUT)."""
        if is_ipv4(host):
            return host, port
        async with self._turn:
            return await self._wait((host, port), timeout_ms)

    async def _wait(self, question, timeout_ms):
        start = ticks_ms()
        while True:
            if not self._busy:
                # An answer to a question of before, given up too early, is as good.
                if self._asked == question:
                    break
                self._ask(question)
            if ticks_diff(ticks_ms(), start) >= timeout_ms:
                raise OSError(errno.ETIMEDOUT)
            await asyncio.sleep_ms(_LOOK_MS)
        self._asked = None
        if self._answer is None:
            raise OSError(errno.ENOENT)
        return self._answer

    def _ask(self, question):
        self._asked = question
        self._answer = None
        self._busy = True
        previous = _thread.stack_size(_STACK)
        try:
            _thread.start_new_thread(self._work, question)
        except (OSError, MemoryError):  # no memory for the stack, or for the thread's list
            self._asked = None
            self._busy = False
            raise
        finally:
            _thread.stack_size(previous)

    def _work(self, host, port):
        try:
            self._answer = self._getaddrinfo(host, port)[0][-1]
        except OSError:
            self._answer = None
        finally:
            self._busy = False
