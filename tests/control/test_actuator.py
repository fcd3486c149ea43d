# uMeter - what the outputs do: polarity, mirror, patterns, a motor valve, waits, fail-safe
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from tests.control import life
from tests.control.life import sealed
from tools.meterctl.messages import open_message

AC1, AC2 = "25", "26"
HOUR_MS = 3600000


class Script(life.Script):
    def __init__(self):
        super().__init__()
        self.order("wire", 1)
        self.time(0, 0)
        self.order("energy", 56726, -3, "MWh")
        self.order("boot")
        self.wait(3000)

    def send(self, function, text="1", rest=1000):
        self.message(*sealed(self.now, function, text.encode()))
        self.wait(rest)


def with_motor():
    """A script in which the first pulse of a motor valve is over."""
    script = Script()
    script.send("set_device", "motor_valve=1")
    script.order("cut")
    script.order("boot")
    script.wait(70000)
    return script


def outputs(told, since=0):
    """[(ms, pin, level)] of the changes after that ms."""
    levels, changes = {}, []
    for ms, kind, words in told:
        if kind == "pin" and words[0] in (AC1, AC2) and levels.get(words[0]) != words[1]:
            levels[words[0]] = words[1]
            if ms > since:
                changes.append((ms, words[0], int(words[1])))
    return changes


@pytest.mark.parametrize("flags, level, second", [
    ({}, 1, []), ({"THERMO_NO": "1"}, 0, []), ({"THERMO_ON_AC_2": "1"}, 1, [1, 0]),
])  # fmt: skip
def test_polarity_and_mirror(tmp_path, flags, level, second):
    script = Script()
    start = script.ms - 1
    script.send("open")
    script.send("close")
    changes = outputs(life.run(script, tmp_path, **flags), start)
    assert [x for _, pin, x in changes if pin == AC1] == [level, 1 - level]
    assert [x for _, pin, x in changes if pin == AC2] == second


def test_slow_pwm_until_the_next_command(tmp_path):
    script = Script()
    start = script.ms
    script.send("pwm", "250", 25000)
    script.send("close", rest=30000)
    changes = outputs(life.run(script, tmp_path), start - 1)
    assert changes == [(start + at, AC1, level) for at, level in
                       ((0, 1), (2500, 0), (10000, 1), (12500, 0), (20000, 1), (22500, 0))]


def test_all_of_the_period_and_nothing_of_it(tmp_path):
    script = Script()
    start = script.ms
    script.send("pwm", "1000", 25000)
    script.send("pwm", "0", 15000)
    changes = outputs(life.run(script, tmp_path), start - 1)
    assert changes == [(start, AC1, 1), (start + 25000, AC1, 0)]


def test_the_test_pattern(tmp_path):
    script = Script()
    start = script.ms
    script.send("test", rest=30000)
    script.send("off", rest=30000)
    changes = outputs(life.run(script, tmp_path), start - 1)
    assert changes == [(start + at, AC1, level) for at, level in
                       ((0, 1), (12000, 0), (24000, 1), (30000, 0))]  # fmt: skip


def test_the_test_pattern_of_a_build_goes_on(tmp_path):
    script = Script()
    for command in ("open", "close", "open"):
        script.send(command, rest=17000)
    script.send("off", rest=30000)
    pattern = outputs(life.run(script, tmp_path, AC_TEST="1"))
    assert pattern == [(12000, AC1, 0), (24000, AC1, 1), (36000, AC1, 0), (48000, AC1, 1),
                       (54000, AC1, 0)]  # fmt: skip


def test_the_test_pattern_is_of_one_output(tmp_path):
    script = Script()
    script.send("open", rest=1000)
    start = script.ms
    script.send("test", rest=10000)
    changes = outputs(life.run(script, tmp_path, THERMO_ON_AC_2="1"), start - 1)
    assert changes == [(start, AC2, 0)]  # the other is on already


def test_fail_safe_moves_a_motor_once(tmp_path):
    script = Script()
    script.send("set_device", "motor_valve=1&fail_safe=close")
    script.send("open")
    script.order("meter", 0)
    script.order("cut")
    script.order("boot")
    boot = script.ms
    script.wait(25 * HOUR_MS)
    changes = outputs(life.run(script, tmp_path), boot - 1)
    changes = [change for change in changes if change[0] > boot or change[2]]
    assert [change[1:] for change in changes] == [(AC1, 1), (AC1, 0), (AC2, 1), (AC2, 0)]
    assert [b[0] - a[0] for a, b in zip(changes[::2], changes[1::2])] == [60000, 60000]


def test_a_motor_valve(tmp_path):
    script = Script()
    script.send("set_device", "motor_valve=1")
    script.order("cut")
    script.wait(1000)
    boot = script.ms
    script.order("boot")
    script.wait(70000)
    start = script.ms
    script.send("open", rest=30000)
    script.send("close", rest=90000)  # turns back on the way
    changes = outputs(life.run(script, tmp_path), boot - 1)
    assert changes == [(boot, AC2, 1), (boot + 60000, AC2, 0), (start, AC1, 1),
                       (start + 30000, AC1, 0), (start + 30500, AC2, 1),
                       (start + 90500, AC2, 0)]  # fmt: skip


