# uMeter - general block transfer: one APDU in several numbered blocks
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: DLMS UA Green Book section 9.3.7 and 9.4.6.13.
#   E0 | control | block number 2 | block number acknowledged 2 | length | data
# control: 0x80 last block, 0x40 streaming, 0x3F window. Numbers begin at 1 and grow by one.

from micropython import const

from firmware.meters.ber import length_at
from firmware.meters.han_telegram import FrameError

TAG = const(0xE0)
_LAST = const(0x80)
_HEADER = const(6)


class BlockTransfer:
    """Puts blocks together. parts: what an Assembly offers."""

    def __init__(self, parts):
        self._parts = parts
        self._next = 1  # block number that must come; 1: nothing is open

    @property
    def open(self):
        return self._next > 1

    def reset(self):
        self._next = 1
        self._parts.reset()

    def add(self, block):
        """One block with its tag; the whole APDU once it is complete, else None. FrameError."""
        if len(block) <= _HEADER:
            raise FrameError("reject", "structure")
        size, start = length_at(block, _HEADER, len(block))
        if size < 0 or start + size != len(block):
            raise FrameError("reject", "structure")
        number = block[2] << 8 | block[3]
        expected = self._next
        if number == 1:
            self.reset()
        elif number != expected:
            self.reset()
            if expected > 1:
                raise FrameError("reject", "order")
            raise FrameError("no_values", "headless")
        self._parts.add(block[start:])
        self._next = number + 1
        if not block[1] & _LAST:
            return None
        self._next = 1
        return self._parts.take()
