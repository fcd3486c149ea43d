# uMeter - the power fails at any moment: after the start all is as it was acknowledged last
# MIT license; Copyright (c) 2026 The uMeter authors

import random
import re
import time

import pytest

from tests.chance import SEED, SOAK
from tests.e2e.test_commands import SERIAL, Device
from tools.meterctl.messages import open_message

KILLS = 200 if SOAK else 5
READING = 56726  # kWh, of the simulated meter
PULSES_H = 36000


class State:
    """Valve, limit and jobs that the acknowledged commands have made."""

    def __init__(self, valve="close", limit="none", jobs=()):
        self.valve, self.limit, self.jobs = valve, limit, tuple(jobs)

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return "%s, limit %s, %d jobs" % (self.valve, self.limit, len(self.jobs))


class Killed(Device):
    def board(self):
        self.virtual = super().board()
        return self.virtual

    def state(self):
        self.ask("ping")  # what the broker had kept for us has been obeyed
        self.send("cron_list")
        jobs = []
        while True:
            text = self.wait("cron_list")
            found = re.fullmatch(r"job=(\d+)&jobs=(\d+)&(.*)", text)
            if found:
                jobs.append(found[3])
            if not found or found[1] == found[2]:
                break
        state = State(self.ask("status"), self.ask("limit"), jobs)
        self.ask("ping")  # and all that was said has been heard
        return state

    def heard(self, function, seconds):
        """Text of the first such message within the time; None."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            got = self.link.receive(min(left, 0.02))
            message = got and open_message(got[0], got[1], self.keys)
            if message and message.function == function:
                assert message.verified
                return message.text
        return None

    def acknowledged(self, function, seconds):
        return self.heard(function, seconds) is not None

    def drain(self):
        while self.link.receive(0.2):
            pass


def command(state, chance):
    """(function, text, function of the answer, state afterwards); always a change."""
    kind = chance.randrange(4)
    passed = state.limit != "none" and int(state.limit) <= READING  # closes with the next reading
    if kind == 0 and not passed:
        valve = "close" if state.valve == "open" else "open"
        return valve, "1", "status", State(valve, state.limit, state.jobs)
    if kind == 1 and len(state.jobs) < 16:
        job = "minute=%d&hour=4&day_of_month=%d&month=2&command=off" % (
            chance.randrange(60), chance.randrange(1, 28))  # fmt: skip
        if job not in state.jobs:
            return "set_cron", job, "set_cron", State(
                state.valve, state.limit, (*state.jobs, job))  # fmt: skip
    if kind == 2 and state.jobs and chance.random() < 0.3:
        return "clear_cron", "1", "clear_cron", State(state.valve, state.limit)
    limit = chance.randrange(100000)
    valve = "open" if limit > READING else "close"
    return "open_until", str(limit), "open_until", State(valve, str(limit), state.jobs)


@pytest.fixture
def device(tmp_path):
    with Killed(tmp_path).running() as running:
        yield running


def test_valve_limit_and_jobs(device):
    chance = random.Random(SEED)
    state = device.state()
    assert state == State()
    obeyed = 0
    for _ in range(KILLS):
        for _ in range(chance.randrange(4)):  # in peace, before the one that is cut off
            function, text, answer, state = command(state, chance)
            device.send(function, text.encode())
            assert device.acknowledged(answer, 20), SEED
            device.ask("ping")
        function, text, answer, after = command(state, chance)
        device.send(function, text.encode())
        said = device.acknowledged(answer, chance.random() * chance.choice([0.03, 0.1, 0.5]))
        device.virtual.kill()
        said = device.acknowledged(answer, 0.3) or said  # it was on its way
        device.drain()
        last = device.raw[-1]
        device.virtual.start()
        device.wait("reset_reason", 60)
        if said:  # it must not be obeyed again
            device.publish(*last)
        found = device.state()
        assert found == after or (found == state and not said), (SEED, state, after, found)
        obeyed += found == after
        state = found
    print("seed %d: killed %d times, %d of the last commands were obeyed" % (SEED, KILLS, obeyed))


class Counting(Killed):
    flags = {"IMPULSE": "1", "SERIAL": SERIAL, "PULSES_PER_UNIT": "1000"}
    greeting = "reset_reason"

    def count(self):
        """Pulses, as the next sample tells them: one is a Wh."""
        while True:
            text = self.heard("sample", 60)
            assert text is not None
            found = re.search(r"e1=(\d+)\.(\d{3}) kWh", text)
            if found:
                return int(found[1] + found[2])


def test_the_count_of_pulses(tmp_path):
    chance = random.Random(SEED)
    with Counting(tmp_path).running() as device:
        device.world["pulses"]["per_hour"] = PULSES_H
        began, kept = time.monotonic(), 0
        for _ in range(max(KILLS // 4, 2)):
            device.virtual.kill()
            device.drain()
            device.virtual.start()
            device.wait("reset_reason", 60)
            count = device.count()
            most = (time.monotonic() - began) * PULSES_H / 3600
            assert kept <= count <= most + 20, (SEED, kept, count, most)
            time.sleep(chance.random() * 2)
            kept = device.count()  # what a sample has told is never taken back
            device.send("save")
            device.heard("save", chance.random() * chance.choice([0.03, 0.1, 20]))
    print("seed %d: %d pulses kept" % (SEED, kept))
