# uMeter - CRCs against the catalogue's check values and other implementations
# MIT license; Copyright (c) 2026 The uMeter authors

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.crypto import crc

_CHECK = b"123456789"


def reflected(poly, data, crc):
    """CRC bit by bit, least significant bit first; poly with its highest power lowest."""
    for byte in data:
        for bit in range(8):
            out = (crc ^ byte >> bit) & 1
            crc = crc >> 1 ^ (poly if out else 0)
    return crc


@pytest.mark.parametrize(
    "function, check", [(crc.xmodem, 0x31C3), (crc.x25, 0x906E), (crc.arc, 0xBB3D)]
)
def test_check_values_of_the_catalogue(function, check):
    assert function(_CHECK) == check
    assert function(bytearray(_CHECK)) == check
    assert function(memoryview(b"x" + _CHECK)[1:]) == check


def test_empty_data():
    assert (crc.xmodem(b""), crc.x25(b""), crc.arc(b"")) == (0, 0, 0)


def test_kmp_frame_with_its_crc_gives_zero():
    # Serial number request of Kamstrup 5512-447.
    assert crc.xmodem(bytes.fromhex("3F02")) == 0x35E9
    assert crc.xmodem(bytes.fromhex("3F0235E9")) == 0


@given(st.binary(max_size=80))
def test_same_as_other_implementations(data):
    assert crc.xmodem(data) == binascii.crc_hqx(data, 0)
    assert crc.x25(data) == reflected(0x8408, data, 0xFFFF) ^ 0xFFFF
    assert crc.arc(data) == reflected(0xA001, data, 0)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_may_be_continued(first, second):
    assert crc.xmodem(second, crc.xmodem(first)) == crc.xmodem(first + second)
    assert crc.arc(second, crc.arc(first)) == crc.arc(first + second)
