# uMeter - back-off: full jitter inside of the bounds
# MIT license; Copyright (c) 2026 The uMeter authors

import random

from firmware.net.backoff import Backoff


def test_bounds_double_up_to_the_most():
    for bits, expected in ((0, [1000] * 8), ((1 << 24) - 1, None)):
        backoff = Backoff(1000, 60000, lambda _, bits=bits: bits)
        waits = [backoff.next() for _ in range(8)]
        if expected:
            assert waits == expected
    ceilings = [2000, 4000, 8000, 16000, 32000, 60000, 60000]
    backoff = Backoff(1000, 60000, random.Random(1).getrandbits)
    for ceiling in ceilings:
        assert 1000 <= backoff.next() <= ceiling
    backoff.reset()
    assert 1000 <= backoff.next() <= 2000


def test_the_whole_range_is_used():
    backoff = Backoff(1000, 60000, random.Random(7).getrandbits)
    for _ in range(10):
        backoff.next()
    waits = [backoff.next() for _ in range(2000)]
    assert min(waits) >= 1000 and max(waits) <= 60000
    for low in range(1000, 60000, 10000):  # each sixth of the range gets its share
        share = len([wait for wait in waits if low <= wait < low + 10000])
        assert 200 < share < 500


def test_one_wait_for_ever():
    backoff = Backoff(500, 500, random.getrandbits)
    assert {backoff.next() for _ in range(20)} == {500}
