# uMeter - from a message of the link layer to the values of a push
# MIT license; Copyright (c) 2026 The uMeter authors

# LLC, block transfer, ciphering, DataNotification or P1 text: the first byte tells the layer.

from micropython import const

from firmware.meters import dlms_notification, glo, llc
from firmware.meters.assembly import Assembly
from firmware.meters.axdr import Tape
from firmware.meters.cosem_time import WALL
from firmware.meters.han_telegram import FrameError
from firmware.meters.han_values import Clock, hints, multiply
from firmware.meters.scan import BAD, CIPHERED, NEED, OK, UNCHECKED

_SLASH = const(0x2F)
_BLOCK = const(0xE0)
_GET_REQUEST = const(0xC0)
_TAG_SIZE = const(12)


class MessageDecoder:
    """One meter's keys, block transfer and workspace; nothing of a message stays for the next."""

    def __init__(self, decipher, limit, multipliers, zone_min, keep_apdu):
        self.tape = Tape()
        self._decipher = decipher
        self._limit = limit
        self._blocks = None  # a BlockTransfer once there was a block
        self._multipliers = multipliers
        self._clock = Clock(zone_min)
        self._keep_apdu = keep_apdu
        self._headed = False  # an LLC header stood in front of the first block

    @property
    def open(self):
        """True while blocks of an APDU are missing."""
        return self._blocks is not None and self._blocks.open

    def reset(self):
        if self._blocks:
            self._blocks.reset()

    def decode(self, data, telegram):
        """Fills telegram from data (memoryview); False if more blocks must come. FrameError."""
        if llc.at(data):
            telegram.layers.append("llc")
            self._headed = True  # for the blocks that follow
            data = data[llc.SIZE :]
        elif not self.open:
            self._headed = False
        if not len(data):
            raise FrameError("no_values", "empty")
        if data[0] == _BLOCK:
            if self._headed and "llc" not in telegram.layers:
                telegram.layers.append("llc")
            telegram.layers.append("gbt")
            data = self._block(data)
            if data is None:
                return False
            if not len(data):
                raise FrameError("reject", "structure")
        self._apdu(data, telegram)
        return True

    def _block(self, data):
        if self._blocks is None:
            from firmware.meters.gbt import BlockTransfer

            self._blocks = BlockTransfer(Assembly(self._limit))
        return self._blocks.add(data)

    def _apdu(self, data, telegram):
        tag = data[0]
        if tag == glo.TAG:
            telegram.layers.append("glo-ciphering")
            try:
                head = glo.header(data, 1, len(data))
            except FrameError:
                raise FrameError("reject", "structure")
            if head.stop != len(data):
                raise FrameError("reject", "structure")
            data = self._clear(data, head, telegram)
            tag = data[0] if data else 0
        self._finish(data, tag, telegram, "")

    def _clear(self, data, head, telegram):
        try:
            return self._decipher.open(data, head, telegram, self._plausible)
        except FrameError as error:
            if error.reason != "replay" and self.is_clear_copy(data, head):
                raise FrameError("no_values", "clear_copy")
            raise

    def _finish(self, data, tag, telegram, ident):
        if self._keep_apdu:
            telegram.apdu = bytes(data)
        self._clock.rule = WALL
        if tag == dlms_notification.TAG:
            telegram.layers.append("dlms")
            dlms_notification.decode(self.tape, data, len(data), telegram, self._clock)
        elif tag == _SLASH:
            self._telegram(data, telegram)
        elif ident:
            self._lines(data, 0, len(data), ident, telegram)
        else:
            raise FrameError("no_values", "apdu %02X" % tag)
        if self._multipliers:
            multiply(telegram.values, self._multipliers)
        hints(telegram.values, telegram.notes)
        telegram.result = "values"

    def _telegram(self, data, telegram):
        # A whole P1 telegram that came out of the ciphering.
        from firmware.meters import p1

        state, _, start, stop, checked, reason = p1.Scanner(self._limit).scan(data, 0, len(data))
        if state == BAD:
            raise FrameError("reject", reason)
        if state == NEED:
            start = p1.ident_end(data, 0, len(data))
            stop = len(data)
            checked = UNCHECKED
        if state not in (OK, NEED) or start <= 0 or not p1.complete(data, start, stop):
            raise FrameError("reject", "structure")
        if checked == UNCHECKED:
            telegram.notes.append("no checksum")
        self._lines(data, start, stop, ident_of(data, 0, start), telegram)

    def _lines(self, data, start, stop, ident, telegram):
        if "p1" not in telegram.layers:
            telegram.layers.append("p1")
        try:
            text = str(bytes(data[start:stop]), "ascii")
        except ValueError:
            raise FrameError("reject", "structure")
        from firmware.meters import p1_lines

        p1_lines.decode(text, ident, telegram, self._clock.zone_min)
        if len(telegram.values) < 2:
            raise FrameError("no_values", "layout")

    def decode_p1(self, view, pos, start, stop, kind, telegram):
        """A telegram that p1.Scanner found: kind is its `extra`. FrameError."""
        telegram.layers.append("p1")
        ident = ident_of(view, pos, start)
        if kind != CIPHERED:
            if kind == UNCHECKED:
                telegram.notes.append("no checksum")
            if self._keep_apdu:
                telegram.apdu = bytes(view[pos:stop])
            self._clock.rule = WALL
            self._lines(view, start, stop, ident, telegram)
            if self._multipliers:
                multiply(telegram.values, self._multipliers)
            hints(telegram.values, telegram.notes)
            telegram.result = "values"
            return
        telegram.layers.append("glo-ciphering")
        head = glo.header(view, start, stop)
        clear = self._clear(view, head, telegram)
        self._finish(clear, clear[0] if clear else 0, telegram, ident)

    def _plausible(self, clear, stop):
        # Is this what a meter says? Nobody vouches for it but its own structure.
        if not stop:
            return False
        if clear[0] == dlms_notification.TAG:
            return dlms_notification.parses(self.tape, clear, 0, stop)
        if clear[0] == _SLASH:
            from firmware.meters import p1

            state = p1.Scanner(self._limit).scan(clear, 0, stop)[0]
            start = p1.ident_end(clear, 0, stop)
            return state == OK or (state == NEED and p1.complete(clear, start, stop))
        if clear[0] == _GET_REQUEST:
            # Get-request-normal without selective access (Green Book section 9.4.6.3).
            return stop == 13 and clear[1] == 1 and clear[12] == 0
        for i in range(stop):
            if clear[i] > 126 or (clear[i] < 32 and clear[i] not in (10, 13)):
                return False
        return 0x30 <= clear[0] <= 0x39

    def is_clear_copy(self, data, head):
        """True for a log's copy whose "ciphertext" is a whole clear DataNotification.

        Old readers decrypted in place before they printed: no check of such a copy fits.
        """
        for stop in (head.stop, head.stop - _TAG_SIZE):
            if dlms_notification.parses(self.tape, data, head.start, stop):
                return True
        return False

    def damaged(self, data):
        """FrameError's result for a frame whose checksum is wrong, with `data` inside."""
        if llc.at(data):
            data = data[llc.SIZE :]
        if len(data) and data[0] == glo.TAG:
            try:
                head = glo.header(data, 1, len(data))
            except FrameError:
                return "reject"
            if self.is_clear_copy(data, head):
                return "no_values"
        return "reject"


def ident_of(view, pos, start):
    """Text of a P1 identification line between "/" and its line end."""
    return str(bytes(view[pos + 1 : start]), "ascii").strip()
