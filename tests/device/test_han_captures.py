# uMeter - HAN and P1 under MicroPython: every published capture
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 1m

# More heap than the chip's: the captures are lines of JSON with up to 20 kB.

import gc
import random

from tests.meters import han_records
from tools.decode import han


def rng(n):
    return random.getrandbits(24) % n


def test_captures():
    if not han_records.available():
        return
    for record in han_records.records():
        size = len(record["frame"]) // 2
        for chunks in (None, [1] * size, han_records.random_chunks(size, rng)):
            wrong = han_records.differences(record, han.telegrams(record, chunks))
            assert not wrong, (record["id"], wrong)
        gc.collect()


def test_captures_back_to_back():
    if not han_records.available():
        return
    for record in han_records.records():
        lined = record["frame"][:2] in ("7e", "68", "2f", "db")
        if not lined or record["want"]["result"] != "values":
            continue
        if record.get("entry_layer") != "p1-body":
            stream = han_records.noisy_stream(record, rng)
            least = 2 * (record.get("messages_in_stream") or 1)
            assert han_records.count_values(record, stream) >= least, record["id"]
        gc.collect()
