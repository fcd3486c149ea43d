# uMeter - HAN or P1 push meter: waits for the next telegram
# MIT license; Copyright (c) 2026 The uMeter authors

from binascii import hexlify
from micropython import const
from time import ticks_diff, ticks_ms

from firmware import overlay
from firmware.meters.counters import Counters
from firmware.meters.errors import BadCheck, MeterTimeout
from firmware.meters.han import HanDecoder
from firmware.meters.han_latest import Latest

_DEADLINE_MS = const(90000)  # the slowest lists come every 60 s, others every 1 to 10 s
_GAP_MS = const(100)  # no meter makes a pause of this length within a frame ...
_GAP_BITS = const(600)  # ... unless its line is slow
_LONG_MS = const(10000)
_LOST_MS = const(30000)  # so long no good frame, ...
_LOST_BYTES = const(400)  # ... and so much on the line: it is set to something else now
_NAMELESS_S = const(30)  # after that no list will come that names the meter
_LIMIT = const(2052)  # bytes; an HDLC frame has up to 2049
_P1_LIMIT = const(4096)  # bytes: a telegram may hold 1024 characters of text as hex digits


class HanMeter:
    """A push reader: it has to be read without a pause, or telegrams are lost.

    replay, multipliers, zone_min: see HanDecoder. line_setting: text of the line's setting as
    on_line(text) told it before, "" if not; it is tried first. fast: a P1 port, expected at 115200
    baud. inverted: the board's circuit turns the signal over. serial: names the meter if it does
    not do so itself.
    """

    push = True

    def __init__(
        self,
        line,
        clock,
        encryption_key=None,
        authentication_key=None,
        replay="auto",
        multipliers=None,
        line_setting="",
        on_line=None,
        fast=False,
        inverted=False,
        zone_min=60,
        serial=None,
    ):
        self._line = line
        self._clock = clock
        self._decoder = HanDecoder(
            encryption_key, authentication_key, replay, multipliers, zone_min,
            limit=_P1_LIMIT if fast else _LIMIT,
        )  # fmt: skip
        self.latest = Latest()
        self._chunk = bytearray(128)
        self._view = memoryview(self._chunk)
        self._telegrams = []  # that came, and were not returned yet
        self._quiet_ms = 0
        self._looked = ticks_ms()
        self.counters = Counters()
        self.serial = None  # text, once a list has carried it
        self._fallback = serial
        self._nameless = -1  # uptime of the first telegram if none has named the meter
        self.line_setting = line_setting  # text of what the line is set to now
        self._known = line_setting
        self._on_line = on_line
        self._port = fast, inverted
        self._note = ""  # for the next reading
        self._seek()
        self._tune()

    @property
    def line_found(self):
        """Whether telegrams come in with this setting of the line."""
        return self._search is None

    async def read(self):
        """-> Reading of the next telegram. MeterError: silence, damage, wrong or missing key."""
        started = ticks_ms()
        while not self._telegrams:
            if ticks_diff(ticks_ms(), started) >= _DEADLINE_MS:
                self.counters.timeouts += 1
                raise MeterTimeout(self._trouble())
            await self._listen()
        telegram = self._telegrams.pop(0)
        if telegram.result == "values":
            return self._reading(telegram)
        self.counters.bad += 1
        if telegram.result == "need_key":
            raise BadCheck("it is ciphered and no key is set; system title " + telegram.reason)
        raise BadCheck("%s %s" % (telegram.result, telegram.reason))

    def _trouble(self):
        if self.line_found:
            return "the meter is silent"
        return "no telegram; trying " + self.line_setting

    async def _listen(self):
        count = await self._line.receive(self._chunk, self._gap_ms)
        now = ticks_ms()
        passed_ms = ticks_diff(now, self._looked)
        self._looked = now
        decoder = self._decoder
        if count:
            self._quiet_ms = 0
            self.counters.bytes += count
            telegrams = decoder.feed(self._view[:count])
        else:
            self._quiet_ms = min(self._quiet_ms + passed_ms, _LONG_MS)
            telegrams = decoder.idle(self._quiet_ms)
        if telegrams:
            self._telegrams.extend(telegrams)
        if self._search is None:
            self._watch(count, passed_ms)
        elif self._search.take(count, decoder.proofs, decoder.damaged, passed_ms):
            if self._search.found:
                self._settle()
            else:
                self._tune()

    def _watch(self, count, passed_ms):
        # Noise and a bad contact do no harm: the search begins with the setting at hand.
        if self._decoder.proofs:
            self._decoder.proofs = self._missed = self._missed_ms = 0
        elif count or self._missed:
            self._missed += count
            self._missed_ms += passed_ms
            if self._missed >= _LOST_BYTES and self._missed_ms >= _LOST_MS:
                self._seek()

    def _seek(self):
        from firmware.meters.autobaud import LineSearch

        self._decoder.proofs = self._decoder.damaged = 0
        self._search = LineSearch(self.line_setting, *self._port)

    def _settle(self):
        self._search = None
        self._decoder.proofs = self._missed = self._missed_ms = 0
        overlay.free("firmware.meters.autobaud")
        if self.line_setting != self._known:
            self._known = self.line_setting
            self._note = "the line is set to " + self._known
            if self._on_line:
                self._on_line(self._known)

    def _tune(self):
        self.line_setting = self._search.text()
        setting = self._search.setting
        self._line.configure(*setting)
        self._gap_ms = max(_GAP_MS, _GAP_BITS * 1000 // setting[0])
        self._line.discard()
        self._decoder.idle(_LONG_MS)

    def _reading(self, telegram):
        self.counters.good += 1
        reading = telegram.reading(self._clock.uptime())
        self._name(reading.serial, telegram.title, reading.uptime)
        reading.serial = self.serial
        for note in (self.latest.update(reading), self._note):
            if note:
                reading.notes += (note,)
        self._note = ""
        return reading

    def _name(self, text, title, uptime):
        # Short lists do not name the meter, some meters never do.
        if text:
            self.serial = text
        elif self.serial is None:
            if self._nameless < 0:
                self._nameless = uptime
            elif uptime - self._nameless >= _NAMELESS_S:
                self.serial = hexlify(title).decode().upper() if title else self._fallback
