# uMeter - which network comes next, and when a better one is looked for
# MIT license; Copyright (c) 2026 The uMeter authors

from hypothesis import given
from hypothesis import strategies as st

from firmware.net.wifi_plan import Plan, order

HOME, BARN, OLD = ("home", "p" * 8), ("barn", "q" * 8), ("old", "")
SPARE = ("spare", "r" * 8)
ALL = [HOME, BARN, OLD]

names = st.sampled_from(["a", "b", "c", "d", "e"])
networks = st.lists(st.tuples(names, st.sampled_from(["", "x" * 8])), unique=True, max_size=5)


def test_by_priority_without_a_scan():
    assert order(ALL, SPARE, None, [], 0) == [*ALL, SPARE]


def test_what_the_scan_saw_comes_first_and_one_of_the_others_in_turn():
    assert order(ALL, None, {"old"}, [], 0) == [OLD, HOME]
    assert order(ALL, None, {"old"}, [], 1) == [OLD, BARN]
    assert order(ALL, None, {"old"}, [], 2) == [OLD, HOME]


def test_with_hidden_networks_about_any_may_be_there():
    assert order(ALL, SPARE, {"old", ""}, [], 5) == [OLD, HOME, BARN, SPARE]


def test_fallback_comes_after_all_that_may_work():
    assert order(ALL, SPARE, {"spare"}, [], 0) == [HOME, SPARE]
    assert order(ALL, SPARE, {"home", "spare"}, ["home"], 0)[-2:] == [SPARE, HOME]
    assert order([HOME], SPARE, {"home", "spare"}, ["home", "spare"], 0) == [HOME, SPARE]


@given(networks, st.none() | st.tuples(names, st.just("")),
       st.none() | st.sets(names | st.just("")),
       st.lists(names), st.integers(0, 1000))  # fmt: skip
def test_every_order(found, fallback, seen, shunned, turn):
    tried = order(found, fallback, seen, shunned, turn)
    assert set(tried) <= {*found, fallback}
    for network in found:  # nothing that is visible or blamed is ever left out
        if seen is None or network[0] in seen or network[0] in shunned:
            assert network in tried
    if fallback:
        assert fallback in tried
        if fallback[0] not in shunned and fallback not in found:
            for network in tried[tried.index(fallback) + 1 :]:
                assert network[0] in shunned


@given(networks, st.sets(names))
def test_unseen_ones_all_get_their_turn(found, seen):
    tried = set()
    for turn in range(len(found) or 1):
        tried.update(order(found, None, seen, [], turn))
    assert tried == set(found)


def test_the_best_network_is_never_left():
    plan = Plan()
    plan.arrived(0, False, 100)
    assert not plan.wants_look(10**6, False)


def test_fallback_is_left_for_what_is_seen():
    plan = Plan()
    plan.arrived(1, True, 100)
    assert not plan.wants_look(699, True) and plan.wants_look(700, True)
    assert not plan.wants_look(159, False) and plan.wants_look(160, False)
    assert not plan.looked([HOME], {"spare"}, 160)
    assert not plan.wants_look(219, False) and plan.wants_look(220, False)
    assert plan.looked([HOME], {"home", "spare"}, 220)


def leave_in_vain(plan, now):
    """Seconds on the fallback before it is left again."""
    plan.arrived(1, True, now)
    wait = 1
    while not plan.wants_look(now + wait, False):
        wait += 1
    assert plan.looked([HOME], {"home"}, now + wait)
    return wait


def test_a_better_network_that_does_not_work_is_tried_less_and_less():
    plan = Plan()
    waits, now = [], 0
    for _ in range(9):
        waits.append(leave_in_vain(plan, now))
        now += waits[-1] + 20
    assert waits == [60, 120, 240, 480, 960, 1920, 3840, 7200, 7200]
    plan.arrived(0, False, now)
    plan.lost(20)  # gone at once: as good as not there
    assert leave_in_vain(plan, now + 30) == 7200
    plan.arrived(0, False, now)
    plan.lost(300)
    assert leave_in_vain(plan, now + 400) == 60


def test_a_step_towards_the_best_is_not_in_vain():
    plan = Plan()
    plan.arrived(2, True, 0)
    assert plan.looked([HOME, BARN], {"barn"}, 60)
    plan.arrived(1, False, 70)
    assert not plan.wants_look(669, False) and plan.wants_look(670, False)
    plan.lost(20)
    plan.arrived(2, True, 100)  # now it was
    assert not plan.wants_look(219, False) and plan.wants_look(220, False)


def test_blame_ends():
    plan = Plan()
    plan.blame("home", 50)
    assert plan.order([HOME], SPARE, {"home", "spare"}, 649) == [SPARE, HOME]
    assert plan.order([HOME], SPARE, {"home", "spare"}, 650) == [HOME, SPARE]
    plan.blame("home", 700)
    plan.arrived(1, True, 700)
    assert not plan.looked([HOME], {"home"}, 760)
    plan.praise("home")
    assert plan.looked([HOME], {"home"}, 820)
