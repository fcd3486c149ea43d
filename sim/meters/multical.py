# uMeter - a simulated MULTICAL 601/602 that answers KMP
# MIT license; Copyright (c) 2026 The uMeter authors

# A pure core: feed(bytes, now_ms) -> [(delay_ms, bytes)]. It has its own frame code, not
# the firmware's: a mistake in one must not hide in the other.

import random

from firmware.meters.kmp_units import unit_name
from firmware.reading import parse_decimal

STUFFED = {0x80, 0x40, 0x0D, 0x06, 0x1B}
ADDRESS = 0x3F

# id -> (unit code, value bytes, exponent, mantissa)
REGISTERS = {
    60: (3, 4, -3, 56726),
    68: (40, 4, -2, 132127),
    1004: (46, 4, 0, 73327),
    86: (37, 4, -2, 6543),
    87: (37, 4, -2, 3210),
    89: (38, 4, -2, 3333),
    74: (41, 4, 0, 317),
    80: (22, 4, -1, 123),
    99: (51, 2, 0, 0),
    113: (51, 2, 0, 3),
    155: (1, 4, -1, 67260000),
    1001: (51, 4, 0, 0),
    1002: (47, 4, 0, 123456),
    1003: (48, 4, 0, 261121),
}

UNITS = {unit_name(code): code for code in range(255, -1, -1)}  # of two codes the lower one
NUMBER = 51  # unit of what has none
_MOST_EXPONENT = 63  # SiEx has six bits for it


def parse_register(text):
    """"60=56.726,MWh,4" -> (60, (unit code, value bytes, exponent, mantissa)); ValueError.

    The value may have an exponent (12e3); it keeps the decimals that are written. Unit (name or
    code) and bytes: as the register has them, else 51 and 4. No value: (id, None), it is gone.
    """
    rid, given, rest = text.partition("=")
    value, unit, size = (rest.split(",") + ["", ""])[:3]
    if not rid.isdigit() or int(rid) > 0xFFFF or not given or rest.count(",") > 2:
        raise ValueError("ID=VALUE[,UNIT[,BYTES]]")
    rid = int(rid)
    if not rest:
        return rid, None
    usual = REGISTERS.get(rid, (NUMBER, 4))
    if unit:
        unit = int(unit) if unit.isdigit() else UNITS.get(unit, 256)
        if unit > 255:
            raise ValueError("no such unit")
    else:
        unit = usual[0]
    size = int(size) if size else usual[1]
    digits, scaled, power = value.partition("e")
    mantissa, exponent = parse_decimal(digits)
    exponent += int(power) if scaled else 0
    if abs(exponent) > _MOST_EXPONENT or not 1 <= size <= 10 or abs(mantissa) >> 8 * size:
        raise ValueError("exponent to +-63, 1 to 10 bytes that hold all digits")
    return rid, (unit, size, exponent, mantissa)


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def stuff(data):
    out = bytearray()
    for byte in data:
        out += bytes((0x1B, byte ^ 0xFF)) if byte in STUFFED else bytes((byte,))
    return bytes(out)


def frame(body):
    return b"\x40" + stuff(body + crc16(body).to_bytes(2, "big")) + b"\x0d"


def unstuff(data):
    out, escaped = bytearray(), False
    for byte in data:
        if byte == 0x1B and not escaped:
            escaped = True
            continue
        out.append(byte ^ 0xFF if escaped else byte)
        escaped = False
    return bytes(out)


