# uMeter - HAN decoder for captures, which end somewhere
# MIT license; Copyright (c) 2026 The uMeter authors

# A line goes on for ever: on the device a gap ends what was begun. A capture may lack its link
# layer or its end, and what was left open is said.

from firmware.meters import p1
from firmware.meters.han import HanDecoder
from firmware.meters.han_link import LONG_FRAME, SLASH
from firmware.meters.han_telegram import Telegram
from firmware.meters.scan import OK, UNCHECKED

# From the most to the least telling: what a stream with several telegrams is worth.
RANK = ("values", "need_key", "reject", "need_more", "no_values")


class CaptureDecoder(HanDecoder):
    """bare: also take APDUs without a link layer."""

    def finish(self):
        """No more bytes will come; the list ends with what remained open, if anything did."""
        if self._lenient:
            self._take_text_body()
        pending = self._finder.end - self._finder.pos > 1
        self._finder.drop()
        if self._open():
            layers = ["mbus" if self._parts_of == LONG_FRAME else "hdlc"]
            self._out.append(Telegram("need_more", "incomplete", layers))
        elif pending:
            self._out.append(Telegram("no_values", "incomplete", []))
        self._reset()
        return self._taken()

    def _take_text_body(self):
        # A copied P1 telegram may lack its "!" or what follows it; it counts if its last line is
        # whole.
        finder = self._finder
        pos = finder.pos
        if pos == finder.end or finder.view[pos] != SLASH:
            return
        start = p1.ident_end(finder.view, pos, finder.end)
        stop = finder.end
        if finder.view[stop - 1] == 13:
            return  # half a line end
        if start > 0 and p1.complete(finder.view, start, stop):
            finder.pos = stop
            self._frame(finder.view, pos, (OK, 0, start, stop, UNCHECKED, ""))
