# uMeter - the valve: commands, limit and cron move it, every move is told and kept
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

import config
from firmware.control import limit
from firmware.control.actuator import Actuator
from firmware.control.limit import LimitGuard

_BLIND_S = const(86400)  # without readings for so long: the fail-safe position
_LOOK_S = const(60)
_ORIGINS = {1: "command", 2: "cron", 4: "web", 8: "serial"}


class Valve:
    """say: f(function, text) publishes. Built first of all: the stored state is driven at once."""

    def __init__(self, board, settings, state, clock, log, say):
        self._settings = settings
        self._state = state
        self._clock = clock
        self._log = log
        self._say = say
        self._fed = 0  # uptime of the last reading with a counter
        self.guard = LimitGuard(config.AUTO_CLOSE, config.AUTO_CLOSE_AT_ZERO)
        outputs = board.output("ac1"), board.output("ac2")
        self.actuator = Actuator(
            outputs, state, clock, config.THERMO_NO, config.THERMO_ON_AC_2,
            settings["motor_valve"], lambda: settings["switch_interval"],
        )  # fmt: skip
        if config.AC_TEST:
            self.actuator.test()

    def status(self):
        return "open" if self.actuator.is_open else "close"

    def limit(self):
        """As open_until answers it; "none" while there is none."""
        value = self.guard.limit(self._state["limit"])
        return "none" if value is None else limit.show(value, config.FLOW_METER)

    def move(self, is_open, origin):
        """From a command or a job: moves, keeps, tells."""
        self._move(is_open, _ORIGINS[origin])

    def _move(self, is_open, cause):
        changed = self.actuator.set(is_open)
        self._state.save()
        if changed:
            self._log.event("valve", "%s by %s" % (self.status(), cause))
            self._say("status", self.status())
            self._say("status_cause", cause)

    def take(self, reading):
        """After every reading, with or without network."""
        current = limit.counted(reading, config.FLOW_METER)
        if current is None:
            return
        self._fed = self._clock.uptime()
        self.actuator.release()
        self.guard.current = current
        if self.guard.waiting is not None:
            waiting, origin = self.guard.waiting
            self.guard.waiting = None
            for reply in self.open_until_delta(waiting, origin) or ():
                self._say(*reply)
        if self.actuator.is_open and self.guard.is_reached(self._state["limit"]):
            self._move(False, "limit")

    def open_until(self, value, origin):
        """Wh or litres; below zero nothing changes. -> replies."""
        if value >= 0:
            self._state.update({"limit": value})
            self._open(origin)
        stored = max(self._state["limit"], 0)
        return [("open_until", limit.show(stored, config.FLOW_METER)), ("status", self.status())]

    def open_until_delta(self, value, origin):
        """So much more than now. Before the first reading it waits, unanswered."""
        current = self.guard.current
        if current is None:
            if value >= 0:
                self.guard.waiting = (value, origin)
            return None
        if value >= 0:
            self._state.update({"limit": current + value})
            self._open(origin)
        left = limit.show(max(self._state["limit"], 0) - current, config.FLOW_METER)
        return [("open_until_delta", left), ("status", self.status())]

    def _open(self, origin):
        self._move(not self.guard.is_reached(self._state["limit"]), _ORIGINS[origin])

    async def run(self):
        """For ever: the fail-safe position while nobody watches the limit."""
        while True:
            await asyncio.sleep(_LOOK_S)
            wanted = self._settings["fail_safe"]
            if wanted != "keep" and self._clock.uptime() - self._fed > _BLIND_S:
                self._log.state("valve", "no readings: fail-safe position " + wanted)
                self.actuator.hold(wanted == "open")
