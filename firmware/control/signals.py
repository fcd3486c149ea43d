# uMeter - what the lamp shows, and how long a button is held
# MIT license; Copyright (c) 2026 The uMeter authors

# MeterLogger section 9.1 has the patterns A, B, C and the single flashes; the reader of HAN ports
# in Norway has the counted flashes of errors, which take turns every 3 s. Both are in one table.

from micropython import const

_UNIT_MS = const(50)
_MASK = const(0x3FFFFFFF)  # of ticks_ms: differences stay right when it wraps
_HELD_MS = const(5000)

_A = const(b"\x14\x14")
_B = const(b"\x04\x04")
_C = const(b"\x02\x02\x02\x36")

# What is the case, and the pattern for it: units on, off, on, off ..., over and over. The first
# one that is the case is shown; errors, at the end, take turns.
PATTERNS = (
    "setup", _C,  # the set-up network is there
    "radio_off", _B,  # Wi-Fi is being restarted
    "open", _B,  # LED_ON_AC: the valve
    "closed", _A,
    "fallback_online", _B,  # in the fallback network, with the broker
    "fallback", _A,  # in the fallback network
    "no_broker", b"\x3c\x00",  # in a network, and no broker is configured
    "no_data", b"\x05\x37",  # error 1: no valid data of the meter
    "no_mqtt", b"\x05\x08\x05\x2a",  # error 2: no connection to the broker
    "no_wifi", b"\x05\x08\x05\x08\x05\x1d",  # error 3
)  # fmt: skip
_ERRORS = const(14)  # from there on


class Lamp:
    """now: ticks_ms. Dark at first."""

    def __init__(self):
        self.shown = []  # places in PATTERNS, shown in turn
        self.is_error = False
        self._pattern = b""
        self._since = 0
        self._flash = 0  # ms left of a single flash, at _since

    def show(self, case, now):
        """case: f(name) -> it is so. A new pattern starts with its beginning."""
        found = []
        for i in range(0, len(PATTERNS), 2):
            if case(PATTERNS[i]):
                found.append(i)
                if i < _ERRORS:
                    break
        if found != self.shown:
            self.shown = found
            self.is_error = bool(found) and found[0] >= _ERRORS
            self._pattern = b"".join([PATTERNS[i + 1] for i in found])
            self._since = now
            self._flash = 0

    def flash(self, ms, now):
        """A single one; patterns go before."""
        if not self.shown:
            self._since = now
            self._flash = ms

    def lit(self, now):
        """0 or 1"""
        past = (now - self._since) & _MASK
        if not self._pattern:
            if past >= self._flash:
                self._flash = 0  # else it would come back when ticks_ms wraps
            return int(self._flash > 0)
        past = past // _UNIT_MS % sum(self._pattern)
        level = 1
        for units in self._pattern:
            if past < units:
                break
            past -= units
            level ^= 1
        return level


class Button:
    """Tells of one long press each time that it is held for 5 s."""

    def __init__(self):
        self._since = None  # None: let go; -1: held, and told already

    def held(self, pressed, now):
        """To be asked again and again; True: now."""
        if not pressed:
            self._since = None
        elif self._since is None:
            self._since = now
        elif self._since >= 0 and (now - self._since) & _MASK >= _HELD_MS:
            self._since = -1
            return True
        return False
