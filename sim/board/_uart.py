# uMeter - machine.UART of the virtual board: paced by the line, with the driver's buffers
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP32 port, machine_uart.c: ring buffers of txbuf and rxbuf bytes behind a hardware FIFO of 128.
# A byte that finds both full is lost. Reading with timeout=0 never waits. write() waits for room.
# No error flags: parity and framing errors cannot be seen. Where the wire tells how its far end is
# set, what is received is what such levels look like to this UART (_serial); else bytes are bytes,
# and world.uart_settings tells what was set.

import _thread
import io
from micropython import RingIO, const
from time import sleep_ms, sleep_us, ticks_add, ticks_diff, ticks_ms, ticks_us

import world
from _serial import Resampler, byte_us

_FIFO = const(128)
_POLL = const(3)  # MP_STREAM_POLL
_POLLIN = const(1)
_POLLOUT = const(4)
_LONG_US = const(100_000_000)  # ticks_us() wraps after 1073 s; a longer silence counts as this

_TX_CHUNK = world._events.TX_CHUNK


class UART(io.IOBase):
    INV_TX, INV_RX, INV_RTS, INV_CTS = 32, 4, 64, 8
    RTS, CTS = 2, 1

    def __init__(self, id, *args, **kwargs):
        if not 0 < id < world.uart_count:
            raise ValueError("UART(%d) does not exist or is the console" % id)
        self._id = id
        self._wire = world.wire(id)
        self._set = {
            "baudrate": 115200, "bits": 8, "parity": None, "stop": 1, "tx": None, "rx": None,
            "txbuf": 256, "rxbuf": 256, "timeout": 0, "timeout_char": 0, "invert": 0,
        }  # fmt: skip
        self._tx = self._rx = None
        self._lock = _thread.allocate_lock()  # of _sending and what it says of the buffer
        self._lost = 0
        self._line = None  # how the far end is set, of the wire; None: as this UART
        self._ears = None  # Resampler, if that is not how this UART is set
        self._chunk = bytearray(64)
        self.init(*args, **kwargs)

    def init(self, baudrate=None, bits=None, parity=-1, stop=None, **more):
        if self._tx:
            self.flush()  # as the driver: what is in the buffer leaves with the old settings
        s = self._set
        old = s["txbuf"], s["rxbuf"]
        for name, value in (("baudrate", baudrate), ("bits", bits), ("stop", stop)):
            if value is not None:
                s[name] = value
        if parity != -1:
            s["parity"] = parity
        for name in more:
            if name not in s and name not in ("rts", "cts", "flow"):
                raise TypeError("extra keyword arguments given")
            s[name] = more[name]
        if not 5 <= s["bits"] <= 8 or s["stop"] not in (1, 2) or s["parity"] not in (None, 0, 1):
            raise ValueError("invalid bits, parity or stop")
        if s["rxbuf"] <= _FIFO:
            raise ValueError("UART buffer size too small")
        if self._rx is None or old != (s["txbuf"], s["rxbuf"]):
            self._tx = RingIO(s["txbuf"] + _FIFO)
            self._rx = RingIO(s["rxbuf"] + _FIFO)
        self._mask = (1 << s["bits"]) - 1
        frame = 1 + s["bits"] + (s["parity"] is not None) + s["stop"]
        self._byte_us = frame * 1_000_000 // s["baudrate"]
        self._listen(self._wire.line)
        self._rx_us = self._tx_us = ticks_us()
        self._rx_ms = ticks_ms()
        self._sending = False
        world.uart_settings[self._id] = s

    def _listen(self, line):
        s = self._set
        own = (s["baudrate"], s["bits"], s["parity"], s["stop"], bool(s["invert"] & self.INV_RX))
        self._line = line
        self._ears = Resampler(line, own) if line and line != own else None
        self._arrival_us = byte_us(line) if line else self._byte_us

    def deinit(self):
        self.flush()
        self._tx = self._rx = None

    def _receive(self):
        # The line was busy up to _rx_us. A byte may be taken when its time has come.
        now = ticks_us()
        now_ms = ticks_ms()
        if ticks_diff(now_ms, self._rx_ms) > _LONG_US // 1000:
            self._rx_us = ticks_add(now, -_LONG_US)
        self._rx_ms = now_ms
        chunk = self._chunk
        if self._line is not self._wire.line:
            self._listen(self._wire.line)
        while True:
            # A pipe knows when its bytes began; else the first one is taken as they are noticed.
            age = self._wire.age_ms()
            if age >= 0:
                began = ticks_add(now, -1000 * min(age, _LONG_US // 1000))
                if ticks_diff(began, self._rx_us) > 0:
                    self._quiet(began)
            quota = ticks_diff(now, self._rx_us) // self._arrival_us + (age < 0)
            if quota <= 0:
                break
            got = self._wire.readinto(chunk, min(quota, len(chunk)))
            if not got:
                if ticks_diff(now, self._rx_us) > 0:
                    self._quiet(now)
                break
            self._rx_us = ticks_add(self._rx_us, got * self._arrival_us)
            if self._ears:
                heard = self._ears.feed(memoryview(chunk)[:got])
                self._keep(heard, len(heard))
            else:
                self._keep(chunk, got)
        return self._rx.any()

    def _quiet(self, until):
        # Nothing on the line up to then: a character that this UART believes in ends.
        if self._ears:
            heard = self._ears.idle(ticks_diff(until, self._rx_us))
            self._keep(heard, len(heard))
        self._rx_us = until

    def _keep(self, chunk, got):
        if self._mask != 255 and not self._ears:
            for i in range(got):
                chunk[i] &= self._mask
        lost = got - (self._rx.write(memoryview(chunk)[:got]) or 0)
        if lost:
            self._lost += lost
            world.uart_lost[self._id] = self._lost

    def _send(self, _=None):
        # Hands over the bytes whose last bit has left by now; comes back for the rest.
        tx = self._tx
        if tx is None:
            return
        due = ticks_diff(ticks_us(), self._tx_us) // self._byte_us
        waiting = tx.any()
        if due > 0 and waiting:
            data = tx.read(min(due, waiting))
            self._tx_us = ticks_add(self._tx_us, len(data) * self._byte_us)
            if self._mask != 255:
                data = bytes(b & self._mask for b in data)
            self._wire.write(data)
        with self._lock:  # what is written meanwhile is seen here, or finds the line idle
            waiting = tx.any()
            self._sending = waiting > 0
        if waiting:
            us = min(waiting, _TX_CHUNK) * self._byte_us
            left = us - ticks_diff(ticks_us(), self._tx_us)
            world.after(max(1, (left + 999) // 1000), self._send, None)

    def any(self):
        return self._receive()

    def _await(self, count, timeout):
        start = ticks_ms()
        while self._receive() < count and ticks_diff(ticks_ms(), start) < timeout:
            sleep_ms(1)
        return min(count, self._rx.any())

    def _arrived(self, count):
        # timeout for the first byte, timeout_char for all the rest (from 1.27 on)
        n = self._await(1, self._set["timeout"])
        return self._await(count, self._set["timeout_char"]) if n else 0

    def read(self, count=-1):
        n = self._arrived(count if count >= 0 else 1)
        if count < 0:
            n = self._rx.any()
        return self._rx.read(n) if n else None

    def readinto(self, buf, count=-1):
        want = len(buf) if count < 0 else min(count, len(buf))
        n = self._arrived(want)
        return self._rx.readinto(buf, n) if n else None

    def readline(self):
        line = bytearray()
        while self._await(1, self._set["timeout"]):
            line += self._rx.read(1)
            if line[-1] == 10:
                break
        return bytes(line) or None

    def write(self, data):
        view = memoryview(data)
        done = 0
        while done < len(view):
            with self._lock:
                done += self._tx.write(view[done:]) or 0
                idle = not self._sending
                if idle:  # the first start bit goes out now
                    self._tx_us = ticks_us()
                    self._sending = True
            if idle:
                world.after(1, self._send, None)
            if done < len(view):
                sleep_us(self._byte_us)
        return done

    def txdone(self):
        return not self._sending

    def flush(self):
        while self._sending:
            sleep_us(max(1000, self._byte_us))

    def sendbreak(self):
        self.flush()
        sleep_us(self._byte_us + self._byte_us // 4)

    def ioctl(self, request, argument):
        if request != _POLL:
            return -22
        ready = argument & _POLLOUT  # the driver always claims room
        if argument & _POLLIN:
            if self._receive():
                ready |= _POLLIN
            elif world._events.VIRTUAL:
                self._wake()
        return ready

    def _wake(self, _=None):
        # Virtual time: whoever polls would sleep past a byte that is on its way.
        ms = None if _ else self._wire.wait_ms()
        if ms is not None:
            world.after(ms, self._wake, True)
