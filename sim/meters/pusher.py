# uMeter - electricity meters that push: HAN lists and P1 telegrams, or captured frames
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import time

from sim.meters import han_frames as frames

_TITLE = b"UMT\x00\x00\x00\x00\x01"  # system title of the simulated meter


class Pusher:
    """Says something each `every_ms`, and hears nothing."""

    bits = 8
    parity = None
    stop = 1

    def __init__(self, baudrate, every_ms, make):
        """make: f(n) -> bytes of the n-th push."""
        self.baudrate = baudrate
        self._every_ms = every_ms
        self._make = make
        self._due = None
        self.seen = 0  # pushes
        self.log = print

    def feed(self, data, now_ms):
        """-> [(delay_ms, bytes)]."""
        if self._due is None:
            self._due = now_ms + 200
        if now_ms < self._due:
            return []
        self._due = max(self._due + self._every_ms, now_ms)
        self.seen += 1
        return [(0, self._make(self.seen))]


def values(n):
    """What the n-th list tells: import grows, the rest wanders."""
    power = 1200 + n * 37 % 400
    return {"1.7.0": (power, 0, 27), "2.7.0": (0, 0, 27), "32.7.0": (2301 + n % 9, -1, 35),
            "31.7.0": (523 + n % 40, -2, 33), "1.8.0": (12345678 + n * 3, 0, 30)}  # fmt: skip


def _counter():
    """Invocation counter, 32 bits: ten a second since 2020, so it grows from push to push and over
    restarts, until 2033."""
    return int((time.time() - 1577836800) * 10)


def han_list(serial, n, key=None, authentication_key=None):
    """HDLC frame of a list of OBIS code, value, scaler and unit; ciphered if there is a key."""
    when = frames.date_time(*time.gmtime()[:6])
    entries = [(2, [frames.obis("0-0:96.1.0"), (10, str(serial).encode())])]
    for code, (value, scaler, unit) in values(n).items():
        item = [frames.obis("1-0:" + code), (6, value), (2, [(15, scaler), (22, unit)])]
        entries.append((2, item))
    apdu = frames.notification((1, entries), when)
    if key:
        apdu = frames.sealed(apdu, _TITLE, _counter(), 0x30, key, authentication_key)
    return frames.hdlc_message(apdu)


def p1_telegram(serial, n, key=None, authentication_key=None):
    """DSMR 5 text with CRC, one each second."""
    now = values(n)
    lines = ["1-3:0.2.8(50)", "0-0:96.1.1(%s)" % str(serial).encode().hex().upper(),
             "1-0:1.8.1(%09.3f*kWh)" % (now["1.8.0"][0] / 1000),
             "1-0:1.7.0(%06.3f*kW)" % (now["1.7.0"][0] / 1000),
             "1-0:2.7.0(00.000*kW)", "1-0:32.7.0(%05.1f*V)" % (now["32.7.0"][0] / 10),
             "1-0:31.7.0(%03d*A)" % (now["31.7.0"][0] // 100)]  # fmt: skip
    if key:
        return frames.p1_ciphered(lines, _TITLE, _counter(), key, authentication_key)
    return frames.p1(lines)


def captured(path):
    """f(n) -> frame, from JSON lines with "frame" in hex; after the last comes the first."""
    found = []
    with open(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                found.append(bytes.fromhex(json.loads(line)["frame"]))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError("%s line %d: no frame: %s" % (path, number, error)) from None
    if not found:
        raise ValueError("%s holds no frame" % path)
    return lambda n: found[(n - 1) % len(found)]


def make(name, serial, path=None, every_ms=None, key=None, authentication_key=None):
    """name: han or p1. ValueError: a file without frames."""
    baudrate, pace, build = (
        (115200, 1000, p1_telegram) if name == "p1" else (2400, 10000, han_list)
    )
    if path:
        return Pusher(baudrate, every_ms or pace, captured(path))
    return Pusher(baudrate, every_ms or pace,
                  lambda n: build(serial, n, key, authentication_key))  # fmt: skip
