# uMeter - SNTP: packets, eras, refusals, and which time is believed
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.net import sntp_packet as sntp
from firmware.net.time_keeper import ACCEPT, DOUBT, REFUSE, TimeKeeper

EXAMPLES = int(os.environ.get("UMETER_FUZZ", 200))
NONCE = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
NOW = 1790000000
LAST_OF_ERA_0 = 2085978495  # 2036-02-07 06:28:15


def stamp(unix_ms):
    seconds, ms = divmod(unix_ms, 1000)
    return struct.pack("!II", seconds + 2208988800 & 0xFFFFFFFF, (ms << 32) // 1000 + 1)


def answer(sent_ms, received_ms=None, first=0x24, stratum=2, nonce=NONCE, kiss=b"\0\0\0\0"):
    received_ms = sent_ms if received_ms is None else received_ms
    return (bytes([first, stratum, 6, 0xEC]) + bytes(8) + kiss + bytes(8) + nonce
            + stamp(received_ms) + stamp(sent_ms))


def test_request():
    packet = sntp.request(NONCE)
    assert packet == b"\x23" + bytes(39) + NONCE
    assert len(packet) == 48


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 0xFFFFFFFF * 1000), st.integers(0, 4000), st.integers(0, 4000))
def test_time_is_that_of_arrival(sent_ms, held_ms, path_ms):
    sent_ms = max(sent_ms, held_ms)
    got = sntp.parse(answer(sent_ms, sent_ms - held_ms), NONCE, held_ms + path_ms)
    assert abs(got - (sent_ms + path_ms // 2)) <= 2


@pytest.mark.parametrize("unix", [0, 1, NOW, 0x7FFFFFFF, 0x80000000, LAST_OF_ERA_0,
                                  LAST_OF_ERA_0 + 1, LAST_OF_ERA_0 + 2, 0xFFFFFFFF])
def test_eras(unix):
    assert sntp.parse(answer(unix * 1000 + 500), NONCE, 0) == unix * 1000 + 500


@pytest.mark.parametrize("packet, reason", [
    (b"", "length"),
    (answer(NOW * 1000)[:47], "length"),
    (answer(NOW * 1000, first=0x23), "mode"),
    (answer(NOW * 1000, first=0x25), "mode"),
    (answer(NOW * 1000, nonce=bytes(8)), "not the answer"),
    (answer(NOW * 1000, stratum=16), "does not know"),
    (answer(NOW * 1000, first=0xE4), "does not know"),
    (answer(NOW * 1000)[:40] + bytes(8), "no time"),
])
def test_useless_answers(packet, reason):
    with pytest.raises(ValueError, match=reason):
        sntp.parse(packet, NONCE, 10)


def test_kiss_of_death():
    with pytest.raises(sntp.KissOfDeath, match="RATE"):
        sntp.parse(answer(0, stratum=0, kiss=b"RATE"), NONCE, 10)
    with pytest.raises(ValueError, match="not the answer"):  # one that a stranger sends
        sntp.parse(answer(0, stratum=0, kiss=b"RATE", nonce=bytes(8)), NONCE, 10)


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=100), st.integers(0, 10000))
def test_noise(packet, waited_ms):
    with pytest.raises(ValueError):
        sntp.parse(packet, NONCE, waited_ms)


def test_a_server_that_lies_about_its_delay():
    assert sntp.parse(answer(NOW * 1000, 0), NONCE, 100) == NOW * 1000
    assert sntp.parse(answer(NOW * 1000, NOW * 1000 + 9000), NONCE, 100) == NOW * 1000 + 50


def test_the_first_time_is_taken_unless_past():
    keeper = TimeKeeper(NOW)
    assert keeper.judge("a", NOW - 1, 0) == REFUSE
    assert keeper.judge("a", NOW, 0) == ACCEPT


def test_small_steps_either_way():
    keeper = TimeKeeper(NOW - 100000)
    for ahead in (-3600, -1, 0, 1, 3600):
        assert keeper.judge("a", NOW + ahead, NOW) == ACCEPT


@pytest.mark.parametrize("ahead", [-3700, 3601, 10 ** 8])
def test_a_jump_takes_two_servers(ahead):
    keeper = TimeKeeper(NOW - 100000)
    assert keeper.judge("a", NOW + ahead, NOW) == DOUBT
    assert keeper.judge("a", NOW + ahead, NOW) == DOUBT  # the same one again
    assert keeper.judge("b", NOW + ahead + 11 + 5, NOW + 5) == DOUBT  # does not agree
    assert keeper.judge("a", NOW + ahead + 5 + 9, NOW + 9) == ACCEPT


@pytest.mark.parametrize("other", [-5000, -9000, 9000 - 11, 9000 + 11, 90000])
def test_two_servers_that_both_tell_of_a_jump_have_to_agree(other):
    keeper = TimeKeeper(NOW - 100000)
    assert keeper.judge("a", NOW + 9000, NOW) == DOUBT
    assert keeper.judge("b", NOW + other, NOW) == DOUBT


def test_a_good_answer_clears_the_doubt():
    keeper = TimeKeeper(NOW - 100000)
    assert keeper.judge("a", NOW + 9000, NOW) == DOUBT
    assert keeper.judge("b", NOW, NOW) == ACCEPT
    assert keeper.judge("b", NOW + 9000, NOW) == DOUBT


def test_never_below_the_last_command():
    keeper = TimeKeeper(NOW)
    keeper.raise_floor(NOW + 100)
    keeper.raise_floor(NOW + 50)
    assert keeper.judge("a", NOW + 99, NOW + 120) == REFUSE
    assert keeper.judge("a", NOW + 100, NOW + 120) == ACCEPT


@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(st.booleans(), st.integers(-20000, 20000),
                          st.integers(-3000, 3000) | st.none()), max_size=30))
def test_one_forger_moves_the_clock_by_an_hour_at_a_time(steps):
    floor = NOW - 5000
    keeper = TimeKeeper(floor)
    now = NOW
    for forged, ahead, command in steps:
        if command is not None:
            floor = max(floor, now + command)
            keeper.raise_floor(now + command)
        server, unix = ("forger", now + ahead) if forged else ("honest", NOW)
        if keeper.judge(server, unix, now) == ACCEPT:
            assert unix >= floor
            assert abs(unix - now) <= 3600 or abs(unix - NOW) <= 10  # the honest one agreed
            now = unix
