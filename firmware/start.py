# uMeter - the start: of the app, or of the safe mode when the app cannot
# MIT license; Copyright (c) 2026 The uMeter authors

# A start fails when an exception or the watchdog ends it within five minutes (then
# firmware/app/heart.py settles it). After the third failure in a row comes the safe mode. The
# count lies in the chip's RTC memory: a power cycle ends it, and so does a restart that somebody
# has ordered.

import gc
import sys
import time
from asyncio import core
from micropython import const

import config
from firmware.board import EXCEPTION, Board

_MOST = const(3)
_RESTART_S = const(5)  # long enough to read the console, and for Ctrl-C
_CONSOLE_MS = const(3600000)  # the watchdog's patience with somebody at the console
_GARBAGE = const(16384)  # bytes between two collections


def start():
    """Ctrl-C ends it; what else goes wrong restarts the chip, for a dead app helps nobody."""
    began = time.ticks_ms()
    board = Board(config)
    gc.collect()
    gc.threshold(_GARBAGE)  # else garbage fills the heap to its end, and leaves it in pieces
    is_safe = board.failures >= _MOST
    board.begin()
    board.start_watchdog()  # before the code is read: a damaged file may end in an endless loop
    stores = []  # settings in use: no secret of theirs may be kept with a crash
    try:
        _run(board, stores, is_safe)
    except KeyboardInterrupt:
        _give_console(board)
        raise
    except Exception as error:
        _keep(error, time.ticks_diff(time.ticks_ms(), began) // 1000, stores)
        if is_safe:
            print("Not even the safe mode works; `make flash` writes all files anew.")
            _give_console(board)
            return
        time.sleep(_RESTART_S)
        board.restart(EXCEPTION)


def _run(board, stores, is_safe):
    """Apart from start(), whose frame would hold the app's code when it has failed."""
    if is_safe:
        from firmware.safe import run
    else:
        from firmware.app import run
    run(board, stores)


def _give_console(board):
    board.settle()
    board.start_watchdog(_CONSOLE_MS)
    print("The console is yours for an hour. Ctrl-D starts again.")


def _keep(error, uptime, stores):
    try:
        _free(stores)
        from firmware.crash import keep

        keep(error, uptime, stores or None)
    except Exception as another:  # a full flash, a damaged file: the restart has to come anyway
        print("The crash is not kept: %s" % type(another).__name__)


def _free(stores):
    """Lets go of what holds the app. Needs no memory: that may be what was short."""
    for store in stores:
        store.on_flash_error = None
    found = True
    while found:
        found = False
        for name in sys.modules:
            if name == "firmware" or name.startswith("firmware."):
                del sys.modules[name]
                found = True
                break
    core._task_queue = core._io_queue = core.cur_task = core.Loop._exc_handler = None
    gc.collect()
    core.new_event_loop()
