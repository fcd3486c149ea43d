# uMeter - the gesture that brings factory settings back, right after the start
# MIT license; Copyright (c) 2026 The uMeter authors

# So that nobody does it by accident, it has two parts, as with the reader of HAN ports in Norway:
# the lamp is lit for a second; press. It stays lit while the button is held, for two seconds, and
# goes out; let go within two seconds.

from micropython import const

_MASK = const(0x3FFFFFFF)  # of ticks_ms
_OFFER_MS = const(1000)
_HOLD_MS = const(2000)
_LET_GO_MS = const(2000)

IDLE = const(2)
RESET = const(3)
_OFFER = const(0)
_HOLD = const(1)
_LET_GO = const(2)


class Gesture:
    """now: ticks_ms; it begins with the first one."""

    def __init__(self, now):
        self._step = _OFFER
        self._since = now

    def look(self, pressed, now):
        """-> 0, 1: the lamp, and it is not over; IDLE: there was none; RESET: there was."""
        past = (now - self._since) & _MASK
        if self._step == _OFFER:
            if pressed:
                return self._next(_HOLD, now)
            return 1 if past < _OFFER_MS else IDLE
        if self._step == _HOLD:
            if not pressed:
                return IDLE
            return 1 if past < _HOLD_MS else self._next(_LET_GO, now)
        if not pressed:
            return RESET
        return 0 if past < _LET_GO_MS else IDLE

    def _next(self, step, now):
        self._step = step
        self._since = now
        return 1 if step == _HOLD else 0
