# uMeter - MULTICAL 66C and 66B pollers against scripted replies, in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import time

import machine
import world

from firmware.clock import Clock
from firmware.meters.errors import BadCheck, MeterTimeout
from firmware.meters.line import Line
from firmware.meters.mc66_meter import Mc66Meter
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
TEXT_C = COMMON + "t3=-27.35 C&" + TAIL + "v1=1321.2 m3&e1=56.72 MWh&"
TEXT_B = COMMON + TAIL + "v1=1321.27 m3&e1=56726 kWh&"
SCRIPT_C = {b"/?!\r\n": [IDENT + BLOCK_C], b"/#C": [INST], b"/#1\r": [ONE], b"/#2\r": [TWO],
            b"\x06000\r\n": []}  # fmt: skip
SCRIPT_B = {b"/?!\r\n": [b"/KAM 0 MC\r\n"], b"\x06000\r\n": [BLOCK_B], b"/#1\r": [ONE],
            b"/#2\r": [TWO]}  # fmt: skip


class Core:
    """request -> list of replies, one per time that it is asked; the last one for ever."""

    def __init__(self, replies, echo_ms=None):
        self.replies = {request: list(replies[request]) for request in replies}
        self.echo_ms = echo_ms
        self.answer_ms = 1200
        self.mute = 0  # so many first bytes of a request have no echo
        self.buffer = b""
        self.nuls = 0
        self.asked = []

    def feed(self, data, now_ms):
        self.nuls += data.count(b"\0")
        self.buffer += data.replace(b"\0", b"")
        out = [(self.echo_ms, data[self.mute :])] if self.echo_ms is not None else []
        for request in self.replies:
            if self.buffer.endswith(request):
                self.buffer = b""
                self.asked.append((request, now_ms, dict(world.uart_settings[1])))
                replies = self.replies[request]
                reply = replies.pop(0) if len(replies) > 1 else b"".join(replies)
                return out + ([(self.answer_ms, reply)] if reply else [])
        return out

    def times(self, request):
        return [now for asked, now, _ in self.asked if asked == request]


def make(model, replies, echo_ms=None, flow_meter=False):
    world.config["uart"] = {"1": "pipe"}
    uart = machine.UART(1, baudrate=300, bits=7, parity=0, stop=1, tx=17, rx=16, rxbuf=1024)
    core = Core(replies, echo_ms)
    world.wires[1].attach(core)
    clock = Clock(time.ticks_ms, time.ticks_diff)
    return Mc66Meter(Line(uart, 300, 7, 0, 1), clock, model, flow_meter), core


async def test_66c():
    meter, core = make("66c", SCRIPT_C)
    reading = await meter.read()
    assert reading.serial == "7210086"
    assert sample_text(reading) == TEXT_C
    assert [request for request, _, _ in core.asked] == [b"/?!\r\n", b"/#C", b"/#1\r", b"/#2\r"]
    assert meter.counters.good == 4 and meter.counters.retries == 0


async def test_66b():
    meter, core = make("66b", SCRIPT_B)
    assert sample_text(await meter.read()) == TEXT_B
    assert [request for request, _, _ in core.asked] == [
        b"/?!\r\n", b"\x06000\r\n", b"/#1\r", b"/#2\r"]  # fmt: skip


async def test_a_66c_that_wants_an_acknowledgement():
    script = dict(SCRIPT_C)
    script[b"/?!\r\n"], script[b"\x06000\r\n"] = [IDENT], [BLOCK_C]
    meter, core = make("66c", script)
    assert sample_text(await meter.read()) == TEXT_C


async def test_settings_of_the_line_in_every_phase():
    meter, core = make("66c", SCRIPT_C)
    await meter.read()
    for request, _, settings in core.asked:
        found = [settings[name] for name in ("baudrate", "bits", "parity", "stop")]
        assert found == [300, 7, 0, 2], (request, found)
    listening = world.uart_settings[1]
    assert listening["baudrate"] == 1200 and listening["stop"] == 1


