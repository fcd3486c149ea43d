# uMeter - MULTICAL 66C and 66B poller: EN 61107 on a half-duplex line
# MIT license; Copyright (c) 2026 The uMeter authors

# 5511-634 C1 and 5810-133 D1: requests at 300 baud 7E2, /# replies at 1200 baud 7E1. The
# meter takes one to two seconds and may miss a request; repeats come 5 s later at least.

import asyncio
from micropython import const
from time import ticks_diff, ticks_ms

from firmware.meters import mc66
from firmware.meters.counters import Counters
from firmware.meters.en61107 import BlockError, Collector, parse_block
from firmware.meters.errors import BadCheck, MeterTimeout
from firmware.reading import Reading

_EVEN = const(0)
_TRIES = const(3)
_REST_MS = const(5000)
_WAKE = const(16)  # NULs
_AWAKE_MS = const(1000)
_MARGIN_MS = const(20)  # after our last bit: the transmitter's FIFO, the echo's last byte
# From the end of a request to the end of what comes, the meter's 2 s and the line time included
_IDENT_MS = const(3500)
_UNASKED_MS = const(1500)  # 66C begins its data without an acknowledgement
_DATA_MS = const(8000)
_STANDARD_MS = const(4000)


class Mc66Meter:
    """model: "66c" or "66b". flow_meter: no temperatures are wanted, /#C is not asked."""

    push = False

    def __init__(self, line, clock, model="66c", flow_meter=False):
        self._line = line
        self._clock = clock
        self._is_c = model == "66c"
        self._wants_c = self._is_c and not flow_meter
        self._chunk = bytearray(64)
        self._view = memoryview(self._chunk)
        self._heard = Collector()
        self._awake = False
        self.counters = Counters()
        self.serial = None

    async def read(self):
        """-> Reading of kind "mc66c" or "mc66b". MeterError after all retries."""
        if not self._awake:
            await self._send(bytes(_WAKE))
            await asyncio.sleep_ms(_AWAKE_MS)
        try:
            block = await self._retry(self._block, None)
            instant = await self._retry(self._standard, b"/#C") if self._wants_c else None
            standard1 = await self._retry(self._standard, b"/#1\r")
            uptime = self._clock.uptime()
            standard2 = await self._retry(self._standard, b"/#2\r")
        except MeterTimeout:
            self._awake = False  # perhaps it sleeps
            raise
        self._awake = True
        try:
            self.serial = mc66.serial(block, standard2)
            values, notes = mc66.values(block, standard1, standard2, instant, not self._is_c)
        except ValueError as error:
            self.counters.bad += 1
            raise BadCheck(error.args[0]) from None
        kind = "mc66c" if self._is_c else "mc66b"
        return Reading(kind, self.serial, uptime, values, notes=notes)

    async def _retry(self, step, request):
        pause = _REST_MS
        for attempt in range(_TRIES):
            if attempt:
                self.counters.retries += 1
                await asyncio.sleep_ms(pause)
                pause *= 2
            try:
                found = await step(request)
            except MeterTimeout as problem:
                self.counters.timeouts += 1
                error = problem
            except BadCheck as problem:
                self.counters.bad += 1
                error = problem
            else:
                self.counters.good += 1
                return found
        raise error

    async def _block(self, _):
        heard = self._heard
        await self._ask(b"/?!\r\n", 300)
        if not await self._listen(heard.identified, _IDENT_MS):
            raise self._failure("no identification")
        # Mode A (66C): the data are on their way. 66B, mode C, waits for the acknowledgement.
        if not (self._is_c and await self._listen(lambda: b"\x02" in heard.data, _UNASKED_MS)):
            await self._ask(b"\x06000\r\n", 300, keep=True)
        block = await self._listen(heard.block, _DATA_MS)
        if not block:
            raise self._failure("incomplete")
        try:
            return parse_block(block)[1]
        except BlockError as error:
            raise BadCheck(error.args[0]) from None

    async def _standard(self, request):
        """Fields of the first sound line: noise, or the rest of an echo, may come before it."""
        await self._ask(request, 1200)
        start = ticks_ms()
        bad = None
        while True:
            left = _STANDARD_MS - ticks_diff(ticks_ms(), start)
            line = await self._listen(self._heard.line, left)
            if line is None:
                raise BadCheck(bad) if bad else self._failure("incomplete")
            try:
                return mc66.fields(line, mc66.REQUESTS[request])
            except mc66.FieldError as error:
                bad = error.args[0]

    def _failure(self, text):
        if self._heard.data:
            return BadCheck(text)
        return MeterTimeout("the meter is silent")

    async def _ask(self, request, baudrate, keep=False):
        self._line.discard()
        self._heard.begin(request, keep)
        await self._send(request)
        self._line.configure(baudrate, 7, _EVEN, 1)
        self._line.discard()  # what came while we spoke was our own echo, or noise

    async def _send(self, data):
        """Sends at 300 baud 7E2 and waits until the last bit is out."""
        self._line.configure(300, 7, _EVEN, 2)
        self._line.send(data)
        await asyncio.sleep_ms(self._line.byte_ms(len(data)) + _MARGIN_MS)

    async def _listen(self, take, timeout_ms):
        """What take() gives as soon as that is something; None after timeout_ms."""
        start = ticks_ms()
        while True:
            found = take()
            if found:
                return found
            left = timeout_ms - ticks_diff(ticks_ms(), start)
            count = await self._line.receive(self._chunk, left) if left > 0 else 0
            if not count:
                return None
            self.counters.bytes += count
            self._heard.feed(self._view[:count])
            self.counters.echoes = self._heard.echoes
