# uMeter - KMP cycle against its line time, live heap of the whole app
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from sim.launch import ROOT, VirtualBoard, interpreter
from sim.meters.multical import Multical
from sim.meters.server import Server
from tools import build, mpy
from tools.config import resolve
from tools.image import make_image

_KEY = "0123456789abcdeffedcba9876543210"  # only to measure with
_SAMPLES = 1000

# Runs under MicroPython: what 1 000 samples leave behind on the heap.
_PUBLISH = """
import gc, time
from firmware.clock import Clock
from firmware.crypto.envelope import Envelope
from firmware.net.publisher import Publisher
from firmware.reading import Quantity, Reading
clock = Clock(time.ticks_ms, time.ticks_diff)
clock.set(1800000000)
publisher = Publisher(Envelope(bytes(16)), clock, False, gc.mem_free)
publisher.send = lambda topic, payload: None
values = {name: Quantity(12345, -2, "C") for name in ("temp_t1", "temp_t2", "energy_e1")}
reading = Reading("kmp", "7210086", 5, values)
publisher.sample(reading)
gc.collect()
before = gc.mem_alloc()
for _ in range(%d):
    publisher.sample(reading)
gc.collect()
print(gc.mem_alloc() - before, before)
"""


def _cycle(image):
    """ms of one KMP cycle of the app, from the request's first byte to the reading."""
    times = []
    core = Multical(live=False)
    feed = core.feed

    def watched(data, now_ms):
        out = feed(data, now_ms)
        if data:
            times.append(time.monotonic())
        return out

    core.feed = watched
    with Server(core, tcp=("127.0.0.1", 0)) as server:
        world = {"uart": {"2": "tcp:127.0.0.1:%d" % server.port}}
        world["uart"]["1"] = world["uart"]["2"]
        lines = []
        with VirtualBoard(image, world, on_line=lines.append):
            deadline = time.monotonic() + 20
            while not any("reading 7210086" in line for line in lines):
                if time.monotonic() > deadline:
                    raise RuntimeError("no reading: %s" % lines[-5:])
                time.sleep(0.001)
            end = time.monotonic()
    # The last request's first byte is the start of its burst of line bytes.
    start = [t for i, t in enumerate(times) if i == 0 or t - times[i - 1] > 0.1][-1]
    return (end - start) * 1000


def run():
    """[(name, value, unit, note)] for make bench."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tree = Path(folder) / "device"
        flags = resolve({"KEY": _KEY, "WIFI_SSID": "umeter"}, {})
        build.build(flags, mpy.host_arch(interpreter()), tree)
        image = Path(folder) / "flash.img"
        make_image(tree, image)
        took = _cycle(image)
    wire = 23 + 80  # bytes of the request and of the simulated meter's reply, stuffing included
    line = wire * 11 * 1000 / 1200
    rows.append(("KMP cycle of 8 registers", took, "ms",
                 "line time %.0f ms + 60 ms of the meter's own" % line))  # fmt: skip
    rows.append(("KMP cycle / line time", (took - 60) / line, "", "goal: at most 1.15"))
    env = {**os.environ, "MICROPYPATH": "%s:.frozen" % ROOT}
    done = subprocess.run([interpreter(), "-X", "heapsize=200k", "-c", _PUBLISH % _SAMPLES],
                          env=env, capture_output=True, text=True, check=True)  # fmt: skip
    growth, live = map(int, re.findall(r"-?\d+", done.stdout))
    note = "live before: %d" % live
    rows.append(("heap growth over %d samples" % _SAMPLES, growth, "bytes", note))
    return rows
