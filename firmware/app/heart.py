# uMeter - heartbeats: the watchdog is fed only while every task comes round
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

_BEAT_S = const(2)
_SETTLED_S = const(300)


class _Followed:
    """A coroutine whose every step is a beat."""

    def __init__(self, heart, name, coro):
        self._heart = heart
        self._name = name
        self._coro = coro

    def send(self, value):
        self._heart.beat(self._name)
        return self._coro.send(value)

    def throw(self, error):
        return self._coro.throw(error)


class Heart:
    """watch() names a task and how long it may stay away, beat() is its sign of life.

    feed: f(), to the watchdog. on_stuck: f(text), once for each time that a task is stuck.
    on_settled: f(), once, after five minutes.
    """

    def __init__(self, clock, log, feed):
        self._clock = clock
        self._log = log
        self._feed = feed
        self._tasks = {}  # name -> [uptime of the last beat, most seconds between two]
        self.on_stuck = None
        self.on_settled = None

    def watch(self, name, most_s):
        self._tasks[name] = [self._clock.uptime(), most_s]

    def beat(self, name):
        self._tasks[name][0] = self._clock.uptime()

    def follow(self, name, coro, most_s):
        """What to run in the place of coro: then the task need not beat itself."""
        self.watch(name, most_s)
        return _Followed(self, name, coro)

    def stuck(self):
        """Name of a task that stays away too long, None if all is well."""
        now = self._clock.uptime()
        for name, (beat, most_s) in self._tasks.items():
            if now - beat > most_s:
                return name
        return None

    async def run(self):
        """For ever; what is stuck is said, and ends with the watchdog's reset."""
        while True:
            stuck = self.stuck()
            if stuck is None:
                self._feed()
                self._log.state("heart", "all tasks come round")
            else:
                text = "the task %s is stuck" % stuck
                if self._log.state("heart", text) and self.on_stuck:
                    self.on_stuck(text)
            if self.on_settled and self._clock.uptime() >= _SETTLED_S:
                self.on_settled()
                self.on_settled = None
            await asyncio.sleep(_BEAT_S)
