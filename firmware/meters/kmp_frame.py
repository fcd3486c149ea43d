# uMeter - KMP data link: start, stop, byte stuffing, CRC
# MIT license; Copyright (c) 2026 The uMeter authors

# Kamstrup KMP protocol description 5512-447 M1, section 3 (KMP). On the wire 80 and 40
# are always a start, 0D is always a stop and 06 is always an acknowledgement, as the
# same values inside a frame are stuffed: 1B and the complement.

from micropython import const

from firmware.crypto import crc

_REQUEST = const(0x80)
_REPLY = const(0x40)
_STOP = const(0x0D)
_ACK = const(0x06)
_ESCAPE = const(0x1B)
_STUFFED = b"\x80\x40\x0d\x06\x1b"
_MOST = const(1024)  # bytes of a frame, destuffed; the longest log reply has about 600

# Kinds of events that Framer.feed() reports
FRAME = const(1)  # a sound reply: address, CID, data; the CRC is cut off
ECHO = const(2)  # a whole request, heard again
ACK = const(3)
BAD = const(4)  # reason and what there is, destuffed, CRC included


def build(body):
    """Address, CID and data (bytes) -> the request's bytes on the wire."""
    check = crc.xmodem(body)
    frame = bytearray(b"\x80")
    for byte in body + bytes((check >> 8, check & 0xFF)):
        if byte in _STUFFED:
            frame.append(_ESCAPE)
            byte ^= 0xFF
        frame.append(byte)
    frame.append(_STOP)
    return bytes(frame)


class Framer:
    """Finds frames in what the line carries, whatever comes between them.

    most: bytes of a frame, destuffed, address to CRC.
    """

    def __init__(self, most=_MOST):
        self._most = most
        self._body = bytearray(most)
        self._start = 0  # 0: outside a frame, else its first byte
        self._length = 0
        self._escaped = False
        self.noise = 0  # bytes outside frames
        self.raw = b""  # last frame, destuffed, CRC included

    def reset(self):
        self._start = 0

    @property
    def inside(self):
        """True in the middle of a frame."""
        return self._start != 0

    def feed(self, data):
        """bytes -> list of (kind, value); value: body bytes, or for BAD the reason."""
        events = []
        for byte in data:
            if byte == _REPLY or byte == _REQUEST:
                if self._start:
                    self._bad(events, "truncated")
                self._start = byte
                self._length = 0
                self._escaped = False
            elif not self._start:
                if byte == _ACK:
                    events.append((ACK, b""))
                else:
                    self.noise += 1
            elif byte == _STOP:
                self._end(events)
            elif byte == _ESCAPE and not self._escaped:
                self._escaped = True
            else:
                self._take(byte, events)
        return events

    def _take(self, byte, events):
        if self._escaped:
            self._escaped = False
            byte ^= 0xFF
            if byte not in _STUFFED:
                self._bad(events, "stuffing_error")
                return
        if self._length >= self._most:
            self._bad(events, "too_long")
            return
        self._body[self._length] = byte
        self._length += 1

    def _end(self, events):
        length = self._length
        body = memoryview(self._body)[:length]
        if self._escaped:
            self._bad(events, "stuffing_error")
        elif self._start == _REQUEST:
            self.raw = bytes(body)
            self._start = 0
            events.append((ECHO, self.raw[:-2]))
        elif length < 4 or crc.xmodem(body):
            self._bad(events, "crc_error")
        else:
            self.raw = bytes(body)
            self._start = 0
            events.append((FRAME, self.raw[:-2]))

    def _bad(self, events, reason):
        # A damaged request is an echo that was hit: no reply was lost with it.
        if self._start == _REPLY:
            self.raw = bytes(self._body[: self._length])
            events.append((BAD, reason))
        self._start = 0
