# uMeter - EN 61107 under MicroPython: every published reply
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 1m

# More heap than the chip's: the captures are lines of JSON with up to 20 kB.

import random

from tests.meters import en61107_records


def test_captures():
    if not en61107_records.available():
        return
    for record in en61107_records.records():
        en61107_records.check(record, lambda n: random.getrandbits(24) % n)