async def test_it_is_woken_once():
    meter, core = make("66b", SCRIPT_B)
    await meter.read()
    assert core.nuls == 16
    await meter.read()
    assert core.nuls == 16
    core.replies[b"/#1\r"] = []
    try:
        await meter.read()
    except MeterTimeout:
        pass
    core.replies[b"/#1\r"] = [ONE]
    await meter.read()
    assert core.nuls == 32


async def test_echoes_at_once_and_late():
    for echo_ms in (0, 60, 400, 1000):
        for model, script, text in (("66c", SCRIPT_C, TEXT_C), ("66b", SCRIPT_B, TEXT_B)):
            meter, core = make(model, script, echo_ms)
            assert sample_text(await meter.read()) == text
            assert meter.counters.retries == 0, (echo_ms, model)


async def test_the_end_of_an_echo():
    """Its beginning has been dropped with all that was heard while we spoke."""
    for mute in (1, 2, 3):
        for model, script, text in (("66c", SCRIPT_C, TEXT_C), ("66b", SCRIPT_B, TEXT_B)):
            meter, core = make(model, script, 400)
            core.mute, core.answer_ms = mute, 2000  # as late as meters answer
            assert sample_text(await meter.read()) == text
            assert meter.counters.retries == 0, (mute, model)


async def test_noise_before_the_replies():
    script = {request: [b"\0x\0" + reply for reply in SCRIPT_B[request]] for request in SCRIPT_B}
    script[b"/#1\r"] = [b"7~\r" + ONE]
    meter, core = make("66b", script)
    assert sample_text(await meter.read()) == TEXT_B
    assert meter.counters.retries == 0


async def test_damage_and_silence_are_retried_with_rest():
    bad = BLOCK_C.replace(b"56.72", b"56.73")
    wrong = INST.replace(b"27", b":7")
    script = dict(SCRIPT_C)
    script[b"/?!\r\n"] = [b"", IDENT + bad, IDENT + BLOCK_C]
    script[b"/#C"] = [wrong, INST]
    meter, core = make("66c", script)
    reading = await meter.read()
    assert tuple(reading.values["energy_e1"]) == (5672, -2, "MWh")
    assert meter.counters.retries == 3 and meter.counters.bad == 2
    assert meter.counters.timeouts == 1
    times = core.times(b"/?!\r\n")
    assert times[1] - times[0] >= 5000 and times[2] - times[1] >= 10000


async def test_a_silent_meter_ends_in_time():
    for model, silent in (("66c", b"/?!\r\n"), ("66b", b"\x06000\r\n"), ("66c", b"/#2\r")):
        script = dict(SCRIPT_C if model == "66c" else SCRIPT_B)
        script[silent] = []
        meter, core = make(model, script)
        start = time.ticks_ms()
        try:
            await meter.read()
            raise AssertionError("a reading without " + repr(silent))
        except (MeterTimeout, BadCheck):
            assert time.ticks_diff(time.ticks_ms(), start) < 120000
        assert len(core.times(silent)) == 3
        core.replies[silent] = [(SCRIPT_C if model == "66c" else SCRIPT_B)[silent][0]]
        assert (await meter.read()).serial == "7210086"


async def test_a_line_that_never_falls_silent():
    meter, core = make("66b", {})
    for i in range(4000):
        world.wires[1].send(b"\x02(/\r", i * 100)
    start = time.ticks_ms()
    try:
        await meter.read()
        raise AssertionError("a reading of noise")
    except BadCheck:
        assert time.ticks_diff(time.ticks_ms(), start) < 120000


async def test_two_customers_are_no_reading():
    script = dict(SCRIPT_B)
    script[b"/#2\r"] = [TWO.replace(b"86", b"87")]
    meter, core = make("66b", script)
    try:
        await meter.read()
        raise AssertionError("two meters in one reading")
    except BadCheck as error:
        assert "customer" in error.args[0]


async def test_flow_meter():
    meter, core = make("66c", SCRIPT_C, flow_meter=True)
    text = sample_text(await meter.read(), flow_meter=True)
    assert text == "heap=0&program=341372101300&flow1=317 l/h&hr=73327 h&v1=1321.2 m3&"
    assert core.times(b"/#C") == []
