# uMeter - HAN or P1 push meter: waits for the next telegram
# MIT license; Copyright (c) 2026 The uMeter authors

from micropython import const

from firmware.meters.counters import Counters
from firmware.meters.errors import BadCheck, MeterTimeout
from firmware.meters.han import HanDecoder
from firmware.meters.han_latest import Latest

_SILENT_MS = const(90000)  # the slowest lists come every 60 s, others every 2.5 to 10 s
_GAP_MS = const(100)


class HanMeter:
    """A push reader: it has to be read without a pause, or telegrams are lost."""

    push = True

    def __init__(self, line, clock, encryption_key=None, authentication_key=None):
        self._line = line
        self._clock = clock
        self._decoder = HanDecoder(encryption_key, authentication_key)
        self.latest = Latest()
        self._chunk = bytearray(128)
        self._view = memoryview(self._chunk)
        self.counters = Counters()
        self.serial = None  # text, once a list has carried it

    async def read(self):
        """-> Reading of the next telegram. MeterError: silence, damage, wrong or missing key."""
        waited_ms = 0
        while waited_ms < _SILENT_MS:
            count = await self._line.receive(self._chunk, _GAP_MS)
            if count:
                waited_ms = 0
                self.counters.bytes += count
                telegrams = self._decoder.feed(self._view[:count])
            else:
                waited_ms += _GAP_MS
                telegrams = self._decoder.idle(waited_ms)
            for telegram in telegrams:
                if telegram.result == "values":
                    return self._reading(telegram)
                self.counters.bad += 1
                raise BadCheck("%s %s" % (telegram.result, telegram.reason or ""))
        self.counters.timeouts += 1
        raise MeterTimeout("the meter is silent")

    def _reading(self, telegram):
        self.counters.good += 1
        reading = telegram.reading(self._clock.uptime())
        self.serial = reading.serial or self.serial
        reading.serial = self.serial  # short lists do not name the meter
        note = self.latest.update(reading)
        if note:
            reading.notes += (note,)
        return reading
