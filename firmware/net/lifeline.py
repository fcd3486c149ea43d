# uMeter - restarts the radio, and after a day the chip, when nothing answers any more
# MIT license; Copyright (c) 2026 The uMeter authors

# MeterLogger section 8.7. What counts is an answer of the broker: an acknowledged message, or a
# PINGRESP. Drivers have states in which everything looks well and nothing goes through.

import asyncio
from micropython import const

_LOOK_S = const(5)
_RADIO_S = const(120)
_CHIP_S = const(86400)


class Lifeline:
    """session: see Session; wifi: see Wifi. is_busy: f() -> somebody is at our pages now.

    on_day: f(), after a day without an answer; None: never.
    """

    def __init__(self, session, wifi, clock, log):
        self._session = session
        self._wifi = wifi
        self._clock = clock
        self._log = log
        self._answers = None  # so many there were
        self._since = self._day = clock.uptime()  # of the last one, or of the last restart
        self.is_busy = lambda: False
        self.on_day = None

    async def run(self):
        """For ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self._look(self._clock.uptime())

    def _look(self, now):
        counters = self._session.counters
        if counters is None or self._wifi.is_idle():
            self._since = self._day = now  # nobody could answer
            return
        answers = counters.acked, counters.pongs
        if answers != self._answers:
            if self._answers is not None and self._session.connected:
                self._wifi.answered()
            self._answers = answers
            self._since = self._day = now
        elif self.on_day and now - self._day >= _CHIP_S:
            self._day = now
            self._log.event("wifi", "no answer for a day, the device restarts")
            self.on_day()
        elif self._wifi.is_off or self.is_busy():
            self._since = now
        elif now - self._since >= _RADIO_S:
            self._since = now
            self._log.event("wifi", "no answer for %d s, the radio restarts" % (now - self._day))
            self._wifi.restart()
