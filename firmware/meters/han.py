# uMeter - decoder of a HAN or P1 push: bytes in, telegrams out
# MIT license; Copyright (c) 2026 The uMeter authors

from micropython import const

from firmware.meters import llc
from firmware.meters.han_link import FLAG, LONG_FRAME, SLASH, FrameFinder
from firmware.meters.han_message import MessageDecoder
from firmware.meters.han_telegram import FrameError, Telegram
from firmware.meters.scan import BAD, CHECKED

_MESSAGE_GAP_MS = const(5000)  # parts of a message that come later than this do not belong to it


class HanDecoder:
    """Decodes the push of one meter.

    encryption_key, authentication_key: 16 bytes or None. replay: see glo.Decipher.
    multipliers: {"W" | "V" | "A" | "kWh": decimal text}. zone_min: minutes of the meter's
    standard time east of UTC. bare: also take APDUs without a link layer (captures). keep_apdu:
    telegrams carry the clear APDU. limit: bytes of the longest frame and the longest message.

    proofs, damaged: what the line has brought in all. A frame with a checksum that fits proves
    twice as much as one without.
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
        limit=2052,
    ):
        if replay not in ("auto", "warn", "drop"):
            raise ValueError("replay: auto, warn or drop")
        found = None
        if multipliers:
            from firmware.meters.han_factors import factors

            found = factors(multipliers)
        keys = encryption_key, authentication_key, replay
        self._message = MessageDecoder(keys, limit, found, zone_min, keep_apdu)
        self._finder = FrameFinder(limit, bare, self._message, self._frame)
        self._limit = limit
        self._lenient = bare
        self._parts = None  # Segments of the link _parts_of, once a message came in parts
        self._parts_of = 0
        self._out = []
        self.proofs = 0
        self.damaged = 0

    def feed(self, data):
        """Takes the next bytes from the line; list of the Telegrams that they complete."""
        self._finder.feed(data)
        return self._taken()

    def idle(self, gap_ms):
        """The line was silent for gap_ms, longer than within a frame: what began will not end."""
        self._finder.drop()
        if gap_ms >= _MESSAGE_GAP_MS:
            self._reset()
        return self._taken()

    def _taken(self):
        if not self._out:
            return ()
        out = self._out
        self._out = []
        return out

    def _frame(self, view, pos, found):
        # A frame, good or damaged; False if it was none after all.
        state, _, start, stop, extra, reason = found
        first = view[pos]
        checked = first in (FLAG, LONG_FRAME) or (first == SLASH and extra == CHECKED)
        if state == BAD:
            self.damaged += 1
        elif checked:
            self.proofs += 2
        telegram = Telegram("reject", reason, [])
        try:
            if first == SLASH:
                if state == BAD:
                    telegram.layers.append("p1")
                    raise FrameError("reject", reason)
                self._message.decode_p1(view, pos, start, stop, extra, telegram)
            elif state == BAD:
                self._damaged(first, view[start:stop], telegram)
            elif not self._message_in(first, view[start:stop], extra, telegram):
                return True
        except FrameError as error:
            telegram.result = error.result
            telegram.reason = error.reason
            telegram.values.clear()
        self._out.append(telegram)
        if not checked and (telegram.title is not None or telegram.result == "values"):
            self.proofs += 1
        # Without a link layer nothing but its own length says that this was a frame.
        return telegram.result not in ("reject", "need_key") or first in (FLAG, LONG_FRAME)

    def _damaged(self, first, data, telegram):
        telegram.layers.append("mbus" if first == LONG_FRAME else "hdlc")
        result = self._message.damaged(data)
        self._reset()
        raise FrameError(result, telegram.reason if result == "reject" else "clear_copy")

    def _message_in(self, first, data, extra, telegram):
        # The message that this frame completes, decoded; False if there is none yet.
        layers = telegram.layers
        if first == LONG_FRAME:
            layers.append("mbus")
            data = self._segments(first).add(extra, data)
        elif first == FLAG:
            if not len(data):
                return False  # no information field: a frame without a message
            parts_open = self._parts is not None and self._parts.open
            if llc.begins(data) and (parts_open or not self._message.goes_on(data)):
                self._lost()
                parts_open = False
            segmented = extra or parts_open
            layers.append("hdlc-seg" if segmented else "hdlc")
            if segmented:
                data = self._segments(first).add(extra, data)
        elif extra:
            layers.append("wrapper")
        return data is not None and self._message.decode(data, telegram)

    def _segments(self, first):
        # What puts the parts of this link together; another link's open parts are lost.
        if self._parts_of != first:
            from firmware.meters.assembly import Assembly

            if first == FLAG:
                from firmware.meters.hdlc import Segments
            else:
                from firmware.meters.mbus import Segments
            self._parts = Segments(Assembly(self._limit))
            self._parts_of = first
        return self._parts

    def _lost(self):
        # A new message begins before the last one has ended.
        if self._open():
            self._out.append(Telegram("reject", "lost", ["hdlc"]))
            self._reset()

    def _open(self):
        return (self._parts is not None and self._parts.open) or self._message.open

    def _reset(self):
        if self._parts:
            self._parts.reset()
        self._message.reset()
