# uMeter - sessions, tokens, tries of passwords
# MIT license; Copyright (c) 2026 The uMeter authors

import os

import pytest

from firmware.crypto.mac import HmacSha256, equal
from firmware.web.access import Access


@pytest.fixture
def access():
    return Access(HmacSha256(os.urandom(16)), equal, os.urandom)


def test_a_session_ends(access):
    cookie = access.open_session(100)
    assert access.has_session(cookie, 100)
    assert access.has_session(cookie, 1899)
    assert not access.has_session(cookie, 1900)


def test_sessions_differ(access):
    assert access.open_session(1) != access.open_session(1)


def test_no_bit_of_a_session_can_be_changed(access):
    cookie = access.open_session(100)
    for i in range(len(cookie)):
        for other in "0-f":
            forged = cookie[:i] + other + cookie[i + 1 :]
            assert forged == cookie or not access.has_session(forged, 100)


@pytest.mark.parametrize("cookie", ["", None, "-", "--", "1-2", "x" * 100, "é-é", "zz-1-2"])
def test_what_is_no_session(access, cookie):
    assert not access.has_session(cookie, 0)


def test_another_boot_does_not_know_it(access):
    other = Access(HmacSha256(os.urandom(16)), equal, os.urandom)
    assert not other.has_session(access.open_session(1), 1)


def test_tokens_belong_to_a_session(access):
    one, two = access.open_session(1), access.open_session(1)
    assert access.token(one) == access.token(one)
    assert len({access.token(cookie) for cookie in (one, two, "")}) == 3
    assert access.token(one) not in one, "a session does not tell its token"


def test_tries_run_out_and_come_back(access):
    for _ in range(5):
        assert access.wait_s(7) == 0
        assert not access.is_password("wrong", "right", 7)
    assert access.wait_s(7) == 3
    assert not access.is_password("right", "right", 7), "not even the right one now"
    assert access.wait_s(10) == 0
    assert access.is_password("right", "right", 10)
    assert access.wait_s(10) == 0, "a right one costs nothing"
    assert not access.is_password("", "right", 10)
    assert access.wait_s(11) == 9


def test_a_night_gives_five_tries_and_no_more(access):
    guesses = sum(
        1 for second in range(3600) if not access.wait_s(second)
        and not access.is_password("x", "right", second)
    )  # fmt: skip
    assert guesses <= 5 + 360
    assert access.wait_s(100000) == 0
    for _ in range(5):
        access.is_password("x", "right", 100000)
    assert access.wait_s(100000) > 0
