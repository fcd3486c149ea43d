# uMeter - what the lamp shows, when a press is a long one, the gesture for factory settings
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.control.gesture import IDLE, RESET, Gesture
from firmware.control.signals import PATTERNS, Button, Lamp

WRAP = 1 << 30  # of ticks_ms
NAMES = PATTERNS[::2]
ERRORS = ("no_data", "no_mqtt", "no_wifi")


def edges(lamp, start, seconds):
    """[(ms since start, level)] of every change, looked at every 10 ms."""
    seen, last = [], 0
    for ms in range(0, seconds * 1000, 10):
        level = lamp.lit((start + ms) % WRAP)
        if level != last:
            seen.append((ms, level))
            last = level
    return seen


def shows(*cases, start=0, seconds=6):
    lamp = Lamp()
    lamp.show(lambda name: name in cases, start)
    return edges(lamp, start, seconds)


def train(times, seconds=6):
    """Flashes [(from, to)] -> edges."""
    return [(ms, level) for pair in times for ms, level in zip(pair, (1, 0))
            if ms < seconds * 1000]


A = train([(0, 1000), (2000, 3000), (4000, 5000)])
B = train([(ms, ms + 200) for ms in range(0, 6000, 400)])
C = train([(0, 100), (200, 300), (3000, 3100), (3200, 3300)])


def flashes(count, at):
    return [(at + i * 650, at + i * 650 + 250) for i in range(count)]


@pytest.mark.parametrize("start", [0, 7, WRAP - 1, WRAP - 2500])
@pytest.mark.parametrize("name, pattern", [
    ("setup", C), ("radio_off", B), ("open", B), ("closed", A), ("fallback_online", B),
    ("fallback", A), ("no_broker", [(0, 1)]),
    ("no_data", train(flashes(1, 0) + flashes(1, 3000))),
    ("no_mqtt", train(flashes(2, 0) + flashes(2, 3000))),
    ("no_wifi", train(flashes(3, 0) + flashes(3, 3000))),
])  # fmt: skip
def test_patterns(name, pattern, start):
    assert shows(name, start=start) == pattern


def test_every_row_is_tried():
    tried = test_patterns.pytestmark[0].args[1]
    assert [name for name, _ in tried] == list(NAMES)


def test_errors_take_turns():
    assert shows("no_wifi", "no_data", seconds=9) == train(
        flashes(1, 0) + flashes(3, 3000) + flashes(1, 6000), 9)
    assert shows(*ERRORS, seconds=12) == train(
        flashes(1, 0) + flashes(2, 3000) + flashes(3, 6000) + flashes(1, 9000), 12)


@given(st.sets(st.sampled_from(NAMES)))
def test_the_first_row_that_is_the_case(cases):
    lamp = Lamp()
    lamp.show(lambda name: name in cases, 0)
    found = [PATTERNS[place] for place in lamp.shown]
    first = [name for name in NAMES if name in cases]
    assert found == (first if first and first[0] in ERRORS else first[:1])
    assert lamp.is_error == (found != [] and found[0] in ERRORS)


def test_units_make_whole_patterns():
    for name, pattern in zip(NAMES, PATTERNS[1::2]):
        assert len(pattern) % 2 == 0 and sum(pattern), name
        if name in ERRORS:
            assert sum(pattern) * 50 == 3000


def test_dark_without_a_case():
    assert shows() == []


@pytest.mark.parametrize("start", [0, WRAP - 50])
def test_single_flashes(start):
    lamp = Lamp()
    lamp.flash(100, start)
    assert edges(lamp, start, 3) == [(0, 1), (100, 0)]
    assert lamp.lit(start) == 0, "it came back when the time wrapped"
    lamp.flash(1000, start)
    assert edges(lamp, start, 3) == [(0, 1), (1000, 0)]
    lamp.show(lambda name: name == "closed", start)
    lamp.flash(100, start + 1500)
    assert lamp.lit(start + 1500) == 0, "a pattern goes before"
    lamp.show(lambda name: False, start)
    assert lamp.lit(start) == 0


def test_a_pattern_goes_on_while_nothing_changes():
    lamp = Lamp()
    for ms in range(0, 5000, 50):
        lamp.show(lambda name: name == "fallback", ms)
        assert lamp.lit(ms) == (ms // 1000 + 1) % 2


# -- the button --


def presses(times, start=0, step=50):
    """[(pressed at, let go at)] in ms -> when long presses are told."""
    button, told = Button(), []
    for ms in range(0, max(end for _, end in times) + 1000, step):
        if button.held(any(a <= ms < b for a, b in times), (start + ms) % WRAP):
            told.append(ms)
    return told


@pytest.mark.parametrize("start", [0, WRAP - 3000])
def test_long_presses(start):
    assert presses([(1000, 20000)], start) == [6000], "once, however long"
    assert presses([(0, 4950)], start) == [] and presses([(0, 5050)], start) == [5000]
    assert presses([(0, 6000), (7000, 12500)], start) == [5000, 12000]
    assert presses([(0, 4000), (4100, 8000)], start) == [], "let go in between"


# -- factory settings --


def gesture(times, start=0):
    """What comes of presses [(from, to)], and when the lamp is lit until then."""
    look, seen = Gesture(start), []
    for ms in range(0, 20000, 50):
        found = look.look(any(a <= ms < b for a, b in times), (start + ms) % WRAP)
        if found > 1:
            return found, ms, seen
        if not seen or seen[-1][1] != found:
            seen.append((ms, found))
    raise AssertionError("it never ends")


@pytest.mark.parametrize("start", [0, WRAP - 2000])
def test_gesture(start):
    assert gesture([], start) == (IDLE, 1000, [(0, 1)])
    assert gesture([(500, 3500)], start) == (RESET, 3500, [(0, 1), (2500, 0)])
    assert gesture([(0, 2050)], start)[0] == RESET
    assert gesture([(950, 4900)], start)[0] == RESET
    assert gesture([(950, 5000)], start) == (IDLE, 4950, [(0, 1), (2950, 0)]), "held for ever"
    assert gesture([(500, 2450)], start)[0] == IDLE, "let go while lit"
    assert gesture([(1100, 4000)], start)[0] == IDLE, "too late"


@given(st.lists(st.booleans(), max_size=120))
def test_whatever_is_pressed(levels):
    """RESET comes only after two seconds of holding that began in the first one."""
    look = Gesture(0)
    for i, pressed in enumerate([*levels, *[False] * 120]):
        found = look.look(pressed, i * 50)
        if found > 1:
            first = levels.index(True) if True in levels else len(levels)
            run = levels[first:i]
            assert (found == RESET) == (first < 20 and 40 < len(run) < 81 and all(run)
                                        and not pressed)  # fmt: skip
            return
    raise AssertionError("it never ends")
