# uMeter - HAN and P1 push meters on a line, in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import asyncio
import random
import sys
import time

import machine
import world
from _serial import parse

from firmware.clock import Clock
from firmware.meters.errors import BadCheck, MeterTimeout
from firmware.meters.han_meter import HanMeter
from firmware.meters.line import Line
from sim.meters import pusher


def make(line, rxbuf=4096, **options):
    """A meter on UART 1; line: how the far end is set, None: as the UART."""
    world.config["uart"] = {"1": "pipe"}
    uart = machine.UART(1, baudrate=2400, tx=17, rx=16, rxbuf=rxbuf)
    world.wires[1].line = line and parse(line)
    clock = Clock(time.ticks_ms, time.ticks_diff)
    told = []
    meter = HanMeter(Line(uart, 2400, 8, None, 1), clock, on_line=told.append, **options)
    return meter, world.wires[1], told


def push(wire, build, every_ms):
    """Every every_ms the far end sends build(n)."""

    def send(n):
        wire.send(build(n))
        world.after(every_ms, send, n + 1)

    world.after(every_ms, send, 1)


def list_of(n):
    return pusher.han_list(7210086, n)


def telegram_of(n):
    return pusher.p1_telegram(7210086, n)


async def reading(meter, tries=10):
    """The next Reading, whatever errors come before."""
    for _ in range(tries):
        try:
            return await meter.read()
        except (BadCheck, MeterTimeout):
            pass
    raise AssertionError("no reading")


async def found(line, build, every_ms, most_s, **options):
    meter, wire, told = make(line, **options)
    push(wire, build, every_ms)
    first = await reading(meter, 30)
    assert first.serial == "7210086" and meter.line_found
    assert told == [meter.line_setting]
    assert first.notes[-1] == "the line is set to " + told[0]
    assert not (await reading(meter)).notes
    assert time.ticks_ms() < most_s * 1000, (line, told, time.ticks_ms())
    return told[0]


async def test_2400_8e1():
    await found("2400 8E1", list_of, 10000, 40)


async def test_2400_8n1_inverted():
    assert await found("2400 8N1 inverted", list_of, 10000, 60) == "2400 8N1 inverted"


async def test_p1_inverted():
    found_ = await found("115200 8N1 inverted", telegram_of, 1000, 8, fast=True)
    assert found_ == "115200 8N1 inverted"


async def test_p1_9600_7e1():
    assert await found("9600 7E1", telegram_of, 10000, 120, fast=True) == "9600 7E1"


async def test_circuit_that_inverts():
    """What the board's circuit turns over is the first guess; the UART turns it back."""
    line = "115200 8N1 inverted"
    assert await found(line, telegram_of, 1000, 3, fast=True, inverted=True) == line


async def test_stored_setting_is_tried_first():
    meter, wire, told = make("38400 8E1 inverted", line_setting="38400 8E1 inverted")
    push(wire, list_of, 10000)
    assert not (await meter.read()).notes
    assert told == [] and time.ticks_ms() < 11000


async def test_line_that_changes():
    meter, wire, told = make("2400 8N1")
    push(wire, list_of, 5000)
    await reading(meter)
    wire.line = parse("9600 8E1")
    await reading(meter, 100)
    assert told[0] == "2400 8N1" and told[1].startswith("9600 8") and len(told) == 2


async def test_silence_and_noise_lose_nothing():
    meter, wire, told = make("2400 8N1")
    wire.send(list_of(1), 1000)
    await reading(meter)
    assert "firmware.meters.autobaud" not in sys.modules  # its room is free again
    for _ in range(3):  # a silent meter, now and then a crackle
        wire.send(b"\x00\xff\x7e" * 3, 100)
        try:
            await meter.read()
            assert False, "noise was a telegram"
        except (BadCheck, MeterTimeout):
            assert meter.line_found
    # Noise for long enough makes it doubt, but the next list is as good as any.
    for n in range(200):
        wire.send(bytes(range(40)), 300 * n)
    for _ in range(8):
        try:
            await meter.read()
        except (BadCheck, MeterTimeout):
            pass
    assert not meter.line_found
    push(wire, list_of, 10000)
    first = await reading(meter, 40)
    assert first.values["active_power_import_w"] and meter.line_found
    assert told[0] == "2400 8N1" and meter.line_setting.startswith("2400 8")


