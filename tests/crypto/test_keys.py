# uMeter - master key: text form and derived keys
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest
from vectors import AES_KEY, MAC_KEY, MASTER

from firmware.crypto import keys


def test_derived_keys():
    assert keys.derive(keys.parse_key(MASTER)) == (AES_KEY, MAC_KEY)


def test_upper_case_is_the_same_key():
    assert keys.parse_key(MASTER.upper()) == bytes.fromhex(MASTER)


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "not 0 characters"),
        (MASTER[:-1], "not 31 characters"),
        (MASTER + "\n", "not 33 characters"),
        ("0x" + MASTER[2:], "no hex digit"),
        (MASTER[:-1] + "g", "no hex digit"),
        (MASTER[:-1] + " ", "no hex digit"),
        (MASTER[:-1] + "٣", "no hex digit"),
    ],
)
def test_malformed_key_is_named_and_not_shown(text, says):
    with pytest.raises(ValueError, match=says) as caught:
        keys.parse_key(text)
    assert MASTER[4:20] not in str(caught.value)


def test_master_key_of_another_length():
    with pytest.raises(ValueError, match="not 32"):
        keys.derive(bytes(32))
