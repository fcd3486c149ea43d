# uMeter - impulses at 20/s while the chip stalls: how many are lost, with and without a counter
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import os
import subprocess

from sim.launch import ROOT, interpreter

_PULSES = 20000
_STALLS = (400, 600, 1000, 2000)  # ms, the longest; random lengths from 0 up to it

_RUN = """
import asyncio, json, random, sys, time
import world
from firmware.board import Board
from firmware.meters.impulse_filter import FilteredCounter
given = json.loads(sys.stdin.readline())
class Config:
    PINS = {"pulse": 4}
    INVERTED = ()
board = Board(Config)
window = given["window"]
counter = FilteredCounter(board, window) if window else board.pulse_counter()
left = given["pulses"]
def fall(_):
    world.drive(4, 0)
    world.after(25, rise, None)
def rise(_):
    global left
    world.drive(4, 1)
    left -= 1
    if left:
        world.after(25, fall, None)
async def look():
    while True:
        counter.value()
        await asyncio.sleep_ms(10)
async def main():
    random.seed(5)
    start = counter.value()
    task = asyncio.create_task(look())
    world.after(1, fall, None)
    while left:
        world.stall(random.getrandbits(16) % (given["stall"] + 1))
        await asyncio.sleep_ms(random.getrandbits(16) % 1000)
    await asyncio.sleep_ms(500)
    print("lost", given["pulses"] - (counter.value() - start))
asyncio.run(main())
"""


def lost(chip, stall, window="", pulses=_PULSES):
    """Pulses of `pulses` that a chip does not count when it stalls up to `stall` ms."""
    given = {"pulses": pulses, "stall": stall, "window": window}
    done = subprocess.run(
        [interpreter(), "-c", _RUN], input=json.dumps(given) + "\n", text=True,
        capture_output=True, cwd=ROOT, timeout=300,
        env={**os.environ, "UMETER_WORLD": json.dumps({"chip": chip}),
             "MICROPYPATH": "sim/virtual:sim/board:build/umqtt:.:.frozen"})  # fmt: skip
    word, _, count = done.stdout.strip().rpartition("\n")[2].partition(" ")
    if done.returncode or word != "lost":
        raise RuntimeError(done.stdout[-1000:] + done.stderr[-1000:])
    return int(count)


def run():
    """[(name, value, unit, note)] for make bench."""
    rows = []
    for stall in _STALLS:
        for chip, name in (("esp32", "counter"), ("esp32c3", "interrupts only")):
            for window, also in (("", ""), ("5-", ", with pulse_ms")):
                count = lost(chip, stall, window)
                what = "%s%s, stalls up to %d ms" % (name, also, stall)
                note = "%.2f %% of %d pulses" % (100 * count / _PULSES, _PULSES)
                rows.append((what, count, "lost", note))
    return rows
