# uMeter - arithmetic of impulse meters, and which pulses count by their length
# MIT license; Copyright (c) 2026 The uMeter authors

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.meters.impulse import Impulse
from firmware.meters.impulse_filter import PulseFilter
from firmware.store import checks

LOW, HIGH = 0, 1


@given(st.integers(1, 100000), st.lists(st.integers(0, 50), max_size=30), st.integers(0, 10**9))
def test_no_pulse_is_rounded_away(per_unit, bursts, base):
    meter = Impulse(per_unit, base)
    for i, pulses in enumerate(bursts):
        meter.add(pulses, 1000 * i)
    assert meter.total() == base + int(Fraction(1000 * sum(bursts), per_unit))


def test_power_of_the_specification():
    meter = Impulse(100)
    meter.add(1, 1000)
    meter.add(1, 31000)
    meter.add(1, 61000)
    assert meter.values(61000)["power_1"] == (1200000 // 1000, -3, "kW")


def test_power_sinks_to_zero():
    meter = Impulse(1000)
    meter.add(1, 0)
    meter.add(1, 3600)
    seen = [meter.rate(3600 + ms) for ms in range(0, 4000000, 50000)]
    assert seen[0] == 1000 and seen == sorted(seen, reverse=True) and seen[-1] == 0


@given(st.integers(1, 100000), st.integers(50, 5000), st.integers(0, 99))
def test_power_of_steady_pulses_that_are_seen_late(per_unit, spacing, seed):
    rng = random.Random(seed)
    meter = Impulse(per_unit)
    counted = 0
    for look in range(100, 60000, 100):
        if rng.random() < 0.05:
            continue  # the loop was busy
        pulses = look // spacing
        meter.add(pulses - counted, look)
        counted = pulses
        if look > 30000 and meter._pulse_ms == look:
            right = 3.6e9 / per_unit / spacing
            assert abs(meter.rate(look) - right) <= right / 20 + 1


def test_power_after_a_pause_is_that_of_the_pause():
    meter = Impulse(1000)
    for ms in range(0, 25000, 100):
        meter.add(1, ms)
    assert meter.rate(24900) == 36000
    meter.add(1, 24900 + 3600000)
    assert meter.rate(24900 + 3600000) == 1


def test_water():
    meter = Impulse(1000, base=5000, water=True, count=7, seconds=7300)
    values = meter.values(0)
    assert values["volume_v1"] == (5007, -3, "m3") and values["hours"] == (2, 0, "")
    assert values["flow_1"] == (0, 0, "l/h")


@pytest.mark.parametrize("bad", [0, -1, 100001])
def test_pulses_per_unit_have_bounds(bad):
    with pytest.raises(ValueError):
        Impulse(bad)


def ticks(us):
    """ticks_ms(): wraps after three seconds."""
    return (us // 1000 + (1 << 30) - 3000) & (1 << 30) - 1


def difference(a, b):
    return (a - b + (1 << 29) & (1 << 30) - 1) - (1 << 29)


def play(window, levels, hardware=True, stalls=()):
    """The filter after [(level, ms)], looked at each 10 ms but for stalls [(from, to) in ms]."""
    edges, now, level = [], 0, HIGH
    for new, ms in levels:
        if new != level:
            edges.append((now, new))
            level = new
        now += round(ms * 1000)
    pulses = PulseFilter(*window, difference, HIGH, ticks(0))
    pin, ended, waiting, at = HIGH, 0, 0, 0
    for us in range(0, now + 200000, 1000):
        stalled = any(begin <= us / 1000 < end for begin, end in stalls)
        while at < len(edges) and edges[at][0] <= us + 999:
            pin = edges[at][1]
            ended += pin
            if stalled:
                waiting = min(waiting + 1, 8)
            else:
                pulses.edge(pin, ticks(edges[at][0]))
            at += 1
        if stalled:
            continue
        for _ in range(waiting):
            pulses.edge(pin, ticks(us))
        waiting = 0
        if us % 10000 == 0:
            pulses.look(pin, ticks(us), ended if hardware else None)
            ended = 0
    return pulses


SLOW = (20, None)  # for contacts
SEQUENCES = [
    (SLOW, [(LOW, 30), (HIGH, 22)] * 1000, 1000),  # 100 A in three phases
    (SLOW, [(LOW, 0.2), (HIGH, 0.3), (LOW, 0.1), (HIGH, 0.2), (LOW, 250), (HIGH, 0.4), (LOW, 0.3),
            (HIGH, 1000)], 1),
    (SLOW, [(LOW, 60), (HIGH, 0.5), (LOW, 439.5), (HIGH, 0.5), (LOW, 2489.5), (HIGH, 0.5),
            (LOW, 9.5), (HIGH, 1000)], 1),
    (SLOW, [(LOW, 0.05), (HIGH, 9.95)] * 1000, 0),
    ((2, None), [(LOW, 3.9), (HIGH, 6.1)] * 500, 500),
    (SLOW, [(LOW, 3.9), (HIGH, 6.1)] * 500, 0),
    ((80, 120), [(LOW, 100), (HIGH, 300)] * 100, 100),
    ((80, 120), [(LOW, 78), (HIGH, 300)] * 100, 0),
    ((80, 120), [(LOW, 123), (HIGH, 300)] * 100, 0),
    ((80, 120), [(LOW, 0.3), (HIGH, 0.3), (LOW, 99), (HIGH, 0.3), (LOW, 0.3), (HIGH, 99)] * 50,
     50),
]  # fmt: skip


@pytest.mark.parametrize("hardware", [True, False])
@pytest.mark.parametrize("window, levels, count", SEQUENCES)
def test_sequences(window, levels, count, hardware):
    pulses = play(window, levels, hardware)
    assert (pulses.pulses, pulses.unmeasured) == (count, 0)


def test_a_light_that_shines_for_half_an_hour_is_no_pulse():
    pulses = PulseFilter(80, 120, difference, HIGH, 0)
    pulses.edge(LOW, 5)
    for ms in range(10, 2000000, 20):
        pulses.look(LOW, ms)
    pulses.edge(HIGH, ms + 1)
    pulses.look(HIGH, ms + 15)
    assert (pulses.pulses, pulses.refused) == (0, 1) and pulses.length >= 1 << 20


def test_refused_pulses_are_told():
    pulses = play((80, 120), [(LOW, 30), (HIGH, 300)] * 7)
    assert (pulses.pulses, pulses.refused, pulses.length) == (0, 7, 30)


def with_stalls(seed, longest, hardware):
    """100 pulses of 100 ms, and stalls of up to longest ms all the time."""
    rng = random.Random(seed)
    levels, stalls, at = [], [], 500
    for _ in range(100):
        levels += [(LOW, 100), (HIGH, rng.randrange(100, 400))]
    while at < sum(ms for _, ms in levels):
        stalls.append((at, at + rng.randrange(1, longest)))
        at = stalls[-1][1] + rng.randrange(50, 1000)
    return play((80, 120), levels + [(HIGH, 2000)], hardware, stalls)


@pytest.mark.parametrize("seed", range(8))
def test_a_stall_loses_nothing_that_hardware_counted(seed):
    pulses = with_stalls(seed, 2000, True)
    assert (pulses.pulses, pulses.refused) == (100, 0) and pulses.unmeasured > 0


@pytest.mark.parametrize("seed", range(8))
def test_without_hardware_eight_edges_wait_for_the_end_of_a_stall(seed):
    assert with_stalls(seed, 700, False).pulses == 100


def test_a_contact_that_bounces_while_nobody_looks():
    bounce = [(HIGH, 0.4), (LOW, 0.3)] * 3
    levels = ([(LOW, 100)] + bounce + [(HIGH, 5000)]) * 40
    stalls = [(begin, begin + 2000) for begin in range(4000, 200000, 5900)]
    pulses = play((80, 120), levels, stalls=stalls)
    assert 40 <= pulses.pulses <= 40 + pulses.unmeasured // 2 and pulses.unmeasured > 3


def test_a_stall_full_of_spikes_is_bounded():
    levels = [(LOW, 100), (HIGH, 900)] * 5 + [(LOW, 0.1), (HIGH, 1.9)] * 1000 + [(HIGH, 500)]
    pulses = play((80, 120), levels, stalls=[(5100, 6900)])
    assert 5 <= pulses.pulses <= 9 and pulses.refused > 500


@pytest.mark.parametrize("text", ["80-120", "20-", "1-2", "10000-60000"])
def test_lengths(text):
    assert checks.pulse_length(text) == text


@pytest.mark.parametrize("text", [
    "", "80", "-", "-120", "120-80", "80-80", "0-10", "80-120-", "80 - 120", "8e1-120", "10001-",
    "80-60001", "٣-", None, 80])  # fmt: skip
def test_lengths_that_are_none(text):
    with pytest.raises(ValueError, match="milliseconds"):
        checks.pulse_length(text)
