# uMeter - module select of the virtual board
# MIT license; Copyright (c) 2026 The uMeter authors

# The machine's poll does not wake up for a soft interrupt or timer of the simulated hardware. The
# chip looks every tick (10 ms), so does this one; only worlds with such things pay for it.

import uselect as _uselect
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT, poll  # noqa: F401

import world as _world

_TICK_MS = 10


class _TickingPoll:
    def __init__(self):
        self._poll = _uselect.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout=-1):
        while True:
            step = _TICK_MS if timeout < 0 else min(timeout, _TICK_MS)
            ready = self._poll.poll(step)
            if ready or timeout == 0:
                return ready
            if timeout > 0:
                timeout -= step

    def ipoll(self, timeout=-1, flags=0):
        return self.poll(timeout)


if "pulses" in _world.config or "control" in _world.config:
    poll = _TickingPoll
