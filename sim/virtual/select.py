# uMeter - module select in virtual time: waiting lets the clock run to what comes next
# MIT license; Copyright (c) 2026 The uMeter authors

import uselect as _uselect
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT  # noqa: F401

import time as _time


class poll:
    def __init__(self):
        self._poll = _uselect.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout=-1):
        while True:
            ready = self._poll.poll(0)
            if ready or timeout == 0:
                return ready
            step = _time._next_event()
            if step is None and timeout < 0:
                raise RuntimeError("virtual time: everybody waits, nothing will ever happen")
            if step is None or 0 <= timeout < step:
                step = timeout
            _time._advance(step)
            if timeout > 0:
                timeout -= step

    def ipoll(self, timeout=-1, flags=0):
        return self.poll(timeout)
