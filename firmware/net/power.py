# uMeter - for hardware that the meter's own line feeds: the radio is on for uploads only
# MIT license; Copyright (c) 2026 The uMeter authors

# In POWER_SAVE builds only. The voltages are those of amsreader 7.6 (0.2 and 0.35 of 3.5 V), as
# parts of the highest one seen: so no divider has to be known, and no capacitor.

import asyncio
from micropython import const

_UPLOAD_S = const(600)
_FULL = const(6144)  # bytes in the queue, half of it: time for an upload
_TRY_S = const(90)  # the longest upload
_LISTEN_S = const(5)  # for commands, and to answer them
_LOOK_MS = const(500)
_NEVER_S = const(1 << 28)
_GOOD = const(94)  # percent of the highest voltage: the radio may start
_LOW = const(90)  # it ends
_CHARGE_S = const(60)  # the longest that a start waits for the capacitor
_PATIENCE_S = const(3600)  # then the highest voltage is one of better days


class PowerSaver:
    """board: see firmware/board.py; session: client, task. is_busy: f() -> the radio has to stay,
    somebody sets the device up."""

    def __init__(self, board, session, wifi, clock, log):
        self._read_mv = board.supply_mv
        self._session = session
        self._wifi = wifi
        self._clock = clock
        self._log = log
        self._top_mv = 0  # the highest seen
        self.is_busy = lambda: False
        board.slow_down()

    async def charge(self):
        """Before anything else: waits while the voltage rises, a minute at most."""
        last = 0
        for _ in range(_CHARGE_S // 2):
            now = self._read_mv()
            if now is None or now * 100 <= last * 101:
                break
            last = now
            await asyncio.sleep(2)

    def _percent(self):
        """The supply voltage, in parts of the highest one."""
        now = self._read_mv()
        if not now:
            return 100
        self._top_mv = max(self._top_mv, now)
        return now * 100 // self._top_mv

    async def run(self):
        """For ever."""
        while True:
            done = await self._upload()
            await self._end()
            await self._rest(done)

    async def _upload(self):
        """True: the queue is empty."""
        session = self._session
        self._wifi.switch_off(0)
        if session.client and not session.task:
            session.task = asyncio.create_task(session.client.run())
        began = done = self._clock.uptime()
        while self.is_busy() or self._clock.uptime() - began < _TRY_S:
            await asyncio.sleep_ms(_LOOK_MS)
            if self._percent() < _LOW and not self.is_busy():
                self._log.event("power", "the supply voltage is low")
                return False
            client = session.client
            if client is None or not client.connected or len(client.outbox):
                done = self._clock.uptime()
            if self._clock.uptime() - done >= _LISTEN_S and not self.is_busy():
                return True
        return False

    async def _end(self):
        session = self._session
        if session.task:
            try:
                await session.client.leave()
            except OSError as error:
                self._log.event("power", "no good-bye: %s" % error)
            session.task.cancel()
            session.task = None
        self._wifi.switch_off(_NEVER_S)

    async def _rest(self, may_be_short):
        """may_be_short: a full queue is worth another try."""
        began = self._clock.uptime()
        while not self.is_busy():
            await asyncio.sleep_ms(_LOOK_MS)
            client = self._session.client
            waited = self._clock.uptime() - began
            is_full = may_be_short and client and client.outbox.bytes >= _FULL
            if waited < _UPLOAD_S and not is_full:
                continue
            if self._percent() >= _GOOD:
                return
            if waited >= _PATIENCE_S:
                self._top_mv = 0
