# uMeter - a board at the end of a cable or socket, as make flash sees it
# MIT license; Copyright (c) 2026 The uMeter authors

import ast
import base64
import contextlib
import io
import os
import re
import struct
import time
from pathlib import Path

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from tools import owned
from tools.flash_port import FlashError, port_name, wait_for_port

_ONBOARD = Path(__file__).with_name("onboard.py")
_CHUNK = 1536  # bytes per call; 2 kB as text, which any heap still holds
_REPL_S = 30  # longest wait for a prompt: an app in a DNS look-up hears Ctrl-C only afterwards
_ANSWER_S = 5
_RUN_S = 60  # longest silence while the board works; renaming all files may erase many blocks

# Small, because it has to run beside the app. See tools/onboard.py.
_QUIET = "import machine\nmachine.WDT(timeout=600000)"

# What a broken connection, or something that is no MicroPython, raises in mpremote and pyserial.
_BROKEN = (TransportError, OSError, struct.error, ValueError, SyntaxError, IndexError)


class Board:
    """Context manager: a board without its app, in the raw REPL, with its watchdog kept quiet.

    At the end, in whatever way it comes, the board is reset and starts the program it has.
    """

    def __init__(self, port, wait_s=0):
        """wait_s: how long the port may be away, after a reset."""
        self.port = port_name(port)
        self._wait_s = wait_s
        self._transport = None

    def __enter__(self):
        wait_for_port(self.port, self._wait_s)
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints its troubles
                self._transport = SerialTransport(self.port, timeout=_ANSWER_S)
        except (TransportError, OSError, ValueError) as error:
            raise FlashError("cannot open %s: %s" % (self.port, self._reason(error))) from None
        try:
            self._interrupt()
            self._start_afresh()
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, failed, *_):
        with contextlib.suppress(*_BROKEN, FlashError):  # the cable may be gone
            if not failed or self._raw_repl(False):
                self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
                time.sleep(0.2)  # what is still in the port's buffer has to get out
        with contextlib.suppress(OSError):
            self._transport.close()

    def _reason(self, error):
        if self.port.startswith(("/", ".")) and not os.path.exists(self.port):
            return "there is no such device"
        if self.port.startswith("/") and not os.access(self.port, os.R_OK | os.W_OK):
            return "permission denied; are you in the group dialout?"
        if "://" in self.port:
            return "nobody answers there"
        return str(error) + "; is it in use by another program?"

    def _interrupt(self):
        limit = time.monotonic() + _REPL_S
        while not self._raw_repl(False):
            if time.monotonic() > limit:
                raise FlashError("no MicroPython answers at %s; give FIRMWARE=, and it is "
                                 "written first" % self.port)  # fmt: skip
        self.run(_QUIET)

    def _start_afresh(self):
        """Soft reset without main.py: all memory is free, nothing of the app runs or prints."""
        if not self._raw_repl(True) and not self._raw_repl(False):
            raise FlashError("the board at %s does not come back after a soft reset" % self.port)
        self.run(_ONBOARD.read_text())

    def _raw_repl(self, soft_reset):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._transport.enter_raw_repl(soft_reset=soft_reset, timeout_overall=_ANSWER_S)
            return True
        except TransportError:
            return False
        except OSError as error:
            raise self._broken(error) from None

    def _broken(self, error):
        return FlashError("the connection to %s broke (%s); run it again, it goes on where it "
                          "stopped" % (self.port, error or type(error).__name__))  # fmt: skip

    def run(self, text):
        """Runs text on the board; returns what it printed."""
        try:
            printed, trouble = self._transport.exec_raw(text, timeout=_RUN_S)
        except _BROKEN as error:
            raise self._broken(error) from None
        if trouble:
            last = trouble.decode(errors="replace").strip().rpartition("\n")[2]
            if re.search(r"ENOSPC|OSError: 28\b", last):
                raise FlashError("the board's file system is full")
            raise FlashError("the board says: " + last)
        return printed.decode(errors="replace")

    def _values(self, text):
        try:
            return [ast.literal_eval(line) for line in self.run(text).splitlines() if line]
        except (ValueError, SyntaxError):
            raise FlashError("the board answers with something unexpected") from None

    def facts(self):
        """(version, platform, mpy number, machine, free bytes)"""
        return self._values("facts()")[0]

    def files(self):
        """{path: SHA-256} of our files on the board, and the set of our folders."""
        names = [name + end for name in owned.FILES for end in ("", ".new")]
        listed = dict(self._values("files(%r,%r)" % (owned.FOLDER, names)))
        folders = {path for path, digest in listed.items() if digest is None}
        return {path: listed[path] for path in listed if path not in folders}, folders

    def write(self, path, data, on_bytes):
        """Writes a file; returns the SHA-256 of what the board then reads back."""
        self.run("begin(%r)" % path)
        for i in range(0, len(data), _CHUNK):
            chunk = data[i : i + _CHUNK]
            self.run("put(%r)" % base64.b64encode(chunk))
            on_bytes(len(chunk))
        return self.run("end(%r)" % path).strip()

    def commit(self, new, stale, folders):
        self.run("commit(%r,%r,%r)" % (new, stale, folders))
