# uMeter - heartbeats: the watchdog is fed only while every task comes round
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

_BEAT_S = const(2)


class Heart:
    """watch() names a task and how long it may stay away, beat() is its sign of life."""

    def __init__(self, clock, log, feed):
        self._clock = clock
        self._log = log
        self._feed = feed
        self._tasks = {}  # name -> [uptime of the last beat, most seconds between two]

    def watch(self, name, most_s):
        self._tasks[name] = [self._clock.uptime(), most_s]

    def beat(self, name):
        self._tasks[name][0] = self._clock.uptime()

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
            else:
                self._log.state("app", "the task %s is stuck" % stuck)
            await asyncio.sleep(_BEAT_S)
