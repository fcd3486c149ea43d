# uMeter - decoder of a HAN or P1 push: bytes in, telegrams out
# MIT license; Copyright (c) 2026 The uMeter authors

# The first byte tells the link layer: 7E HDLC, 68 wired M-Bus, "/" P1 text; DB may stand alone.
# What is no frame is skipped byte by byte, so a good frame behind a bad one is always found.

from micropython import const

from firmware.meters import glo, han_bare, hdlc, llc, mbus, p1, p1_lines
from firmware.meters.assembly import Assembly
from firmware.meters.han_message import MessageDecoder
from firmware.meters.han_telegram import FrameError, Telegram
from firmware.meters.scan import BAD, NEED, NOISE, OK

_FLAG = const(0x7E)
_LONG_FRAME = const(0x68)
_SLASH = const(0x2F)
_MESSAGE_GAP_MS = const(5000)  # parts of a message that come later than this do not belong to it

# What may begin an APDU without a link layer, see _bare.
_NOTHING = const(0)
_CIPHERED = const(1)
_ANYTHING = const(2)


class HanDecoder:
    """Decodes the push of one meter.

    encryption_key, authentication_key: 16 bytes or None. replay: see glo.Decipher.
    multipliers: {"W" | "V" | "A" | "kWh": thousandths}. zone_min: minutes of the meter's standard
    time east of UTC. bare: also take APDUs without a link layer (captures). keep_apdu: telegrams
    carry the clear APDU. limit: bytes of the longest frame and the longest message.
    """

    def __init__(
        self,
        encryption_key=None,
        authentication_key=None,
        replay="auto",
        multipliers=None,
        zone_min=60,
        bare=False,
        keep_apdu=False,
        limit=2048,
    ):
        decipher = glo.Decipher(encryption_key, authentication_key, replay)
        self._message = MessageDecoder(decipher, limit, multipliers, zone_min, keep_apdu)
        self._buf = bytearray(limit)
        self._view = memoryview(self._buf)
        self._limit = limit
        self._pos = 0  # the first byte that is not done with
        self._end = 0
        self._wanted = 0  # no look before the buffer is filled up to here
        parts = Assembly(limit)
        self._segments = hdlc.Segments(parts)
        self._frames = mbus.Segments(parts)
        self._text = p1.Scanner(limit)
        self._lenient = bare
        # A good frame with a link layer ends this. In front of _shadow stands a frame that is
        # damaged or cut: no APDU inside it may be taken. In front of _weak only DB may.
        self._bare = _ANYTHING if bare else _CIPHERED
        self._shadow = 0
        self._weak = 0
        self._out = []

    def feed(self, data):
        """Takes the next bytes from the line; list of the Telegrams that they complete."""
        used = 0
        while used < len(data):
            if self._end == self._limit:
                self._compact()
            part = min(self._limit - self._end, len(data) - used)
            self._view[self._end : self._end + part] = memoryview(data)[used : used + part]
            self._end += part
            used += part
            self._scan()
        return self._taken()

    def idle(self, gap_ms):
        """The line was silent for gap_ms, longer than within a frame: what began will not end."""
        self._drop()
        if gap_ms >= _MESSAGE_GAP_MS:
            self._reset_messages()
        return self._taken()

    def finish(self):
        """No more bytes will come; the list ends with what remained open, if anything did."""
        if self._lenient:
            self._take_text_body()
        pending = self._end - self._pos > 1
        self._drop()
        if self._segments.open or self._frames.open or self._message.open:
            layers = ["mbus"] if self._frames.open else ["hdlc"]
            self._out.append(Telegram("need_more", "incomplete", layers))
        elif pending:
            self._out.append(Telegram("no_values", "incomplete", []))
        self._reset_messages()
        return self._taken()

    def _taken(self):
        if not self._out:
            return ()
        out = self._out
        self._out = []
        return out

    def _compact(self):
        # Moves what is not done with to the front.
        left = self._end - self._pos
        if self._pos:
            self._view[:left] = bytes(self._view[self._pos : self._end])
            self._wanted -= self._pos
            self._shadow -= self._pos
            self._weak -= self._pos
            self._pos = 0
            self._end = left

    def _scan(self):
        while self._pos < self._end and self._end >= self._wanted:
            found = self._look()
            state = found[0]
            if state == NEED and found[1] <= self._limit:
                self._wanted = self._pos + found[1]
                if found[4]:
                    self._shadow = max(self._shadow, self._wanted)
                if self._wanted > self._limit:
                    self._compact()
                return
            pos = self._pos
            self._pos = pos + (found[1] if state == OK else 1)
            self._wanted = 0
            if state == OK or state == BAD:
                self._frame(pos, found)
            elif found[3] > self._shadow:
                self._shadow = found[3]
        if self._pos == self._end:
            self._compact()

    def _look(self):
        view = self._view
        pos = self._pos
        first = view[pos]
        if first == _FLAG:
            return hdlc.scan(view, pos, self._end)
        if first == _LONG_FRAME:
            return mbus.scan(view, pos, self._end)
        if first == _SLASH:
            return self._text.scan(view, pos, self._end)
        if self._bare and pos >= self._shadow and first in han_bare.STARTS:
            if first == glo.TAG or (self._bare == _ANYTHING and pos >= self._weak):
                return han_bare.scan(view, pos, self._end, self._message.tape)
        return (NOISE, 1, 0, 0, 0, "")

    def _frame(self, pos, found):
        # A good frame, or one that is damaged.
        state, _, start, stop, extra, reason = found
        first = self._view[pos]
        telegram = Telegram("reject", reason, [])
        if first == _FLAG or first == _LONG_FRAME or first == _SLASH:
            if state == OK:
                self._bare = _NOTHING
            else:
                self._shadow = max(self._shadow, stop)
        try:
            if first == _SLASH:
                self._message_p1(pos, start, stop, extra, state, telegram)
                return
            data = self._view[start:stop]
            if state == BAD:
                self._damaged(first, data, telegram)
            elif self._linked(first, data, extra, telegram):
                self._out.append(telegram)
        except FrameError as error:
            telegram.result = error.result
            telegram.reason = error.reason
            telegram.values.clear()
            self._out.append(telegram)
            if first in han_bare.STARTS and error.result == "reject":
                # Nothing but its own length says that this was a frame: look inside.
                self._weak = max(self._weak, self._pos)
                self._pos = pos + 1

    def _message_p1(self, pos, start, stop, kind, state, telegram):
        if state == BAD:
            telegram.layers.append("p1")
            raise FrameError("reject", telegram.reason)
        self._message.decode_p1(self._view, pos, start, stop, kind, telegram)
        self._out.append(telegram)

    def _damaged(self, first, data, telegram):
        telegram.layers.append("mbus" if first == _LONG_FRAME else "hdlc")
        result = self._message.damaged(data)
        self._reset_messages()
        raise FrameError(result, telegram.reason if result == "reject" else "clear_copy")

    def _linked(self, first, data, extra, telegram):
        # The message that this frame completes, decoded; False if there is none yet.
        if first == _LONG_FRAME:
            telegram.layers.append("mbus")
            data = self._frames.add(extra, data)
        elif first == _FLAG:
            if not len(data):
                return False  # no information field: a frame without a message
            if llc.begins(data):
                self._lost()
            telegram.layers.append("hdlc-seg" if extra or self._segments.open else "hdlc")
            data = self._segments.add(extra, data)
        elif extra == han_bare.WRAPPED:
            telegram.layers.append("wrapper")
        if data is None:
            return False
        return self._message.decode(data, telegram)

    def _lost(self):
        # A new message begins before the last one has ended.
        if self._segments.open or self._message.open:
            self._out.append(Telegram("reject", "lost", ["hdlc"]))
            self._reset_messages()

    def _reset_messages(self):
        self._segments.reset()
        self._frames.reset()
        self._message.reset()

    def _drop(self):
        # What waits for more bytes is no frame: look for one behind its first byte.
        if self._pos < self._end:
            self._weak = max(self._weak, self._end)
        while self._pos < self._end:
            self._pos += 1
            self._wanted = 0
            self._text.reset()
            self._scan()

    def _take_text_body(self):
        # A copied P1 telegram may lack its "!"; it counts if it ends with a whole line.
        pos = self._pos
        if pos == self._end or self._view[pos] != _SLASH:
            return
        start = p1.ident_end(self._view, pos, self._end)
        if start > 0 and p1_lines.complete(self._view, start, self._end):
            self._pos = self._end
            self._frame(pos, (OK, 0, start, self._end, p1.UNCHECKED, ""))
