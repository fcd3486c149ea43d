# uMeter - MULTICAL 66C and 66B poller: EN 61107 on a half-duplex line
# MIT license; Copyright (c) 2026 The uMeter authors

# 5511-634 C1 and 5810-133 D1: requests at 300 baud 7E2, /# replies at 1200 baud 7E1. The
# meter takes one to two seconds and may miss a request; repeats come 5 s later at least.

import asyncio
from micropython import const

from firmware.meters import en61107, mc66
from firmware.meters.counters import Counters
from firmware.meters.errors import BadCheck, MeterTimeout
from firmware.reading import Reading

_EVEN = const(0)
_TRIES = const(3)
_REST_MS = const(5000)
_IDENT_MS = const(3000)
_UNASKED_MS = const(1500)  # 66C begins its data without an acknowledgement
_DATA_MS = const(8000)
_STANDARD_MS = const(3500)
_MOST = const(400)  # bytes of a reply; a data block has about 90


class Mc66Meter:
    """model: "66c" or "66b"."""

    push = False

    def __init__(self, line, clock, model="66c"):
        self._line = line
        self._clock = clock
        self._is_c = model == "66c"
        self._chunk = bytearray(64)
        self._reply = bytearray()
        self._woken = False
        self.counters = Counters()
        self.serial = None

    async def read(self):
        """-> Reading of kind "mc66c" or "mc66b". MeterError after all retries."""
        if not self._woken:
            self._woken = True
            await self._send(bytes(16))
        block = await self._retry(self._block)
        instant = None
        if self._is_c:
            instant = await self._retry(self._standard, b"/#C", 8)
        standard1 = await self._retry(self._standard, b"/#1\r", 10)
        uptime = self._clock.uptime()
        standard2 = await self._retry(self._standard, b"/#2\r", 10)
        try:
            self.serial = mc66.serial(block)
            values = mc66.values(block, standard1, standard2, instant)
        except ValueError as error:
            raise BadCheck(error.args[0]) from None
        return Reading("mc66c" if self._is_c else "mc66b", self.serial, uptime, values)

    async def _retry(self, step, *arguments):
        pause = _REST_MS
        for attempt in range(_TRIES):
            if attempt:
                self.counters.retries += 1
                await asyncio.sleep_ms(pause)
                pause *= 2
            try:
                return await step(*arguments)
            except MeterTimeout as problem:
                self.counters.timeouts += 1
                error = problem
            except BadCheck as problem:
                self.counters.bad += 1
                error = problem
        raise error

    async def _block(self):
        await self._send(b"/?!\r\n")
        self._listen(300)
        await self._receive(lambda reply: b"\n" in reply, _IDENT_MS)
        if self._is_c and await self._more(lambda reply: b"\x02" in reply, _UNASKED_MS):
            pass  # mode A: the data are on their way
        elif not en61107.is_complete(self._reply):
            await self._send(b"\x06000\r\n")
            self._listen(300, keep=True)
        await self._receive(en61107.is_complete, _DATA_MS)
        try:
            block = en61107.parse_block(self._reply)[1]
        except en61107.BlockError as error:
            raise BadCheck(error.args[0]) from None
        self.counters.good += 1
        return block

    async def _standard(self, request, count):
        await self._send(request)
        self._listen(1200)
        await self._receive(lambda reply: b"\r" in reply, _STANDARD_MS)
        end = self._reply.find(b"\r")
        try:
            found = mc66.fields(self._reply[:end], count)
        except (mc66.FieldError, UnicodeError) as error:
            raise BadCheck(str(error)) from None
        self.counters.good += 1
        return found

    async def _send(self, data):
        """Sends at 300 baud 7E2 and waits until the last bit is out."""
        self._line.configure(300, 7, _EVEN, 2)
        self._line.send(data)
        await asyncio.sleep_ms(self._line.byte_ms(len(data)) + 20)

    def _listen(self, baudrate, keep=False):
        # What came while we spoke was our own echo, or noise.
        self._line.configure(baudrate, 7, _EVEN, 1)
        self._line.discard()
        if not keep:
            self._reply = bytearray()

    async def _receive(self, is_done, timeout_ms):
        if not await self._more(is_done, timeout_ms):
            if self._reply:
                raise BadCheck("incomplete")
            raise MeterTimeout("the meter is silent")

    async def _more(self, is_done, timeout_ms):
        """Collects until is_done(reply); False if that did not come: timeout_ms for each byte."""
        while not is_done(self._reply):
            count = await self._line.receive(self._chunk, timeout_ms)
            if not count or len(self._reply) > _MOST:
                return False
            self.counters.bytes += count
            for i in range(count):
                self._reply.append(self._chunk[i] & 0x7F)
        return True
