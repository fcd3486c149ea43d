# uMeter - finds the frames of a push in the bytes from the line
# MIT license; Copyright (c) 2026 The uMeter authors

# The first byte tells the link layer: 7E HDLC, 68 wired M-Bus, "/" P1 text; DB may stand alone.
# What is no frame is skipped byte by byte, so a good frame behind a bad one is always found.

from micropython import const

from firmware.meters.scan import BAD, NEED, NOISE, OK

FLAG = const(0x7E)
LONG_FRAME = const(0x68)
SLASH = const(0x2F)
_DB = const(0xDB)
_BARE_STARTS = b"\x00\x0f\xdb\xe0\xe6"
_NOISE = (NOISE, 1, 0, 0, 0, "")

# What may begin an APDU without a link layer, see _bare.
_NOTHING = const(0)
_CIPHERED = const(1)
_ANYTHING = const(2)


class FrameFinder:
    """Bounded buffer and the search in it.

    take(view, pos, found) gets every frame, good or bad (found: see scan.py); False makes the
    search go on behind the frame's first byte, not behind the frame. bare: also look for APDUs
    without a link layer, not only for DB. message: the MessageDecoder.
    """

    def __init__(self, limit, bare, message, take):
        self.view = memoryview(bytearray(limit))
        self.pos = 0  # the first byte that is not done with
        self.end = 0
        self._limit = limit
        self._take = take
        self._message = message
        self._wanted = 0  # no look before the buffer is filled up to here
        # A good frame with a link layer ends this. In front of _shadow stands a frame that is
        # damaged or cut, whose first byte is _shadow_start: no APDU inside it may be taken, nor a
        # frame of another link than the line is known to have. In front of _weak only DB may.
        self._bare = _ANYTHING if bare else _CIPHERED
        self._shadow = 0
        self._shadow_start = 0
        self._proven = 0  # first byte of the last good frame with a link layer
        self._weak = 0
        # Layers are loaded when the first byte asks for them: a meter needs one.
        self._scanners = {}  # first byte -> scan(view, pos, end)
        self._text = None  # the Scanner of P1

    def feed(self, data):
        """Takes the next bytes from the line."""
        used = 0
        while used < len(data):
            if self.end == self._limit:
                self._compact()
            part = min(self._limit - self.end, len(data) - used)
            self.view[self.end : self.end + part] = memoryview(data)[used : used + part]
            self.end += part
            used += part
            self._scan()

    def drop(self):
        """What waits for more bytes will not get them: looks for a frame behind its first."""
        if self.pos < self.end:
            self._weak = max(self._weak, self.end)
        while self.pos < self.end:
            self.pos += 1
            self._wanted = 0
            if self._text:
                self._text.reset()
            self._scan()
        self._shadow = 0  # what comes after the silence is not part of it

    def _compact(self):
        # Moves what is not done with to the front.
        pos = self.pos
        if pos:
            left = self.end - pos
            if left:
                self.view[:left] = bytes(self.view[pos : self.end])
            self._wanted -= pos
            self._shadow -= pos
            self._weak -= pos
            self.pos = 0
            self.end = left

    def _skip(self):
        # Over what begins no frame: to look at each byte of a damaged telegram takes the chip
        # more than 100 ms.
        view, pos, end = self.view, self.pos, self.end
        while pos < end:
            first = view[pos]
            if first == FLAG or first == LONG_FRAME or first == SLASH or first == _DB:
                break
            pos += 1
        self.pos = pos

    def _scan(self):
        while self.pos < self.end and self.end >= self._wanted:
            pos = self.pos
            found = self._look(pos)
            state = found[0]
            if state == NEED and found[1] <= self._limit:
                self._wanted = pos + found[1]
                if found[4]:
                    self._cast(pos, self._wanted)
                if self._wanted > self._limit:
                    self._compact()
                return
            self.pos = pos + (found[1] if state == OK else 1)
            self._wanted = 0
            if state == OK or state == BAD:
                self._frame(pos, found)
            elif found[3]:
                self._cast(pos, found[3])
            if state != OK and self._bare != _ANYTHING:
                self._skip()
        if self.pos == self.end:
            self._compact()

    def _frame(self, pos, found):
        linked = self.view[pos] in (FLAG, LONG_FRAME, SLASH)
        if linked and found[0] == OK:
            self._bare = _NOTHING
            self._proven = self.view[pos]
        elif linked:
            self._cast(pos, found[3])
        if not self._take(self.view, pos, found) and found[0] == OK:
            if not linked:
                self._weak = max(self._weak, self.pos)
            self.pos = pos + 1

    def _cast(self, pos, stop):
        # A frame that begins at pos is damaged or cut up to stop.
        if stop > self._shadow:
            self._shadow = stop
            self._shadow_start = self.view[pos]

    def _look(self, pos):
        first = self.view[pos]
        if pos < self._shadow and first != self._shadow_start == self._proven:
            return _NOISE
        scan = self._scanners.get(first)
        if scan is None:
            if first == FLAG or first == LONG_FRAME or first == SLASH:
                scan = self._load(first)
            elif self._bare and first in _BARE_STARTS:
                weak = self._bare != _ANYTHING or pos < self._weak
                if pos < self._shadow or (weak and first != _DB):
                    return _NOISE
                from firmware.meters import han_bare

                return han_bare.scan(self.view, pos, self.end, self._message.tape)
            else:
                return _NOISE
        return scan(self.view, pos, self.end)

    def _load(self, first):
        if first == FLAG:
            from firmware.meters.hdlc import scan
        elif first == LONG_FRAME:
            from firmware.meters.mbus import scan
        else:
            from firmware.meters.p1 import Scanner

            self._text = Scanner(self._limit)
            scan = self._text.scan
        self._scanners[first] = scan
        return scan
