# uMeter - accepts HTTP connections: three at a time, each with a deadline
# MIT license; Copyright (c) 2026 The uMeter authors

# microdot waits for ever for a silent client, and browsers open connections in advance that say
# nothing. While somebody waits in the queue, whoever has not sent a whole request within a second
# gives up its place. lwIP has ten sockets for everything; here it is four of them at most.

import asyncio
import errno
from micropython import const
from time import ticks_diff, ticks_ms

from firmware.web.connection import Connection
from firmware.web.waiting import Waiter

_MOST = const(3)
_ASK_MS = const(5000)  # for a whole request
_ASK_BUSY_MS = const(1000)  # the same, while others wait
_ALL_MS = const(15000)  # for request and answer
_STEP_MS = const(20)


class _Guest:
    def __init__(self, sock):
        self.sock = sock
        self.task = None
        self.since = ticks_ms()
        self.asked = False  # the whole request is here


class Listener:
    """handle: async f(connection, asked); it calls asked() as soon as the request is read.

    counters: accepted, cut (too slow), failed.
    """

    def __init__(self, handle, log):
        self._handle = handle
        self._log = log
        self._guests = []
        self.counters = {"accepted": 0, "cut": 0, "failed": 0}

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
                if waits and len(self._guests) < _MOST:
                    self._accept(listening)
                else:
                    await asyncio.sleep_ms(_STEP_MS)
        finally:
            for guest in list(self._guests):
                guest.task.cancel()
                guest.sock.close()  # a task that has not begun yet would never do it

    def _cut(self, busy):
        now = ticks_ms()
        for guest in self._guests:
            age = ticks_diff(now, guest.since)
            most = _ALL_MS if guest.asked else _ASK_BUSY_MS if busy else _ASK_MS
            if age > most:
                self.counters["cut"] += 1
                guest.since = now  # once is enough
                guest.task.cancel()

    def _accept(self, listening):
        try:
            sock, peer = listening.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                self._log.state("web", "accept: %s" % error)
            return
        sock.setblocking(False)
        self.counters["accepted"] += 1
        guest = _Guest(sock)
        self._guests.append(guest)
        guest.task = asyncio.create_task(self._serve(guest, peer))

    async def _serve(self, guest, peer):
        def asked():
            guest.asked = True

        try:
            await self._handle(Connection(guest.sock, peer), asked)
        except (OSError, EOFError):  # gone; both happen all day
            self.counters["failed"] += 1
        except MemoryError:
            self.counters["failed"] += 1
            self._log.state("web", "no memory for a request")
        finally:
            guest.sock.close()
            self._guests.remove(guest)
