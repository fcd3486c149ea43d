# uMeter - the valve's actuator on AC 1, and AC 2
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const

_PWM_PERIOD_MS = const(10000)  # triac and thermo actuator are slow; MeterLogger section 7.1
_TEST_MS = const(12000)
_MOTOR_MS = const(60000)  # a motor valve needs so long from end to end
_REST_MS = const(500)  # before it turns back: a triac conducts until the mains' next zero
_MOST_PER_MILLE = const(1000)


class Actuator:
    """Drives what the state says.

    outputs: [f(level)] of AC 1 and AC 2, a missing one is None. state: Settings with "valve".
    normally_open: open without current. mirror: AC 2 does what AC 1 does.
    motor: a motor valve instead of a thermo actuator: AC 1 opens it, AC 2 closes it.
    switch_interval: f() -> seconds that lie between two moves of the valve at least.
    """

    def __init__(self, outputs, state, clock, normally_open, mirror, motor, switch_interval):
        self._ac1, self._ac2 = outputs
        self._state = state
        self._clock = clock
        self._normally_open = normally_open
        self._mirror = mirror
        self._has_motor = motor
        self._switch_interval = switch_interval
        self._pattern = None  # task of pwm, test or motor; None: static
        self._moved = None  # uptime of the last move
        self._later = None  # task of a move that has to wait
        self._held = None  # True, False: the fail-safe position, instead of the state
        self._position = None  # last one driven to: True is open
        self._turned = None  # the same, of a motor valve that is there or on its way
        self._tests = self._stays = False  # the pattern is that of test(); it is to stay
        self.level = self._level2 = None  # of AC 1, AC 2
        self._drive()

    @property
    def is_open(self):
        """What was commanded, or the fail-safe position; `status` reports it."""
        return self._state["valve"] if self._held is None else self._held

    def set(self, is_open):
        """Open or close; the caller saves the state."""
        self._state.update({"valve": is_open})
        self._held = None
        self._aim()

    def hold(self, is_open):
        """Fail-safe: this position until the next command or release(); the state stays."""
        if self._held is not is_open:
            self._held = is_open
            self._aim()

    def release(self):
        if self._held is not None:
            self._held = None
            self._aim()

    def _aim(self):
        """A wish said again is no new one: a motor would have current for ever."""
        if not self._stays and (self._turned is not self.is_open or self._later):
            self._stop()
            self._move()

    def _move(self):
        wait = 0
        if self._moved is not None:
            wait = self._moved + self._switch_interval() - self._clock.uptime()
        if wait <= 0 or self._position == self.is_open:
            self._drive()
        elif self._later is None:
            self._later = asyncio.create_task(self._move_later(wait))

    async def _move_later(self, seconds):
        await asyncio.sleep(seconds)
        self._later = None
        self._drive()

    def _drive(self):
        is_open = self.is_open
        if is_open != self._position:
            self._moved = self._clock.uptime()
        self._position = is_open
        if self._has_motor:
            self._motor(is_open)
        else:
            self._put_one(0 if is_open == self._normally_open else 1)

    def _put_one(self, level):
        self._put(level, level if self._mirror else None)

    def _put_first(self, level):
        self._put(level, 0)

    def _put(self, level1, level2):
        self.level = level1
        if self._ac1:
            self._ac1(level1)
        if level2 is not None:
            self._level2 = level2
            if self._ac2:
                self._ac2(level2)

    def _stop(self):
        self._turned = None
        self._tests = self._stays = False
        if self._pattern:
            self._pattern.cancel()
            self._pattern = None
        if self._later:
            self._later.cancel()
            self._later = None

    def off(self):
        """Both outputs without current; the state stays."""
        self._stop()
        self._put(0, 0)

    def pwm(self, per_mille):
        """AC 1 so many thousandths of every ten seconds, until the next command.

        ValueError: too many, or a motor, which has current in one direction for a minute.
        """
        if self._has_motor:
            raise ValueError("a motor valve can only open and close")
        if not 0 <= per_mille <= _MOST_PER_MILLE:
            raise ValueError("0 to 1000 per mille")
        self._stop()
        on_ms = _PWM_PERIOD_MS * per_mille // _MOST_PER_MILLE
        if on_ms in (0, _PWM_PERIOD_MS):
            self._put_one(int(on_ms > 0))
        else:
            off_ms = _PWM_PERIOD_MS - on_ms
            self._pattern = asyncio.create_task(self._repeat(self._put_one, on_ms, off_ms))

    def test(self, stays=False):
        """AC 1 on and off every 12 s, AC 2 without current, until the next command.

        stays: no wish to open or close ends it [MeterLogger section 7.5, AC_TEST].
        """
        if self._tests:
            return
        self._stop()
        self._tests, self._stays = True, stays
        self._pattern = asyncio.create_task(self._repeat(self._put_first, _TEST_MS, _TEST_MS))

    def _motor(self, is_open):
        """AC 1 opens, AC 2 closes; a minute moves the valve from end to end."""
        self._stop()
        self._turned = is_open
        other = self._level2 if is_open else self.level
        if other:
            self._put(0, 0)
        else:
            self._put(int(is_open), int(not is_open))
        self._pattern = asyncio.create_task(self._run_motor(is_open, other))

    async def _run_motor(self, is_open, rests):
        if rests:
            await asyncio.sleep_ms(_REST_MS)
            self._put(int(is_open), int(not is_open))
        await asyncio.sleep_ms(_MOTOR_MS)
        self._pattern = None
        self._put(0, 0)

    async def _repeat(self, put, on_ms, off_ms):
        while True:
            put(1)
            await asyncio.sleep_ms(on_ms)
            put(0)
            await asyncio.sleep_ms(off_ms)
