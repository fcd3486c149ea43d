# uMeter - KMP poller: asks a MULTICAL for its registers
# MIT license; Copyright (c) 2026 The uMeter authors

# Times: 5512-447 M1 section 3. The meter answers within 1.6 s; after silence or damage
# it wants 1.6 s of rest; a byte time has to pass between a reply and the next request.

import asyncio
from micropython import const
from time import ticks_diff, ticks_ms

from firmware.meters import kmp, kmp_frame, kmp_registers
from firmware.meters.counters import Counters
from firmware.meters.errors import BadCheck, MeterError, MeterTimeout, WrongMeter
from firmware.reading import Quantity, Reading

_ANSWER_MS = const(1700)  # to the reply's first byte
_GAP_MS = const(200)  # inside a reply; far more than any meter takes
_REST_MS = const(1650)
_TRIES = const(3)
_MOST = const(160)  # bytes of a reply: eight registers of ten bytes
_GET_TYPE = kmp.request(kmp.GET_TYPE)


class KmpMeter:
    """Reads the registers of a sample and `further` ones (ids) in requests of up to eight."""

    push = False

    def __init__(self, line, clock, flow_meter=False, further=()):
        self._line = line
        self._clock = clock
        ids = kmp_registers.VOLUME if flow_meter else kmp_registers.SAMPLE
        self._ids = ids + tuple([rid for rid in further if rid not in ids])
        self._framer = kmp_frame.Framer(_MOST)
        self._chunk = bytearray(64)
        self._view = memoryview(self._chunk)
        self.counters = Counters()
        self.serial = None  # text, once known
        self.type = None  # (type, revision); () for a meter that will not say

    async def read(self):
        """-> Reading. MeterError: silent, damaged or wrong replies, after all retries."""
        values = {}
        uptime = 0
        try:
            if self.serial is None:
                await self._identify()
            for first in range(0, len(self._ids), kmp.MOST_REGISTERS):
                ids = self._ids[first : first + kmp.MOST_REGISTERS]
                body = await self._ask(kmp.get_registers(ids), kmp.GET_REGISTER)
                if first == 0:
                    uptime = self._clock.uptime()
                self._store(kmp.registers(body), ids, values)
        except MeterError:
            self.serial = None  # who knows which meter answers next
            raise
        except kmp.KmpError as error:
            raise BadCheck(error.args[0]) from None
        derived = self._merge(values)
        return Reading("kmp", self.serial, uptime, values, derived=derived)

    async def _identify(self):
        body = await self._ask(kmp.request(kmp.GET_SERIAL), kmp.GET_SERIAL)
        number = kmp.serial(body)
        if number == 0:
            raise WrongMeter("serial number 0")
        self.serial = str(number)
        if self.type is None:
            try:
                self.type = kmp.meter_type(await self._exchange(_GET_TYPE, kmp.GET_TYPE))
            except (MeterError, kmp.KmpError):  # some will not say; no reading depends on it
                self.type = ()
                await asyncio.sleep_ms(_REST_MS)

    def _store(self, registers, ids, values):
        for register in registers:
            if register.id not in ids:
                continue
            value = register.text
            if not value:
                value = Quantity(register.mantissa, register.exponent, register.unit)
            values[kmp_registers.name(register.id)] = value

    def _merge(self, values):
        if "energy_e1" in values and "energy_high_resolution" in values:
            from firmware.meters.kmp_highres import merge

            energy = merge(values["energy_e1"], values["energy_high_resolution"])
            if energy:
                values["energy_e1_exact"] = energy
                return ("energy_e1_exact",)
        return ()

    async def _ask(self, frame, cid):
        """Body of the sound reply to a request; retries by itself."""
        for attempt in range(_TRIES):
            if attempt:
                self.counters.retries += 1
                await asyncio.sleep_ms(_REST_MS)
            try:
                return await self._exchange(frame, cid)
            except MeterError as problem:
                error = problem
        raise error

    async def _exchange(self, frame, cid):
        line = self._line
        line.discard()
        self._framer.reset()
        await asyncio.sleep_ms(line.byte_ms(1))
        line.send(frame)
        sending = line.byte_ms(len(frame))
        start = ticks_ms()
        error = None
        # An echo resets nothing: the deadline counts from the end of our own request.
        while True:
            left = sending + _ANSWER_MS - ticks_diff(ticks_ms(), start)
            if self._framer.inside:  # a line that never falls silent is no reply
                left = min(max(left, _GAP_MS), left + line.byte_ms(2 * _MOST))
            count = await line.receive(self._chunk, left) if left > 0 else 0
            if not count:
                break
            self.counters.bytes += count
            for kind, value in self._framer.feed(self._view[:count]):
                if kind == kmp_frame.FRAME:
                    self.counters.good += 1
                    try:
                        kmp.check(value, cid, kmp.METER)
                    except kmp.KmpError as wrong:  # the right one may be on its way
                        error = WrongMeter(wrong.args[0])
                        continue
                    self.counters.reply_ms = ticks_diff(ticks_ms(), start) - sending
                    return value
                if kind == kmp_frame.ECHO:
                    self.counters.echoes += 1
                elif kind == kmp_frame.BAD:
                    self.counters.bad += 1
                    error = BadCheck(value)
            self.counters.noise = self._framer.noise
        if error:
            raise error
        self.counters.timeouts += 1
        raise MeterTimeout("the meter is silent")