class Multical:
    """serial: int. registers: as REGISTERS; still: ids of those that do not grow. Faults are
    chances from 0 to 1 per reply.

    asleep: the first request after `awake_ms` of silence only wakes it.
    """

    baudrate, bits, parity, stop = 1200, 8, None, 2

    def __init__(self, serial=7210086, registers=None, meter_type=0x0001, revision=0x0601,
                 answer_ms=60, echo=False, noise=0.0, drop=0.0, damage=0.0, asleep=False,
                 awake_ms=5000, live=True, seed=None, still=()):  # fmt: skip
        if not 0 <= serial < 1 << 32:
            raise ValueError("a serial number of 32 bits, not %d" % serial)
        self.registers = dict(REGISTERS if registers is None else registers)
        self.serial, self.type, self.revision = serial, meter_type, revision
        self.answer_ms, self.echo, self.noise, self.drop = answer_ms, echo, noise, drop
        self.damage, self.asleep, self.awake_ms, self.live = damage, asleep, awake_ms, live
        self.seen = {"requests": 0, "bad": 0, "dropped": 0, "damaged": 0, "asleep": 0}
        self.log = lambda text: None
        self._still = still  # ids of those that do not grow
        self._random = random.Random(seed)
        self._buffer = bytearray()
        self._last = None  # ms of the last sound request
        self._started = None

    def feed(self, data, now_ms):
        """What the line brought -> what to send back, as (delay_ms, bytes) in order."""
        out = [(0, bytes(data))] if self.echo else []
        for byte in data:
            if byte == 0x80:
                self._buffer = bytearray()
            self._buffer.append(byte)
            del self._buffer[:-600]
            if byte == 0x0D and self._buffer[0] == 0x80:
                out += self._request(bytes(self._buffer[1:-1]), now_ms)
                self._buffer = bytearray()
        return out

    def _request(self, wire, now_ms):
        body = unstuff(wire)
        if len(body) < 4 or crc16(body) or body[0] != ADDRESS:
            self.seen["bad"] += 1
            self.log("bad request " + wire.hex())
            return []
        self.seen["requests"] += 1
        slept = self._last is None or now_ms - self._last > self.awake_ms
        self._last = now_ms
        if self.asleep and slept:
            self.seen["asleep"] += 1
            self.log("woken")
            return []
        reply = self._answer(body[1], body[2:-2], now_ms)
        if reply is None:
            self.log("command %02X is not for us" % body[1])
            return []
        self.log("command %02X" % body[1])
        return self._spoil(reply)

    def _answer(self, cid, data, now_ms):
        head = bytes((ADDRESS, cid))
        if cid == 1:
            return frame(head + self.type.to_bytes(2, "big") + self.revision.to_bytes(2, "big"))
        if cid == 2:
            return frame(head + self.serial.to_bytes(4, "big"))
        if cid == 0x10 and data and len(data) == 1 + 2 * data[0] and data[0] <= 8:
            self._move(now_ms)
            ids = [data[i] << 8 | data[i + 1] for i in range(1, len(data), 2)]
            return frame(head + b"".join(self._record(i) for i in ids if i in self.registers))
        return None

    def _record(self, rid):
        unit, size, exponent, mantissa = self.registers[rid]
        if rid == 1001:
            mantissa = self.serial
        siex = abs(exponent) | (0x40 if exponent < 0 else 0) | (0x80 if mantissa < 0 else 0)
        return (rid.to_bytes(2, "big") + bytes((unit, size, siex))
                + abs(mantissa).to_bytes(size, "big"))  # fmt: skip

    def _move(self, now_ms):
        """Time passes: hours, energy and volume grow as the power and the flow say."""
        if self._started is None:
            self._started = now_ms, dict(self.registers)
        if not self.live:
            return
        passed = now_ms - self._started[0]
        for rid, per_hour in ((1004, 1), (60, 12), (68, 32), (155, 123000)):
            if rid in self.registers and rid not in self._still:
                unit, size, exponent, mantissa = self._started[1][rid]
                grown = mantissa + passed * per_hour // 3600000
                self.registers[rid] = unit, size, exponent, grown

    def _spoil(self, reply):
        if self._random.random() < self.drop:
            self.seen["dropped"] += 1
            self.log("reply dropped")
            return []
        if self._random.random() < self.damage:
            self.seen["damaged"] += 1
            at = self._random.randrange(1, len(reply) - 1)
            hit = reply[at] ^ 1 << self._random.randrange(8)
            reply = reply[:at] + bytes((hit,)) + reply[at + 1 :]
            self.log("reply damaged")
        if self._random.random() < self.noise:
            reply = b"\x00" + reply
        return [(self.answer_ms, reply)]
