# uMeter - bounded buffer that puts the parts of a message together
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.meters.han_telegram import FrameError


class Assembly:
    """Used for HDLC segments, M-Bus frames and GBT blocks.

    A meter that sends its pushes in one piece never causes the buffer to be made.
    """

    def __init__(self, limit):
        self._limit = limit
        self._view = None  # made with the first part
        self._used = 0

    def reset(self):
        self._used = 0

    def add(self, part):
        """Appends; FrameError if the message becomes longer than the limit."""
        if self._view is None:
            self._view = memoryview(bytearray(self._limit))
        used = self._used + len(part)
        if used > self._limit:
            self._used = 0
            raise FrameError("reject", "overflow")
        self._view[self._used : used] = part
        self._used = used

    def take(self):
        """The message so far, valid until the next add(); the buffer counts as empty."""
        used = self._used
        self._used = 0
        return self._view[:used]
