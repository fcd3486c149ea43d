# uMeter - live heap of the whole app by meter type, on the virtual board in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from sim.launch import ROOT, interpreter
from sim.meters import pusher
from sim.meters.mc66 import Mc66
from sim.meters.multical import Multical
from tools import build, mpy
from tools.config import resolve

_KEY = "0123456789abcdeffedcba9876543210"  # only to measure with
_SECONDS = 60  # of virtual time
_HEAP = "300k"  # room to spare: what is measured is what stays

# Runs under MicroPython. The network is out of reach and no set-up window opens, samples go
# nowhere: what stays on the heap is the app with its meter, the fakes of the hardware counted out.
_RUN = """
import asyncio, gc, json, time, sys
import machine, network, socket, esp, select, world
machine.UART, network.WLAN, machine.Counter, time.ticks_ms()
import _flash, _uart, _wires, vfs
chip = _flash.Flash("flash.bin", 64)
vfs.VfsLfs2.mkfs(chip)
vfs.mount(vfs.VfsLfs2(chip), "/data")
given = json.loads(sys.stdin.readline())
replies = [(bytes.fromhex(ask), bytes.fromhex(answer)) for ask, answer in given["replies"]]
pushes = [bytes.fromhex(push) for push in given["pushes"]]
asked = b""

def answer(data):
    global asked
    asked = (asked + data)[-64:]
    for ask, text in replies:
        if asked.endswith(ask):
            asked = b""
            wire.send(text, 300)

wire = world.wires[1] = world.wires[2] = _wires.Pipe()
wire.on_bytes = answer
world.reset_cause = 5

def push(i):
    wire.send(pushes[i % len(pushes)])
    world.after(10000, push, i + 1)

if pushes:
    world.after(1000, push, 0)
wire.wait_ms()
gc.collect()
bare = gc.mem_alloc()
from firmware.app import App, Clock, Log
from firmware.board import Board
import config
clock = Clock(time.ticks_ms, time.ticks_diff)
app = App(Board(config), clock, Log(clock, write=lambda line: None))
clock.set(1800000000)
def ready():
    # No broker is set: the session would let samples wait for one.
    app.publisher.send = lambda topic, payload: None
    return True

app.publisher._ready = ready
gc.threshold(16384)

def scrub(depth):
    # The collector takes what lies on the C stack for references.
    return scrub(depth - 1) if depth else None

async def main():
    task = asyncio.create_task(app.main())
    await asyncio.sleep(given["seconds"])
    scrub(30)
    gc.collect()
    gc.collect()
    # On a chip the driver keeps these buffers, outside of this heap.
    buffers = sum(s["txbuf"] + s["rxbuf"] + 256 for s in world.uart_settings.values())
    print("live", gc.mem_alloc() - bare - buffers, len(app.meter.latest.values))
    task.cancel()

asyncio.run(main())
"""


def live(flags, replies=(), pushes=()):
    """Bytes of the heap that the running app keeps, its code included, after a minute's readings.

    flags: build flags besides the key. replies: (request, answer) pairs of a meter that is asked;
    pushes: telegrams that come in turns, one each 10 s. RuntimeError if there was no reading.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tree = Path(folder) / "device"
        values = resolve({"KEY": _KEY, "WIFI_SSID": "out of reach", **flags}, {})
        build.build(values, mpy.host_arch(interpreter()), tree)
        given = {"replies": [[ask.hex(), answer.hex()] for ask, answer in replies],
                 "pushes": [push.hex() for push in pushes], "seconds": _SECONDS}  # fmt: skip
        path = ":".join(str(p) for p in (ROOT / "sim/virtual", ROOT / "sim/board", tree,
                                         tree / "lib", ROOT / "build/umqtt"))  # fmt: skip
        done = subprocess.run(
            [interpreter(), "-X", "heapsize=" + _HEAP, "-c", _RUN],
            input=json.dumps(given) + "\n", text=True, capture_output=True, cwd=folder,
            env={**os.environ, "MICROPYPATH": path + ":.frozen"}, timeout=120)  # fmt: skip
    found = re.search(r"^live (\d+) (\d+)$", done.stdout, re.M)
    if done.returncode or not found or not int(found.group(2)):
        raise RuntimeError("no reading: %s%s" % (done.stdout[-1000:], done.stderr[-1000:]))
    return int(found.group(1))


def script(core, requests):
    """(request, answer) pairs of a simulated meter, for live()."""
    pairs = []
    for request in requests:
        pairs.append((request, b"".join(reply for _, reply in core.feed(request, 0))))
    return pairs


def run():
    """[(name, value, unit, note)] for make bench."""
    from firmware.meters import kmp, kmp_registers

    asks = [kmp.request(kmp.GET_SERIAL), kmp.get_registers(kmp_registers.SAMPLE)]
    rows = []
    bare = live({"METER": "none"})
    rows.append(("app without a meter (METER=none)", bare, "bytes", "code and data, no Wi-Fi"))
    for meter, replies in (
        ("kmp", script(Multical(live=False), asks)),
        ("mc66c", script(Mc66("66c"), [b"/?!\r\n", b"/#C", b"/#1\r", b"/#2\r"])),
        ("mc66b", script(Mc66("66b"), [b"/?!\r\n", b"\x06000\r\n", b"/#1\r", b"/#2\r"])),
        ("impulse", ()),
    ):
        rows.append(("over it: " + meter, live({"METER": meter}, replies) - bare, "bytes", ""))
    for meter, flags, pushes, note in _pushes():
        size = live({"METER": meter, **flags}, (), pushes) - bare
        rows.append(("over it: " + meter, size, "bytes", note + ", goal <= 45000"))
    return rows


def _pushes():
    # (METER, flags, telegrams, note): the lists that need most, of each kind of meter.
    from tools.bench.han import made_up

    key, other = bytes(range(16)), bytes(range(16, 32))
    keys = {"HAN_ENCRYPTION_KEY": key.hex(), "HAN_AUTHENTICATION_KEY": other.hex()}
    pushes = [made_up(key, other, counter) for counter in range(1, 9)]
    yield "han", keys, pushes, "ciphered, 40 values"
    yield "han", {}, [pusher.han_list(7210086, n) for n in range(1, 9)], "clear, 6 values"
    yield "p1", {}, [pusher.p1_telegram(7210086, n) for n in range(1, 9)], "clear, 7 values"
