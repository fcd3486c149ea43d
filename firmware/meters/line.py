# uMeter - a serial line, for asyncio
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
from micropython import const
from time import ticks_diff, ticks_ms

_LOOK_MS = const(5)  # nothing wakes the loop when a byte comes in


class Line:
    """Half-duplex view of a machine.UART (any, readinto, write, init)."""

    def __init__(self, uart, baudrate, bits, parity, stop, invert=0):
        """invert: the UART's mask of lines that the board's circuit turns over."""
        self._uart = uart
        self._invert = invert
        self._remember(baudrate, bits, parity, stop)

    def configure(self, baudrate, bits, parity, stop, inverted=None):
        """inverted: whether what comes in is; None: as the board's circuit has it."""
        invert = self._invert
        if inverted is not None:
            invert = self._uart.INV_RX if inverted else 0
        self._uart.init(baudrate=baudrate, bits=bits, parity=parity, stop=stop, invert=invert)
        self._remember(baudrate, bits, parity, stop)

    def _remember(self, baudrate, bits, parity, stop):
        self.baudrate = baudrate
        self._byte_bits = 1 + bits + (parity is not None) + stop

    def byte_ms(self, count):
        """Milliseconds that count bytes take on the line, rounded up."""
        return -(-count * self._byte_bits * 1000 // self.baudrate)

    def send(self, data):
        self._uart.write(data)

    def discard(self):
        """Drops what has been received."""
        while self._uart.any():
            self._uart.read(self._uart.any())

    async def receive(self, buf, timeout_ms):
        """Waits for the first byte; -> how many bytes are in buf, 0 after the timeout."""
        start = ticks_ms()
        while not self._uart.any():
            if ticks_diff(ticks_ms(), start) >= timeout_ms:
                return 0
            await asyncio.sleep_ms(_LOOK_MS)
        return self._uart.readinto(buf) or 0
