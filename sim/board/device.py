# uMeter - a whole board: flash image on "/", boot.py, main.py, the console on stdin and stdout
# MIT license; Copyright (c) 2026 The uMeter authors

# usage: UMETER_WORLD=... MICROPYPATH=sim/board:.frozen micropython -X heapsize=208k device.py IMG
# A reset ends the process with SIGUSR2, and whoever started it starts it again (sim/terminal.py):
# so each life begins with an empty heap, as on the chip. What survives goes through world.

import sys

import gc
import uos
import vfs

import world
import _flash
import _repl
import _wires  # noqa: F401

# Loaded now, while the machine's files are in reach: on the chip they are built in as well.
import asyncio  # noqa: F401
import esp  # noqa: F401
import esp32  # noqa: F401
import machine  # noqa: F401
import network  # noqa: F401
import os  # noqa: F401
import select  # noqa: F401
import socket  # noqa: F401
import time  # noqa: F401

for _name in ("ssl", "umqtt.simple"):  # frozen into the chip's image
    try:
        __import__(_name)
    except ImportError:
        print("virtual board: without " + _name)


def _mount(image):
    world.flash = _flash.Flash(
        image or None,
        world.config.get("blocks", 512),
        world.config.get("cut_at", 0),
        world.power_cut,
    )
    board = _flash.mount(world.flash)
    vfs.umount("/")
    vfs.mount(board, "/")
    uos.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]
    sys.argv[:] = []


def run():
    _mount(sys.argv[1] if len(sys.argv) > 1 else "")
    world.on_device = True
    state = world.load_state()
    gc.collect()
    console = _repl.Console(world.restart)
    raw = state.get("raw", False)
    if raw:
        console.write(b"OK\r\nMPY: soft reboot\r\n")
    console.run_file("boot.py")
    if not raw:
        console.run_file("main.py")
    console.serve(raw)


run()
