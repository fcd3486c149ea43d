# uMeter - the valve: commands, limit and cron move it, every move is told and kept
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

import config
from firmware import overlay
from firmware.control import limit
from firmware.control.actuator import Actuator
from firmware.control.limit import LimitGuard

_BLIND_S = const(86400)  # without readings for so long: the fail-safe position
_LOOK_S = const(60)
_CRON = const(2)  # control.commands.CRON
_ORIGINS = {1: "command", 2: "cron", 4: "web", 8: "serial"}


class Valve:
    """say: f(function, text) publishes. Built first of all: the stored state is driven at once."""

    def __init__(self, board, settings, state, clock, log, say):
        self._settings = settings
        self.state = state
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
            self.actuator.test(stays=True)

    def status(self):
        return "open" if self.actuator.is_open else "close"

    def obey(self, changes, origin):
        """From a command or a job: keeps, moves, tells. changes: "valve" and "limit" of the state.

        ValueError: the flash did not take it, and nothing moved. A job has nobody who would ask
        again: it moves all the same.
        """
        state, before = self.state, self.status()
        old = {name: state[name] for name in changes}
        state.update(changes)
        if not state.save() and origin != _CRON:
            from firmware.control.commands import NOT_KEPT

            state.update(old)
            raise ValueError(NOT_KEPT)
        self.guard.waiting = None  # whoever decides now decides for what came before
        self.actuator.set(state["valve"])
        self._tell(before, _ORIGINS[origin])

    def obey_limit(self, value, origin):
        """A new limit, Wh or litres: opens, or closes at once. As obey()."""
        self.obey({"limit": value, "valve": not self.guard.is_reached(value)}, origin)

    def _tell(self, before, cause):
        if self.status() != before:
            self._log.event("valve", "%s by %s" % (self.status(), cause))
            self._say("status", self.status())
            self._say("status_cause", cause)

    def take(self, reading):
        """After every reading, with or without network."""
        current = limit.counted(reading, config.FLOW_METER)
        if current is None:
            return
        self._fed = self._clock.uptime()
        before = self.status()
        self.actuator.release()
        self._tell(before, "meter")
        self.guard.current = current
        if self.guard.waiting is not None:
            self._obey_late()
        if self.actuator.is_open and self.guard.is_reached(self.state["limit"]):
            before = self.status()
            self.actuator.set(False)  # whatever the flash says
            self.state.save()
            self._tell(before, "limit")

    def _obey_late(self):
        """What open_until_delta waited for is there."""
        try:
            from firmware.app import valve_commands

            for reply in valve_commands.late_delta(self):
                self._say(*reply)
        except MemoryError:  # the limit is watched all the same
            self._log.event("valve", "no room for open_until_delta, it waits")
        overlay.free("firmware.app.valve_commands", "firmware.control.amount")

    async def run(self):
        """For ever: the fail-safe position while nobody watches the limit."""
        while True:
            await asyncio.sleep(_LOOK_S)
            wanted = self._settings["fail_safe"]
            if wanted != "keep" and self._clock.uptime() - self._fed > _BLIND_S:
                self._log.state("valve", "no readings: fail-safe position " + wanted)
                before = self.status()
                self.actuator.hold(wanted == "open")
                self._tell(before, "fail_safe")
