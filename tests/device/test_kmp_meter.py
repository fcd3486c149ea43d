# uMeter - KMP poller on the virtual board's UART
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import time

import machine
import world

from firmware.clock import Clock
from firmware.crypto import crc
from firmware.meters import kmp
from firmware.meters.errors import BadCheck, MeterError, MeterTimeout
from firmware.meters.kmp_meter import KmpMeter
from firmware.meters.line import Line
from firmware.net.sample import sample_text

SERIAL = bytes.fromhex("403f0200692d32cd5d0d")
TYPE = bytes.fromhex("403f0100041bf90126990d")
FULL = bytes.fromhex(
    "403f10003c0304430000dd9600442804420002041f03ec2e040000011e6f00562504420000093900572504420000"
    "08ab00592604420000008e004a2904000000000000501604410000000005cc0d"
)


class Core:
    """Answers as scripted: a list of replies, one per request."""

    def __init__(self, replies):
        self.replies = list(replies)
        self.buffer = b""
        self.requests = []
        self.times = []

    def feed(self, data, now_ms):
        self.buffer += data
        if not self.buffer.endswith(b"\r"):
            return []
        self.requests.append(self.buffer)
        self.times.append(now_ms)
        request, self.buffer = self.buffer, b""
        reply = self.replies.pop(0) if self.replies else b""
        if reply == "echo":
            reply = request + (self.replies.pop(0))
        return [(60, reply)] if reply else []


def make(replies, further=()):
    world.config["uart"] = {"1": "pipe"}
    uart = machine.UART(1, baudrate=1200, bits=8, parity=None, stop=2, tx=17, rx=16, rxbuf=1024)
    core = Core(replies)
    world.wires[1].attach(core)
    clock = Clock(time.ticks_ms, time.ticks_diff)
    return KmpMeter(Line(uart, 1200, 8, None, 2), clock, further=further), core


async def test_reading():
    meter, core = make([SERIAL, TYPE, FULL])
    reading = await meter.read()
    assert reading.serial == "6892850" and meter.type == ("0004", "F1")
    assert tuple(reading.values["energy_e1"]) == (56726, -3, "MWh")
    assert len(reading.values) == 8


async def test_cycle_is_not_much_longer_than_its_line_time():
    meter, core = make([SERIAL, TYPE, FULL, FULL])
    await meter.read()
    start = time.ticks_ms()
    await meter.read()
    took = time.ticks_diff(time.ticks_ms(), start)
    line = 11 * (23 + len(FULL)) * 1000 // 1200
    assert took <= line * 115 // 100 + 60, (took, line)


async def test_echo_damage_and_silence_are_survived():
    damaged = FULL[:20] + b"\x55" + FULL[21:]
    meter, core = make(["echo", SERIAL, TYPE, damaged, b"", b"\x00" + FULL])
    reading = await meter.read()
    assert len(reading.values) == 8
    counters = meter.counters
    assert counters.echoes == 1 and counters.bad == 1 and counters.retries == 2
    gaps = [b - a for a, b in zip(core.times[2:], core.times[3:])]
    assert all([gap >= 1600 for gap in gaps]), gaps


async def test_silent_meter_times_out_and_recovers():
    meter, core = make([])
    try:
        await meter.read()
        assert False
    except MeterTimeout:
        assert meter.counters.timeouts == 3
    core.replies = [SERIAL, TYPE, FULL]
    assert (await meter.read()).serial == "6892850"


async def test_after_silence_it_may_be_another_meter():
    meter, core = make([SERIAL, TYPE, FULL])
    await meter.read()
    try:
        await meter.read()
        assert False
    except MeterTimeout:
        core.replies = [framed(b"\x3f\x02\0\x01\x02\x03"), FULL]
    assert (await meter.read()).serial == "66051"


async def test_missing_registers_are_absent():
    one = bytes.fromhex("403f1003ec2e040000001be4d792e40d")
    meter, core = make([SERIAL, b"", one])
    reading = await meter.read()
    assert list(reading.values) == ["hours"]
    assert meter.type == ()  # it would not say; that costs no reading


async def test_a_late_answer_is_passed_over():
    meter, core = make([SERIAL, TYPE, SERIAL + FULL])
    assert len((await meter.read()).values) == 8
    assert meter.counters.retries == 0


async def test_the_answer_of_another_meter_is_asked_again():
    other = bytes.fromhex("40bf0200692d32197d0d")
    meter, core = make([other, SERIAL, TYPE, FULL])
    assert (await meter.read()).serial == "6892850"
    assert meter.counters.retries == 1


async def test_sound_replies_of_a_wrong_length():
    """With a right CRC: what follows it is no reason to end the app."""
    serial = bytes.fromhex("403f0200692d3200" + "%04x" % crc.xmodem(b"?\x02\0i-2\0") + "0d")
    cut = bytes.fromhex("403f10003c0304430000" + "%04x" % crc.xmodem(b"?\x10\0<\3\4C\0\0") + "0d")
    for replies in ([serial], [SERIAL, TYPE, cut], [SERIAL, serial, cut]):
        meter, core = make(replies)
        try:
            await meter.read()
            raise AssertionError("a reading of %r" % replies)
        except BadCheck as error:
            assert error.args[0] == "malformed", error


async def test_a_line_that_never_falls_silent():
    """Noise with a start in it all the time looks like a reply that is on its way."""
    meter, core = make([])
    for i in range(8000):
        world.wires[1].send(b"\x40\x3f\x02", i * 20)
    start = time.ticks_ms()
    try:
        await meter.read()
        raise AssertionError("a reading of noise")
    except MeterError:
        assert time.ticks_diff(time.ticks_ms(), start) < 30000
    assert meter.counters.retries == 2


def registers_reply(*records):
    return framed(b"\x3f\x10" + b"".join(records))


def framed(body):
    body += crc.xmodem(body).to_bytes(2, "big")
    stuffed = bytearray(b"\x40")
    for byte in body:
        if byte in (0x80, 0x40, 0x0D, 0x06, 0x1B):
            stuffed += bytes((0x1B, byte ^ 0xFF))
        else:
            stuffed.append(byte)
    return bytes(stuffed) + b"\r"


async def test_further_registers_and_the_exact_energy():
    """E1 56.726 MWh is cut to kWh, register 155 says what lies below 10 MWh: 6 726 123.4 Wh."""
    fine = registers_reply(bytes.fromhex("009b010441") + (67261234).to_bytes(4, "big"),
                           bytes.fromhex("00482c044200001234"))
    meter, core = make([SERIAL, TYPE, FULL, fine], further=(155, 60, 72))
    reading = await meter.read()
    assert core.requests[3] == kmp.get_registers((155, 72))  # 60 was asked with the eight
    assert tuple(reading.values["energy_e1"]) == (56726, -3, "MWh")
    assert tuple(reading.values["energy_e1_exact"]) == (567261234, -1, "Wh")
    assert tuple(reading.values["mass_m1"]) == (0x1234, -2, "ton")
    assert reading.derived == ("energy_e1_exact",)
    text = sample_text(reading)
    assert text.endswith("&e1=56.726 MWh&energy_e1_exact=56726123.4 Wh"
                         "&energy_high_resolution=6726123.4 Wh&mass_m1=46.60 ton&")


async def test_a_further_register_that_the_meter_lacks():
    meter, core = make([SERIAL, TYPE, FULL, registers_reply()], further=(266,))
    reading = await meter.read()
    assert len(reading.values) == 8 and not reading.derived
