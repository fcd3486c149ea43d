# uMeter - from a message of the link layer to the values of a push
# MIT license; Copyright (c) 2026 The uMeter authors

# LLC, block transfer, ciphering, DataNotification or P1 text: the first byte tells the layer. A
# layer that a meter does not use is never loaded.

from micropython import const

from firmware import overlay
from firmware.meters import llc
from firmware.meters.cosem_time import WALL
from firmware.meters.han_telegram import FrameError
from firmware.meters.han_values import Clock, hints
from firmware.meters.scan import CIPHERED, UNCHECKED

_SLASH = const(0x2F)
_BLOCK = const(0xE0)
_CIPHER = const(0xDB)
_NOTIFICATION = const(0x0F)


class MessageDecoder:
    """One meter's keys, block transfer and workspace; nothing of a message stays for the next.

    keys: (encryption key, authentication key, replay), see glo.Decipher. factors: what
    han_factors.multiply takes, None for none.
    """

    def __init__(self, keys, limit, factors, zone_min, keep_apdu):
        self._keys = keys
        self._decipher = self._header = self._notification = None  # what other modules have
        if keys[0] or keys[1]:
            self._load_cipher()
        self._tape = None
        self.limit = limit
        self._blocks = None  # a BlockTransfer once there was a block
        self._factors = factors
        self.clock = Clock(zone_min)
        self._keep_apdu = keep_apdu
        self._headed = False  # an LLC header stood in front of the first block

    @property
    def tape(self):
        """The index of A-XDR values; P1 needs none."""
        if self._tape is None:
            from firmware.meters.axdr import Tape

            self._tape = Tape()
        return self._tape

    @property
    def open(self):
        """True while blocks of an APDU are missing."""
        return self._blocks is not None and self._blocks.open

    def reset(self):
        if self._blocks:
            self._blocks.reset()

    def goes_on(self, data):
        """True if a later block of an open APDU stands behind the LLC header of `data`."""
        if not self.open or len(data) < 7 or data[3] != _BLOCK:
            return False
        return data[5] << 8 | data[6] > 1

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
            from firmware.meters.assembly import Assembly
            from firmware.meters.gbt import BlockTransfer

            self._blocks = BlockTransfer(Assembly(self.limit))
        return self._blocks.add(data)

    def _load_cipher(self):
        from firmware.meters import glo

        self._decipher = glo.Decipher(*self._keys)
        self._header = glo.header
        overlay.free("firmware.crypto.gcm_tables")

    def _apdu(self, data, telegram):
        tag = data[0]
        if tag == _CIPHER:
            if self._decipher is None:
                self._load_cipher()
            telegram.layers.append("glo-ciphering")
            try:
                head = self._header(data, 1, len(data))
            except FrameError:
                raise FrameError("reject", "structure")
            if head.stop != len(data):
                raise FrameError("reject", "structure")
            data = self._clear(data, head, telegram)
            tag = data[0] if data else 0
        else:
            self._unciphered(telegram)
        self._finish(data, tag, telegram, "")

    def _unciphered(self, telegram):
        """Some meters never begin to cipher though keys were given out: said, not refused."""
        if self._keys[0]:
            telegram.notes.append("not ciphered, though a key is set")

    def _clear(self, data, head, telegram):
        try:
            return self._decipher.open(data, head, telegram, self._plausible)
        except FrameError as error:
            if error.reason != "replay":
                from firmware.meters import han_doubt

                if han_doubt.is_clear_copy(self.tape, data, head):
                    raise FrameError("no_values", "clear_copy")
            raise

    def _plausible(self, clear, stop):
        from firmware.meters import han_doubt

        return han_doubt.plausible(self.tape, clear, stop)

    def _finish(self, data, tag, telegram, ident):
        if self._keep_apdu:
            telegram.apdu = bytes(data)
        self.clock.rule = WALL
        if tag == _NOTIFICATION:
            if self._notification is None:
                from firmware.meters import dlms_notification

                self._notification = dlms_notification.decode
            telegram.layers.append("dlms")
            self._notification(self.tape, data, len(data), telegram, self.clock)
        elif tag == _SLASH or ident:
            from firmware.meters import p1_message

            p1_message.decode(self, data, ident, telegram)
        else:
            raise FrameError("no_values", "apdu %02X" % tag)
        self._close(telegram)

    def _close(self, telegram):
        if self._factors:
            from firmware.meters.han_factors import multiply

            multiply(telegram.values, self._factors)
        hints(telegram.values, telegram.notes)
        telegram.result = "values"

    def decode_p1(self, view, pos, start, stop, kind, telegram):
        """A telegram that p1.Scanner found: kind is its `extra`. FrameError."""
        from firmware.meters import p1_message

        telegram.layers.append("p1")
        ident = p1_message.ident_of(view, pos, start)
        if kind == CIPHERED:
            if self._decipher is None:
                self._load_cipher()
            telegram.layers.append("glo-ciphering")
            clear = self._clear(view, self._header(view, start, stop), telegram)
            self._finish(clear, clear[0] if clear else 0, telegram, ident)
            return
        self._unciphered(telegram)
        if kind == UNCHECKED:
            telegram.notes.append("no checksum")
        if self._keep_apdu:
            telegram.apdu = bytes(view[pos:stop])
        p1_message.lines(self, view, start, stop, ident, telegram)
        self._close(telegram)

    def damaged(self, data):
        """FrameError's result for a frame whose checksum is wrong, with `data` inside."""
        if llc.at(data):
            data = data[llc.SIZE :]
        if not len(data) or data[0] != _CIPHER:
            return "reject"
        from firmware.meters import han_doubt

        return "no_values" if han_doubt.holds_clear_copy(self.tape, data) else "reject"
