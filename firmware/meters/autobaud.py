# uMeter - finds out how the line of a push meter is set, while its telegrams come in
# MIT license; Copyright (c) 2026 The uMeter authors

# A push meter cannot be asked. A setting is right if frames come out whose check is right, and may
# be right if there are frames with a wrong one; how they are ciphered does not matter. Meters push
# every second to every minute: one push, from silence to silence, is a try of one setting.
#
# Receivers do not report a wrong parity or stop bit, so some settings hear what others say: 7E1
# and 8E1 text that was sent as 8N1, 8N1 what was sent as 8E1 or 8N2. What works is as good as
# what the meter's manual says.

from micropython import const

# Likely ones first, of a HAN port, and of a P1 port.
_FORMATS = (("8N1", "8E1", "7E1", "8N2"), ("8N1", "7E1", "8E1", "8N2"))
_FIRST_RATES = ((2400, 115200, 9600), (115200, 9600, 2400))
_RATES = (38400, 19200, 4800, 57600)
# What is rarer costs more; settings are tried in the order of their sums.
_RATE_COSTS = (0, 2, 3, 6, 7, 9, 10)
_FORMAT_COSTS = (0, 1, 3, 8)
_OTHER_POLARITY = const(2)
_DEAREST = const(20)

PROOF = const(2)  # a frame with a checksum; text or a cipher without one counts half

_PAUSE_MS = const(300)  # ends a push; within it meters make shorter ones
_LONGEST_MS = const(15000)  # of a push; more is noise without end
_SILENT_MS = const(120000)  # the slowest meters push once in a minute
_TRIES = const(3)  # pushes with damaged frames only


def parse(text):
    """ "2400 8E1", "115200 8N1 inverted" to (baudrate, bits, parity, stop, inverted), parity None
    or 0 (even) or 1 (odd). ValueError."""
    words = text.split(" ")
    rate = int(words[0])
    frame = words[1] if len(words) > 1 else ""
    if (
        not 300 <= rate <= 921600
        or len(frame) != 3
        or frame[0] not in "78"
        or frame[1] not in "NEO"
        or frame[2] not in "12"
        or words[2:] not in ([], ["inverted"])
    ):
        raise ValueError("not a line setting such as 2400 8N1: " + text)
    return rate, int(frame[0]), (None, 0, 1)["NEO".find(frame[1])], int(frame[2]), len(words) > 2


def text_of(setting):
    """What parse() takes."""
    rate, bits, parity, stop, inverted = setting
    letter = "N" if parity is None else "EO"[parity]
    return "%d %d%s%d%s" % (rate, bits, letter, stop, " inverted" if inverted else "")


def candidates(fast, inverted):
    """All settings that are tried, the likely ones first.

    fast: a P1 port, 115200 baud is the first rate. inverted: how the board's circuit has it.
    """
    rates = _FIRST_RATES[fast] + _RATES
    formats = _FORMATS[fast]
    for cost in range(_DEAREST + 1):
        for rate in range(len(rates)):
            for frame in range(len(formats)):
                rest = cost - _RATE_COSTS[rate] - _FORMAT_COSTS[frame]
                if rest == 0 or rest == _OTHER_POLARITY:
                    word = " inverted" if inverted != (rest > 0) else ""
                    yield parse("%d %s%s" % (rates[rate], formats[frame], word))


class LineSearch:
    """Looks for the setting of one line.

    setting  the one that the UART should have now, see parse()
    found    True as soon as telegrams come in with it; then the search is over
    """

    def __init__(self, known="", fast=False, inverted=False):
        """known: text of the setting to begin with, "" if none was found before."""
        self._fast = fast
        self._inverted = inverted
        self._order = candidates(fast, inverted)
        self.setting = parse(known) if known else next(self._order)
        self.found = False
        self._quiet_ms = 0  # since the last byte
        self._begin(0, 0)

    def text(self):
        """The setting in words."""
        return text_of(self.setting)

    def _begin(self, proofs, damaged):
        self._proofs = proofs  # what the decoder had seen before this setting
        self._damaged = damaged
        self._idle_ms = 0  # since the setting's first moment, or the last push's end
        self._push_ms = -1  # age of this push; -1: silence
        self._whole = False  # this push was heard from its beginning
        self._tries = 0  # pushes with this setting that proved nothing

    def take(self, count, proofs, damaged, passed_ms):
        """Call after every look at the line; True if `setting` or `found` is another now.

        count: bytes that came, 0 if none for a while. proofs, damaged: what the decoder of this
        line has seen since the search began, see HanDecoder. passed_ms: since the last call.
        """
        self._quiet_ms = min(self._quiet_ms + passed_ms, _SILENT_MS)
        self._idle_ms = min(self._idle_ms + passed_ms, _SILENT_MS)
        if self._push_ms >= 0:
            self._push_ms += passed_ms
        if count:
            self._whole = self._whole or self._quiet_ms >= _PAUSE_MS
            self._quiet_ms = 0
            self._push_ms = max(self._push_ms, 0)
        if proofs - self._proofs >= PROOF:
            self.found = True
            return True
        if self._push_ms >= 0:
            over = self._quiet_ms >= _PAUSE_MS
            return (over or self._push_ms >= _LONGEST_MS) and self._end(over, proofs, damaged)
        return self._idle_ms >= _SILENT_MS and self._next(proofs, damaged)

    def _end(self, over, proofs, damaged):
        # A push has ended, or goes on for too long.
        whole = self._whole
        self._push_ms = -1 if over else 0
        self._idle_ms = 0
        self._whole = whole or over
        if over and not whole:
            return False  # the next push will be whole
        self._tries += 1
        if damaged > self._damaged or proofs > self._proofs:
            self._damaged = damaged
            if self._tries < _TRIES:
                return False
        return self._next(proofs, damaged)

    def _next(self, proofs, damaged):
        tried = self.setting
        while self.setting == tried:
            try:
                self.setting = next(self._order)
            except StopIteration:
                self._order = candidates(self._fast, self._inverted)
        self._begin(proofs, damaged)
        return True