def test_a_motor_that_turns_back_twice(tmp_path):
    script = with_motor()
    start = script.ms
    script.send("open", rest=1000)
    script.send("close", rest=200)  # while it rests
    script.send("open", rest=10000)
    script.send("open", rest=70000)  # said again: the outputs stay as they are
    script.send("off")
    changes = outputs(life.run(script, tmp_path), start - 1)
    assert changes == [(start, AC1, 1), (start + 1000, AC1, 0), (start + 1200, AC1, 1),
                       (start + 61200, AC1, 0)]  # fmt: skip


def test_what_is_said_again_is_no_new_wish(tmp_path):
    """Servers repeat what nobody answers, every ten seconds."""
    script = with_motor()
    start = script.ms
    for _ in range(12):
        script.send("open", rest=10000)
    script.send("off", rest=1000)  # somebody wants it to stop, and then to go on
    script.send("open", rest=70000)
    changes = outputs(life.run(script, tmp_path), start - 1)
    assert changes == [(start, AC1, 1), (start + 60000, AC1, 0), (start + 121000, AC1, 1),
                       (start + 181000, AC1, 0)]  # fmt: skip
    (tmp_path / "again").mkdir()
    script = Script()
    start = script.ms
    for _ in range(4):
        script.send("test", rest=10000)
    changes = outputs(life.run(script, tmp_path / "again"), start - 1)
    assert changes == [(start, AC1, 1), (start + 12000, AC1, 0), (start + 24000, AC1, 1),
                       (start + 36000, AC1, 0)]  # fmt: skip


def test_pwm_is_mirrored_and_not_for_motors(tmp_path):
    script = Script()
    start = script.ms
    script.send("pwm", "250", 9000)
    changes = outputs(life.run(script, tmp_path, THERMO_ON_AC_2="1"), start - 1)
    assert changes == [(start, AC1, 1), (start, AC2, 1), (start + 2500, AC1, 0),
                       (start + 2500, AC2, 0)]  # fmt: skip
    (tmp_path / "again").mkdir()
    script = with_motor()
    start = script.ms
    script.send("pwm", "1000", 9000)
    told = life.run(script, tmp_path / "again")
    sent = [open_message(words[0], bytes.fromhex(words[1]), life.KEYS)
            for _, kind, words in told if kind == "sent"]  # fmt: skip
    assert outputs(told, start - 1) == []
    assert [m.text for m in sent if m.function == "pwm"] == [
        "error: a motor valve can only open and close"
    ]


def test_the_end_of_fail_safe_ends_a_pattern_too(tmp_path):
    script = Script()
    script.send("set_device", "fail_safe=close")
    script.send("open")
    script.order("meter", 0)
    script.wait(25 * HOUR_MS)
    script.send("test", rest=30000)
    script.order("meter", 1)
    script.wait(61000)
    restored = script.ms
    script.wait(60000)
    told = life.run(script, tmp_path)
    assert outputs(told)[-1][2] == 1 and not outputs(told, restored)


def test_two_moves_are_not_too_close(tmp_path):
    script = Script()
    script.send("set_device", "switch_interval=100")
    script.wait(200000)
    start = script.ms
    script.send("open", rest=10000)
    script.send("close", rest=10000)
    script.send("close", rest=100000)
    script.send("open", rest=10000)
    script.send("off", rest=200000)  # the move that waits is not wanted any more
    changes = outputs(life.run(script, tmp_path), start - 1)
    assert [(round((ms - start) / 1000), level) for ms, _, level in changes] == [(0, 1), (100, 0)]


def test_where_it_is_already_it_need_not_wait(tmp_path):
    script = Script()
    script.send("set_device", "switch_interval=100")
    script.wait(200000)
    start = script.ms
    script.send("open", rest=10000)
    script.send("off", rest=10000)
    script.send("open", rest=10000)
    changes = outputs(life.run(script, tmp_path), start - 1)
    assert changes == [(start, AC1, 1), (start + 10000, AC1, 0), (start + 20000, AC1, 1)]


def test_fail_safe_after_a_day_of_silence(tmp_path):
    script = Script()
    script.send("set_device", "fail_safe=close")
    script.send("open")
    script.wait(60000)
    script.order("meter", 0)
    silent = script.ms
    script.wait(26 * HOUR_MS)
    script.order("meter", 1)
    script.wait(120000)
    script.send("status")
    told = life.run(script, tmp_path)
    closed, opened = outputs(told, silent)
    assert closed[1:] == (AC1, 0) and 24 * HOUR_MS - 200000 < closed[0] - silent < 25 * HOUR_MS
    assert opened[1:] == (AC1, 1) and opened[0] > script.ms - 122000
    messages = [open_message(words[0], bytes.fromhex(words[1]), life.KEYS)
                for ms, kind, words in told if kind == "sent" and ms > silent]  # fmt: skip
    assert [(message.function, message.text) for message in messages] == [
        ("status", "close"), ("status_cause", "fail_safe"), ("status", "open"),
        ("status_cause", "meter"), ("status", "open"),
    ]  # fmt: skip
