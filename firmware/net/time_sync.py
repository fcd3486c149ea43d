# uMeter - keeps the clock right: asks one time server after the other
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const
from random import getrandbits

from firmware.net import sntp, time_keeper
from firmware.net.backoff import Backoff
from firmware.net.sntp_packet import KissOfDeath

_HOUR_MS = const(3600000)
_FIRST_MS = const(2000)  # between two tries that fail
_MOST_MS = const(900000)
_TIMEOUT_MS = const(5000)


class TimeSync:
    """clock: see clock.py; keeper: TimeKeeper; servers: names, asked in turn."""

    def __init__(self, clock, keeper, servers, resolver, log, retry_ms=(_FIRST_MS, _MOST_MS),
                 timeout_ms=_TIMEOUT_MS):
        self._clock = clock
        self._keeper = keeper
        self._servers = servers
        self._resolver = resolver
        self._log = log
        self._backoff = Backoff(retry_ms[0], retry_ms[1], getrandbits)
        self._timeout_ms = timeout_ms
        self.on_set = None  # f(unix), each time the clock was set
        self.sets = 0
        self.failures = 0

    async def run(self):
        """Until the clock is set. Cancel to stop."""
        while not await self.ask_once():
            await asyncio.sleep_ms(self._backoff.next())

    async def ask_once(self):
        """Ask the next server, and another one if it tells of a jump. True: the clock is set."""
        for _ in range(2):
            server = self._next_server()
            verdict = await self._ask(server) if server else time_keeper.REFUSE
            if verdict != time_keeper.DOUBT:
                break
        return verdict == time_keeper.ACCEPT

    def _next_server(self):
        uptime = self._clock.uptime()
        for _ in self._servers:
            server = self._servers[self._keeper.turn % len(self._servers)]
            self._keeper.turn += 1
            if self._keeper.banned.get(server, 0) <= uptime:
                return server
        return None

    async def _ask(self, server):
        try:
            unix_ms = await sntp.query(self._resolver, server, self._timeout_ms)
        except KissOfDeath as error:
            self._keeper.banned[server] = self._clock.uptime() + _HOUR_MS // 1000
            return self._fail("%s does not want us: %s" % (server, error.args[0]))
        except (OSError, ValueError) as error:
            return self._fail("no time from %s: %s" % (server, error))
        boot = (unix_ms - self._clock.uptime_ms() + 500) // 1000
        uptime = self._clock.uptime()
        verdict = self._keeper.judge(server, boot + uptime, self._clock.now())
        if verdict == time_keeper.ACCEPT:
            self._clock.set(boot + uptime, uptime)
            self.sets += 1
            if self.on_set:
                self.on_set(boot + uptime)
            self._log.state("time", "set by a server")
            return verdict
        doubt = verdict == time_keeper.DOUBT
        text = "%s tells of a jump" if doubt else "%s tells a time that is past"
        self._fail(text % server)
        return verdict

    def _fail(self, text):
        self.failures += 1
        self._log.state("time", "not set: ", text)
        return time_keeper.REFUSE
