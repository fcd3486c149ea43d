# uMeter - replay guard: once, ever
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.control.replay import ReplayGuard

NOW = 1_800_000_000


def accepted(guard, mac, when, now):
    try:
        guard.accept(mac, when, now)
    except ValueError:
        return False
    return True


def test_twice_is_once():
    guard = ReplayGuard()
    guard.accept(b"a" * 32, NOW, NOW)
    with pytest.raises(ValueError, match="^replay$"):
        guard.accept(b"a" * 32, NOW, NOW + 5)
    guard.accept(b"b" * 32, NOW, NOW)  # another one of the same second
    guard.accept(b"c" * 32, NOW - 100, NOW)  # late, but never seen


def test_what_is_late_is_accepted_while_nothing_is_forgotten():
    guard = ReplayGuard()
    for n, when in enumerate((NOW - 5, NOW - 10, NOW - 1700, NOW - 1800)):
        guard.accept(bytes([n] * 32), when, NOW)


def test_the_oldest_makes_room():
    guard = ReplayGuard(most=3)
    for n, ago in enumerate((40, 30, 20, 10, 15)):
        guard.accept(bytes([n] * 32), NOW - ago, NOW)
    assert not accepted(guard, bytes([9] * 32), NOW - 30, NOW)


def test_after_a_reset_only_newer_ones():
    first = ReplayGuard()
    first.accept(b"a" * 32, NOW, NOW)
    second = ReplayGuard(first.newest)
    with pytest.raises(ValueError, match="floor"):
        second.accept(b"a" * 32, NOW, NOW + 60)
    second.accept(b"b" * 32, NOW + 1, NOW + 60)


def test_a_clock_set_back_opens_nothing():
    guard = ReplayGuard()
    guard.accept(b"a" * 32, NOW, NOW)
    guard.accept(b"b" * 32, NOW + 4000, NOW + 4000)  # a has left the window
    assert not accepted(guard, b"a" * 32, NOW, NOW)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-2000, 2000), st.integers(-50, 3000),
                          st.booleans()), max_size=60), st.integers(1, 5))  # fmt: skip
def test_nothing_is_ever_accepted_twice(steps, room):
    """Whatever order, clock steps, resets and however little memory."""
    guard = ReplayGuard(0, room)
    now, done = NOW, set()
    for name, offset, step, reset in steps:
        now += step if name else -step  # the clock may also step back
        if reset:
            guard = ReplayGuard(guard.newest, room)
        when = now + offset
        if not now - 1800 <= when <= now + 1800:
            continue
        mac = b"%d %d" % (name, when)
        if accepted(guard, mac.ljust(32), when, now):
            assert mac not in done
            done.add(mac)
        for old in list(done)[-8:]:
            assert not accepted(guard, old.ljust(32), int(old.split()[1]), now)
