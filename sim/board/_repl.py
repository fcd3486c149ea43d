# uMeter - the console of the virtual board: friendly, raw and raw-paste REPL as on the chip
# MIT license; Copyright (c) 2026 The uMeter authors

# docs/reference/repl.rst of MicroPython: Ctrl-A raw, Ctrl-B friendly, Ctrl-D run or soft reset,
# Ctrl-E 'A' 0x01 raw paste with a flow-control window, 0x04 ends each part of an answer.

import io
import sys
import termios
import uos
import utime

_SOFT_RESET = 5
_WINDOW = 128
_ISIG = 1
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_BANNER = b"MicroPython virtual board; a simulated ESP32\r\n>>> "


class Console:
    def __init__(self, restart):
        self._restart = restart
        self._globals = {"__name__": "__main__"}
        self._in, self._out = sys.stdin.buffer, sys.stdout.buffer
        try:
            mode = termios.tcgetattr(0)
            mode[0] = mode[1] = mode[3] = 0  # raw; not by setraw(), which drops what was typed
            termios.tcsetattr(0, termios.TCSANOW, mode)
            self._tty = True
        except OSError:
            self._tty = False
        self._interrupts(False)

    def _interrupts(self, on):
        # Ctrl-C is a character while we read, and an interrupt while a program runs.
        if self._tty:
            mode = termios.tcgetattr(0)
            mode[3] = mode[3] | _ISIG if on else mode[3] & ~_ISIG
            termios.tcsetattr(0, termios.TCSANOW, mode)

    def write(self, data):
        self._out.write(data)

    def _read(self):
        data = self._in.read(1)
        if not data:  # nobody at the console: the board stays on
            while True:
                utime.sleep_ms(1000)
        return data[0]

    def run(self, source, name="<stdin>", kind="exec"):
        """Runs text; returns the traceback (bytes), empty when all went well."""
        self._interrupts(True)
        try:
            if not isinstance(source, str):
                source = str(source, "utf8")
            exec(compile(source, name, kind), self._globals)
            return b""
        except SystemExit:
            self._restart(_SOFT_RESET)
        except BaseException as error:
            text = io.StringIO()
            sys.print_exception(error, text)
            return text.getvalue().replace("\n", "\r\n").encode()
        finally:
            self._interrupts(False)

    def run_file(self, name):
        try:
            uos.stat(name)
        except OSError:
            return
        with open(name) as f:
            text = f.read()
        self.write(self.run(text, name))

    def serve(self, raw):
        while True:
            if raw:
                self._raw()
            raw = self._friendly()

    def _friendly(self):
        self.write(_BANNER)
        line = bytearray()
        while True:
            c = self._read()
            if c == 1:
                return True
            if c == 2:
                self.write(b"\r\n" + _BANNER)
            elif c == 3:
                self.write(b"\r\n>>> ")
                line = bytearray()
            elif c == 4 and not line:
                self.write(b"\r\nMPY: soft reboot\r\n")
                self._restart(_SOFT_RESET)
            elif c in (8, 127):
                if line:
                    line = line[:-1]
                    self.write(b"\b \b")
            elif c in (10, 13):
                self.write(b"\r\n")
                self.write((self.run(line, kind="single") if line else b"") + b">>> ")
                line = bytearray()
            elif c >= 32:
                line.append(c)
                self.write(bytes((c,)))

    def _raw(self):
        self.write(_RAW_BANNER)
        text = bytearray()
        while True:
            c = self._read()
            if c == 1:
                self.write(_RAW_BANNER)
                text = bytearray()
            elif c == 2:
                self.write(b"\r\n")
                return
            elif c == 3:
                text = bytearray()
            elif c == 4:
                if not text:
                    self._restart(_SOFT_RESET, True)
                self.write(b"OK")
                self._answer(text)
                text = bytearray()
            elif c == 5 and not text:
                self._raw_paste()
            else:
                text.append(c)

    def _answer(self, text):
        error = self.run(text)
        self.write(b"\x04" + error + b"\x04>")

    def _raw_paste(self):
        if self._read() != 65:  # 'A'; nothing else is defined
            self.write(b"R\x00")
            return
        self._read()
        self.write(b"R\x01" + bytes((_WINDOW & 255, _WINDOW >> 8)) + b"\x01")
        text = bytearray()
        while True:
            c = self._read()
            if c == 3:
                self.write(b"\x04>")
                return
            if c == 4:
                self.write(b"\x04")
                self._answer(text)
                return
            text.append(c)
            if len(text) % _WINDOW == 0:
                self.write(b"\x01")
