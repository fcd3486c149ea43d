# uMeter - replay guard: a message that changes something is accepted once, ever
# MIT license; Copyright (c) 2026 The uMeter authors

# Inside the window the signatures are remembered. What falls out of memory, by age or for want
# of room, raises the floor: what is not newer than it is refused, also if the clock is set back.
# The newest accepted time is kept in the flash and is the floor after a reset.

from micropython import const

_WINDOW_S = const(1800)
_MOST = const(64)  # signatures in memory
_KEPT = const(16)  # bytes of each; as hard to collide as the AES key is to guess


class ReplayGuard:
    """floor: unix time of the newest message that was accepted before the reset, 0 for none."""

    def __init__(self, floor=0, most=_MOST):
        self._floor = floor
        self._most = most
        self._seen = {}  # start of the signature -> time of the message
        self.newest = floor  # what has to be kept over a reset

    def accept(self, mac, when, now):
        """ValueError: seen before, or too old to tell. Else it is remembered.

        mac: signature, bytes; when: unix time in its topic; now: unix time.
        """
        mac = bytes(mac[:_KEPT])
        if mac in self._seen:
            raise ValueError("replay")
        self._forget(now)
        if when <= self._floor:
            raise ValueError("replay floor")
        if len(self._seen) >= self._most:
            self._drop(min(self._seen, key=self._seen.get))
            if when <= self._floor:
                raise ValueError("replay floor")
        self._seen[mac] = when
        self.newest = max(self.newest, when)

    def _forget(self, now):
        for mac in [m for m, when in self._seen.items() if when < now - _WINDOW_S]:
            self._drop(mac)

    def _drop(self, mac):
        self._floor = max(self._floor, self._seen.pop(mac))
