# uMeter - HMAC-SHA256 against the standard library's, comparison in constant time
# MIT license; Copyright (c) 2026 The uMeter authors

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from firmware.crypto.mac import HmacSha256, equal


@given(st.binary(max_size=150), st.lists(st.binary(max_size=80), max_size=4))
def test_same_as_the_standard_library(key, parts):
    assert HmacSha256(key).mac(*parts) == hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def test_object_serves_many_messages():
    mac = HmacSha256(b"key")
    assert mac.mac(b"one") != mac.mac(b"two")
    assert mac.mac(b"one") == HmacSha256(b"key").mac(b"o", b"ne")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_equal(a, b):
    assert equal(a, b) == (a == b)
    assert equal(a, bytearray(a))


@given(st.binary(min_size=1, max_size=40), st.data())
def test_one_changed_bit_is_seen(a, data):
    bit = data.draw(st.integers(0, 8 * len(a) - 1))
    changed = bytearray(a)
    changed[bit // 8] ^= 1 << bit % 8
    assert not equal(a, changed)


class Reads:
    """Counts how many of its bytes were looked at."""

    def __init__(self, data):
        self.data = data
        self.count = 0

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        self.count += 1
        return self.data[i]


def test_all_bytes_are_read_wherever_the_difference_is():
    for other in (bytes(32), b"\1" + bytes(31), bytes(31) + b"\1"):
        reads = Reads(bytes(32))
        equal(reads, other)
        assert reads.count == 32
