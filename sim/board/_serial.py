# uMeter - what a UART hears of a sender that is set to another baud rate, format or polarity
# MIT license; Copyright (c) 2026 The uMeter authors

# The receiver of the ESP32 as of most chips: a falling edge on the quiet line begins a character,
# every bit is sampled in its middle, and if the start bit is no longer low there, there was none.
# Of the stop bits the first is looked at. A wrong parity or stop bit does not keep the character
# back: the driver of the ESP32 port hands it over and drops the error event.


def parse(text):
    """ "2400 8E1 inverted" to (baudrate, bits, parity, stop, inverted); parity None, 0, 1."""
    baudrate, frame, *rest = text.split(" ")
    if len(frame) != 3 or rest not in ([], ["inverted"]):
        raise ValueError("line: " + text)
    parity = {"N": None, "E": 0, "O": 1}[frame[1]]
    return int(baudrate), int(frame[0]), parity, int(frame[2]), bool(rest)


def byte_us(setting):
    """Duration of one character."""
    baudrate, bits, parity, stop, _ = setting
    return (1 + bits + (parity is not None) + stop) * 1_000_000 // baudrate


class Resampler:
    """Characters of the sender in, those that the receiver makes of the levels out."""

    def __init__(self, sender, receiver):
        """sender, receiver: see parse()."""
        self._sender = sender
        self._bits = receiver[1]
        self._samples = 1 + receiver[1] + (receiver[2] is not None)  # in front of the stop bit
        # In this unit of time both bits, and half of the receiver's, are whole numbers.
        self._bit = 2 * receiver[0]
        self._step = 2 * sender[0]
        self._flip = sender[4] != receiver[4]
        self._level = not self._flip
        self._due = -1  # time to the next sample; -1: waits for a falling edge
        self._done = 0  # samples of this character
        self._value = 0
        self._out = bytearray()

    def feed(self, data):
        """-> bytes that the receiver has finished meanwhile."""
        _, bits, parity, stop, _ = self._sender
        for byte in data:
            self._hold(0, 1)
            ones = 0
            for i in range(bits):
                self._hold(byte >> i & 1, 1)
                ones += byte >> i & 1
            if parity is not None:
                self._hold((ones + parity) & 1, 1)
            self._hold(1, stop)
        return self._taken()

    def idle(self, us):
        """The sender says nothing for so long."""
        most = (self._samples + 3) * self._step // self._bit + 1  # later nothing changes any more
        self._hold(1, min(most, us * self._sender[0] // 1_000_000))
        return self._taken()

    def _taken(self):
        out = bytes(self._out)
        self._out = bytearray()
        return out

    def _hold(self, level, bits):
        level = (level == 1) != self._flip
        if self._due < 0 and self._level and not level:
            self._due = self._step // 2
            self._done = self._value = 0
        self._level = level
        time = bits * self._bit
        while 0 <= self._due < time:
            self._sample(level)
        if self._due >= 0:
            self._due -= time

    def _sample(self, level):
        done = self._done
        if done == self._samples:
            self._out.append(self._value)
            self._due = -1
            return
        if done == 0 and level:
            self._due = -1
            return
        if 0 < done <= self._bits and level:
            self._value |= 1 << done - 1
        self._done = done + 1
        self._due += self._step
