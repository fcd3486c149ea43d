# uMeter - a whole board that lives many lives in one process, in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors

# Each life mounts the flash on "/", forgets every module that came from there, runs main.py and
# ends with a reset or with the power. Start it with MICROPYPATH=sim/virtual:sim/board:.frozen.

import builtins
import gc
import sys
import time
import uos
import vfs

import _flash
import _wires
import asyncio
import machine
import network  # noqa: F401
import esp  # noqa: F401
import esp32  # noqa: F401
import os  # noqa: F401
import select  # noqa: F401
import socket
import world
from _flash import PowerCut

# Loaded when first used, by an import relative to asyncio: later that is ours, see _watch().
for _name in asyncio._attrs:
    getattr(asyncio, _name)

OWN = ("firmware", "config", "main", "microdot")
POWER, RESET = 1, 2
_opened = []
_print, _import = print, __import__


class Watched(socket.socket):
    """Closed at the end of a life: in one process nobody else would."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _opened.append(self)


class Flash(_flash.Flash):
    """Loses power in the middle of its read number `read_at`, too."""

    reads = read_at = 0

    def readblocks(self, block, buf, offset=0):
        self.reads += 1
        if self.read_at and self.reads >= self.read_at:
            raise PowerCut
        super().readblocks(block, buf, offset)

    def reborn(self):
        self.cut_at = self.count = 1
        device = Flash(blocks=self.blocks)
        device._ram = self._ram  # nothing of the life before can write any more
        return device


class Machine:
    """files: {path: bytes} of its flash. lines: what the present life has printed."""

    def __init__(self, files, blocks=256):
        self.flash = Flash(blocks=blocks)
        self.lines = []
        self.app = None  # of this life, once it is built
        self.lives = 0
        self.resets = []  # causes
        world.on_restart = self._restarted
        world.on_device = True
        socket.socket = Watched
        board = _flash.mount(self.flash)
        for path in sorted(files):
            folder = ""
            for part in path.split("/")[:-1]:
                folder += "/" + part
                try:
                    board.mkdir(folder)
                except OSError:
                    continue  # it is there
            with board.open("/" + path, "wb") as file:
                file.write(files[path])
        self._roots = sys.path[:]

    def put(self, path, data, away):
        """Between two lives: writes a file and removes another one."""
        self.flash = self.flash.reborn()
        board = _flash.mount(self.flash)
        with board.open("/" + path, "wb") as file:
            file.write(data)
        board.remove("/" + away)

    def said(self, text):
        """Whether this life has printed a line with it."""
        return any([text in line for line in self.lines])

    def _restarted(self, cause):
        self.cause = cause
        self.resets.append(cause)

    def after(self, ms, function, argument=None):
        world.after(ms, function, argument)

    def cut_power(self, _=None):
        raise PowerCut

    def live(self, cause=POWER, cut_ms=None, cut_write=None, cut_read=None, begun=None, at=()):
        """One life. -> cause of the next: POWER, or that of a reset.

        begun: f(app), as soon as the app, or the safe mode, is built. at: [(ms, f, argument)].
        """
        self.lives += 1
        self._clean(cause)
        self.flash.cut_at = cut_write or 0
        self.flash.read_at = cut_read or 0
        if cut_ms is not None:
            self.after(cut_ms, self.cut_power)
        for event in at:
            self.after(*event)
        self.cause = POWER
        try:
            board = _flash.mount(self.flash, make=False)
            vfs.umount("/")
            vfs.mount(board, "/")
            sys.path[:] = ["", ".frozen", "/lib"]
            uos.chdir("/")
            self._watch(begun)
            with open("main.py") as file:
                program = file.read()
            exec(program, {"__name__": "__main__"})
        except PowerCut:
            world.rtc_memory = uos.urandom(7)  # noise, as in the chip's memory without power
        except (SystemExit, KeyboardInterrupt) as end:
            if isinstance(end, KeyboardInterrupt):
                self.cause = 5
        finally:
            self.uptime_ms = time.ticks_diff(time.ticks_ms(), self._began)
            self._bury()
        return self.cause

    def _clean(self, cause):
        for name in list(sys.modules):
            if name.split(".")[0] in OWN:
                del sys.modules[name]
        time._events[:] = []
        world.reset_cause = cause
        world.sta = world.ap = None
        world.sockets = 0
        world._queue[:] = []
        world.counters[:] = []
        for kept in (world.irqs, world.wires, world.uart_settings, world.levels, world.outputs):
            kept.clear()
        world.wires[1] = world.wires[2] = _wires.Pipe()
        machine.WDT._due = None
        asyncio.new_event_loop()
        self.flash = self.flash.reborn()
        self.lines = []
        self.app = None
        self._began = time.ticks_ms()
        gc.collect()

    def _watch(self, begun):
        """Hears what is printed, and of the app as soon as it is built."""

        def hear(*words, sep=" ", end="\n"):
            self.lines.append(sep.join([str(word) for word in words]))

        def load(name, *rest):
            module = _import(name, *rest)
            if name in ("firmware.app", "firmware.safe") and rest[2:3] == (("run",),):
                kind = "App" if name == "firmware.app" else "Safe"
                make = getattr(module, kind)

                def build(*args):
                    self.app = make(*args)
                    if begun:
                        begun(self.app)
                    return self.app

                setattr(module, kind, build)
            return module

        builtins.print, builtins.__import__ = hear, load

    def _bury(self):
        builtins.print, builtins.__import__ = _print, _import
        for sock in _opened:
            sock.close()
        _opened[:] = []
        if sys.path[0] == "":  # it came that far
            vfs.umount("/")
            vfs.mount(world.host, "/")
        sys.path[:] = self._roots


def tree(root, folder=""):
    """{path: bytes} of a folder of the machine."""
    files = {}
    for entry in uos.ilistdir(root + "/" + folder):
        path = folder + entry[0]
        if entry[1] & 0x4000:
            files.update(tree(root, path + "/"))
        else:
            with open(root + "/" + path, "rb") as file:
                files[path] = file.read()
    return files