async def test_a_bad_contact_does_not_make_it_search():
    """Every third list is whole."""
    meter, wire, told = make("2400 8N1")
    push(wire, lambda n: list_of(n) if n % 3 == 0 else list_of(n)[:70] + list_of(n)[80:], 5000)
    await reading(meter, 90)
    for _ in range(20):
        await reading(meter, 20)
        assert meter.line_found
    assert len(told) == 1


async def test_garbage_without_end_is_a_timeout_in_time():
    meter, wire, told = make(None)

    def noise(_):
        wire.send(bytes(random.getrandbits(8) for _ in range(40)))
        world.after(100, noise, None)

    noise(None)
    start = time.ticks_ms()
    try:
        while time.ticks_diff(time.ticks_ms(), start) < 200000:
            began = time.ticks_ms()
            try:
                await meter.read()
            except BadCheck:
                continue
            assert False, "noise was a telegram"
    except MeterTimeout as error:
        assert "trying" in error.args[0]
        assert time.ticks_diff(time.ticks_ms(), began) < 100000
        return
    assert False, "not one timeout"


async def test_good_frame_behind_a_bad_one_in_the_same_chunk():
    meter, wire, _ = make(None)
    bad = bytearray(list_of(1))
    bad[60] ^= 1
    wire.send(bytes(bad))
    wire.send(list_of(2), 200)
    world.stall(3500)  # the loop comes when both are in the buffer
    try:
        await meter.read()
        assert False, "a wrong FCS was taken"
    except BadCheck as error:
        assert "fcs" in error.args[0]
    assert (await meter.read()).values["active_power_import_w"].mantissa == 1274
    assert meter.counters.good == meter.counters.bad == 1


async def stalled(telegrams, stall_ms, rxbuf):
    """Readings of a P1 port while something holds the loop up, ten times a second."""
    meter, wire, _ = make("115200 8N1", rxbuf, line_setting="115200 8N1", fast=True)
    size = len(telegram_of(1))
    seconds = []

    def build(n):
        padding = b"0-0:96.13.0(" + b"30" * 400 + b")\r\n"  # a message of the utility: 1 kB
        text = telegram_of(n)
        text = text[: text.index(b"!")] + padding + b"!"
        return text + pusher.frames.arc(text) + b"\r\n"

    assert len(build(1)) > size + 800
    push(wire, build, 1000)

    async def hold():
        while True:
            world.stall(stall_ms)
            await asyncio.sleep_ms(1)

    task = asyncio.create_task(hold())
    for _ in range(telegrams):
        values = (await asyncio.wait_for(meter.read(), 3)).values
        seconds.append(values["active_energy_import_wh"].mantissa)
    task.cancel()
    steps = [b - a for a, b in zip(seconds, seconds[1:])]
    return steps, world.uart_lost.get(1, 0), meter.counters


async def test_stalls_of_100_ms_at_115200_baud_lose_nothing():
    steps, lost, counters = await stalled(120, 100, 4096)
    assert steps == [3] * 119 and lost == 0 and counters.bad == 0


async def test_stalls_that_the_buffer_does_not_cover_lose_telegrams():
    """The same with MicroPython's own buffer size: the test above can fail."""
    try:
        await stalled(5, 100, 256)
        assert False, "nothing was lost"
    except (BadCheck, asyncio.TimeoutError):
        assert world.uart_lost[1] > 0


async def test_many_lists_keep_the_heap_flat():
    import gc

    meter, wire, _ = make("2400 8N1")
    push(wire, list_of, 10000)
    for _ in range(10):
        await meter.read()
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(60):
        await meter.read()
    gc.collect()
    assert gc.mem_alloc() - before < 512, gc.mem_alloc() - before


async def names(build, every_ms, count, **options):
    """Serials of the first readings."""
    meter, wire, _ = make("2400 8N1", line_setting="2400 8N1", **options)
    push(wire, build, every_ms)
    found = []
    for _ in range(count):
        found.append((await meter.read()).serial)  # MicroPython has no await in comprehensions
    return found


def nameless(n):
    body = (1, [(2, [pusher.frames.obis("1-0:1.7.0"), (6, n)])])
    return pusher.frames.hdlc_message(pusher.frames.notification(body))


async def test_a_meter_that_has_no_name_is_given_one():
    """Lists of all values, each 10 s, without the meter's number: seen in Sweden."""
    found = await names(nameless, 10000, 6, serial="9999999")
    assert found == [None] * 3 + ["9999999"] * 3


async def test_short_lists_are_of_the_meter_that_the_long_ones_name():
    found = await names(lambda n: nameless(n) if n % 5 else list_of(n), 2000, 12, serial="9")
    assert found == [None] * 4 + ["7210086"] * 8
