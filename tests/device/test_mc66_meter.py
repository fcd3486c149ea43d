# uMeter - MULTICAL 66C and 66B pollers against scripted replies, in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import time

import machine
import world

from firmware.clock import Clock
from firmware.meters.mc66_meter import Mc66Meter
from firmware.meters.line import Line
from firmware.net.sample import sample_text

IDENT = b"/KAM MC\r\n"
BLOCK_C = (b"\x020.0(00007210086)\r\n6.8(00056.72*MWh)\r\n6.26(001321.2*m3)\r\n"
           b"6.31(0073327*h)!\r\n\x03\x3b")  # fmt: skip
BLOCK_B = b"\x020.0(00007210086)6.8(0056726*kWh)6.26(01321.27*m3)6.31(0073327*h)!\r\n\x03\x73"
ONE = b"0005672 0013212 0073327 0006543 0003210 0003333 0000123 0000317 0000150 0000000 \r"
TWO = (b"00007210086 0000000 0000000 0000000 0000000 0000000 0000000 0034137 2101300 0230615 \r")
INST = b"0002251 -002735 0001820 0000000 0000000 0000020 0000000 0000000 \r"
COMMON = "heap=0&program=341372101300&t1=65.43 C&t2=32.10 C&"
TAIL = "tdif=33.33 C&flow1=317 l/h&effect1=12.3 kW&hr=73327 h&"


class Core:
    """request -> list of replies, one per time that it is asked."""

    def __init__(self, replies):
        self.replies = replies
        self.buffer = b""
        self.asked = []

    def feed(self, data, now_ms):
        self.buffer += data.replace(b"\0", b"")
        for request in self.replies:
            if self.buffer.endswith(request):
                self.buffer = b""
                self.asked.append((request, now_ms))
                reply = self.replies[request].pop(0)
                return [(1200, reply)] if reply else []
        return []


def make(model, replies):
    world.config["uart"] = {"1": "pipe"}
    uart = machine.UART(1, baudrate=300, bits=7, parity=0, stop=1, tx=17, rx=16, rxbuf=1024)
    core = Core(replies)
    world.wires[1].attach(core)
    clock = Clock(time.ticks_ms, time.ticks_diff)
    return Mc66Meter(Line(uart, 300, 7, 0, 1), clock, model), core


async def test_66c():
    meter, core = make("66c", {b"/?!\r\n": [IDENT + BLOCK_C], b"/#C": [INST], b"/#1\r": [ONE],
                               b"/#2\r": [TWO], b"\x06000\r\n": []})  # fmt: skip
    reading = await meter.read()
    assert reading.serial == "7210086"
    assert sample_text(reading) == (
        COMMON + "t3=-27.35 C&" + TAIL + "v1=1321.2 m3&e1=56.72 MWh&")  # fmt: skip


async def test_66b():
    meter, core = make("66b", {b"/?!\r\n": [IDENT], b"\x06000\r\n": [BLOCK_B], b"/#1\r": [ONE],
                               b"/#2\r": [TWO]})  # fmt: skip
    text = sample_text(await meter.read())
    assert text == COMMON + TAIL + "v1=1321.27 m3&e1=56726 kWh&"


async def test_damage_and_silence_are_retried_with_rest():
    bad = BLOCK_C.replace(b"56.72", b"56.73")
    wrong = INST.replace(b"27", b":7")
    meter, core = make("66c", {
        b"/?!\r\n": [b"", IDENT + bad, IDENT + BLOCK_C], b"/#C": [wrong, INST],
        b"/#1\r": [ONE], b"/#2\r": [TWO], b"\x06000\r\n": []})  # fmt: skip
    reading = await meter.read()
    assert tuple(reading.values["energy_e1"]) == (5672, -2, "MWh")
    assert meter.counters.retries == 3 and meter.counters.bad == 2
    times = [now for request, now in core.asked if request == b"/?!\r\n"]
    assert times[1] - times[0] >= 5000 and times[2] - times[1] >= 10000
