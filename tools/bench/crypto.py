# uMeter - speed and garbage of the crypto cores on both engines
# MIT license; Copyright (c) 2026 The uMeter authors

# `measure()` runs on either engine; MicroPython runs this file as a script.

import gc
import json
import sys
import time

from firmware.crypto import _crc_slow, _gcm_slow, crc, gcm
from firmware.crypto.envelope import Envelope

_FRAME = bytes(range(250)) * 2  # 500 bytes, a long ciphered push
_SAMPLE = bytes(range(1, 112))  # as long as a heat meter's sample
_TOPIC = b"/sample/v2/7210086/1466572820"
_LEAST_NS = 50_000_000  # how long one figure is measured


def _time_us(work):
    work()
    count = 1
    while True:
        start = time.time_ns()
        for _ in range(count):
            work()
        took = time.time_ns() - start
        if took >= _LEAST_NS:
            return took // count / 1000
        count *= 4


def _garbage(work):
    if not hasattr(gc, "mem_alloc"):
        return None
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    work()
    after = gc.mem_alloc()
    gc.enable()
    return after - before


def _works():
    key = gcm.Gcm(bytes(16))
    aad = bytes(17)
    iv = bytes(12)
    state = bytearray(16)
    tag = key._stream(iv, 0, 1)
    gcm.xor(tag, key._digest(_FRAME, aad), 16)
    tag = bytes(tag)[:12]
    envelope = Envelope(bytes(16))
    sealed = envelope.seal(_TOPIC, _SAMPLE)
    ghash = (key._table, key._reduce, state, _FRAME, len(_FRAME))
    table = crc._CCITT_REFLECTED
    return [
        ("GCM open, 500 bytes", lambda: key.open(iv, _FRAME, aad, tag)),
        ("GCM key set-up", lambda: gcm.Gcm(aad[:16])),
        ("GHASH in use, 500 bytes", lambda: gcm.ghash(*ghash)),
        ("GHASH twin, 500 bytes", lambda: _gcm_slow.ghash(*ghash)),
        ("CRC in use, 500 bytes", lambda: crc.x25(_FRAME)),
        ("CRC twin, 500 bytes", lambda: _crc_slow.crc_right(table, _FRAME, 500, 0xFFFF)),
        ("envelope seal, sample", lambda: envelope.seal(_TOPIC, _SAMPLE)),
        ("envelope open, sample", lambda: envelope.open(_TOPIC, sealed)),
    ]


def measure():
    """[(name, microseconds, bytes of garbage or None)] on this engine."""
    return [(name, _time_us(work), _garbage(work)) for name, work in _works()]


def _measure_on_micropython(root):
    import os
    import subprocess

    # Not the chip's heap: garbage is counted with the collector off.
    command = [str(root / "build" / "micropython"), "-X", "heapsize=2m", __file__]
    environment = dict(os.environ, MICROPYPATH=str(root) + ":.frozen")
    done = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    return json.loads(done.stdout)


def run():
    """[(name, value, unit, note)] for `make bench`."""
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    rows = []
    engines = (("micropython", _measure_on_micropython(root)), ("cpython", measure()))
    for engine, results in engines:
        for name, micros, garbage in results:
            rows.append((name, round(micros, 1), "us", engine))
            if garbage is not None:
                rows.append((name + ", garbage", garbage, "bytes", engine))
    return rows


if __name__ == "__main__" and sys.implementation.name == "micropython":
    print(json.dumps(measure()))
