# uMeter - jobs are run once, or reported as missed
# MIT license; Copyright (c) 2026 The uMeter authors

from types import SimpleNamespace

import pytest

from firmware.control.cron_runner import CronRunner

EIGHT = 1790064000  # 2026-09-22 08:00 UTC
DAY = 86400
MORNING = "minute=0&hour=8&command=open"
EVENING = "minute=0&hour=20&command=close"


def finish(coroutine):
    """Without a loop: all that it awaits is sleep(0)."""
    try:
        while True:
            assert coroutine.send(None) is None
    except StopIteration:
        return


class House:
    """A device that can be switched off: settings and state outlive its runner."""

    def __init__(self, *jobs, now=EIGHT - 3600, zone="UTC0"):
        self.settings = dict(cron_jobs=list(jobs), cron_most=16, timezone=zone)
        self.state = dict(cron_done=0)
        self.unix = now
        self.ran, self.missed, self.said = [], [], []
        self.full = False  # the heap
        self.boot()

    def now(self):
        return self.unix

    def event(self, area, text):
        self.said.append(text)

    def boot(self):
        log = SimpleNamespace(event=self.event, state=self.event)
        self.cron = CronRunner(self.settings, self.state, self, log, self.obey, "UTC0")
        self.cron.on_missed = lambda text, first, count: self.missed.append((text, first, count))

    def obey(self, name, text):
        if self.full:
            return False
        self.ran.append((self.unix, name + text))
        if name == "clear_cron":
            self.cron.clear()
        return True

    def look(self, unix):
        self.unix = unix
        finish(self.cron.look())

    def pass_time(self, end, step=7):
        while self.unix < end:
            self.look(min(self.unix + step, end))


def test_jobs_run_once_a_day():
    house = House(MORNING, EVENING)
    house.pass_time(EIGHT + 2 * DAY + 60, 30)
    assert [name for _, name in house.ran] == ["open", "close", "open", "close", "open"]
    assert all((unix - EIGHT) % 43200 < 30 for unix, _ in house.ran)
    assert not house.missed


def test_a_late_loop_still_runs_what_passed():
    house = House(EVENING, MORNING, "minute=*/2&command=open_until=7")
    house.look(EIGHT - 1)
    house.look(EIGHT + 500)
    assert [name for _, name in house.ran] == ["open", "open_until7"]  # as they were due
    house.look(EIGHT + 501)
    assert len(house.ran) == 2 and not house.missed


def test_a_jump_of_the_clock_is_reported():
    house = House(MORNING, "minute=0&command=off")
    house.look(EIGHT - 10)
    house.look(EIGHT + 7300)
    assert [name for _, name in house.ran] == ["off"]  # that of 10:00
    assert house.missed == [(MORNING, EIGHT, 1), ("minute=0&command=off", EIGHT, 2)]


@pytest.mark.parametrize("back", [1, 30, 3600, DAY, 30 * DAY])
def test_a_clock_that_steps_back_runs_nothing_twice(back):
    house = House(MORNING, now=EIGHT - 60)
    house.pass_time(EIGHT + 5)
    assert len(house.ran) == 1
    house.look(EIGHT + 5 - back)
    house.pass_time(EIGHT + DAY - 1, 50)
    assert len(house.ran) == 1
    house.pass_time(EIGHT + DAY)
    assert len(house.ran) == 2


def test_a_false_time_takes_no_run_away():
    house = House(MORNING)
    house.look(EIGHT - 60)
    house.look(EIGHT + 5 * DAY + 7200)
    house.look(EIGHT - 30)
    house.pass_time(EIGHT + 1)
    assert len(house.ran) == 1


def test_what_was_due_while_off_is_reported_and_not_run():
    house = House(MORNING)
    house.pass_time(EIGHT + 1, 60)
    house.boot()
    house.look(0)
    house.look(EIGHT + 3 * DAY + 5)
    assert len(house.ran) == 1
    assert house.missed == [(MORNING, EIGHT + DAY, 3)]
    house.pass_time(EIGHT + 4 * DAY, 3600)
    assert len(house.ran) == 2


@pytest.mark.parametrize("later", [0, 1, 20, 300, 3600])
def test_a_reset_after_the_run_does_not_run_it_again(later):
    house = House(MORNING, now=EIGHT - 20)
    house.pass_time(EIGHT)
    house.boot()
    house.look(EIGHT - 20)  # and the clock is behind
    house.look(EIGHT + later)
    assert len(house.ran) == 1 and not house.missed


def test_a_reset_then_a_clock_that_steps_back():
    house = House(MORNING, now=EIGHT - 20)
    house.pass_time(EIGHT)
    house.boot()
    house.look(EIGHT + 30)
    house.look(EIGHT - 30)
    house.pass_time(EIGHT + DAY - 1, 50)
    assert len(house.ran) == 1 and not house.missed


@pytest.mark.parametrize("late", [1, 60, 600])
def test_ten_minutes_are_not_too_late(late):
    house = House(MORNING)
    house.look(EIGHT - 1)
    house.look(EIGHT + late)
    assert len(house.ran) == 1 and not house.missed


def test_more_is_too_late():
    house = House(MORNING)
    house.look(EIGHT - 1)
    house.look(EIGHT + 601)
    assert not house.ran and house.missed == [(MORNING, EIGHT, 1)]


def test_the_run_is_remembered_before_it_begins():
    house = House(MORNING)
    seen = []
    house.cron._run = lambda name, text: seen.append(house.state["cron_done"]) is None
    house.pass_time(EIGHT, 60)
    assert seen == [EIGHT]


def test_counts_of_missed_runs_end():
    house = House("minute=*&command=open")
    house.state["cron_done"] = EIGHT - 365 * DAY
    house.look(EIGHT)
    assert house.missed[0][2] == 100 and not house.ran
    house.pass_time(EIGHT + 60)
    assert len(house.ran) == 1


def test_new_jobs_begin_now():
    house = House(MORNING, now=EIGHT + 60)
    house.look(house.unix)
    house.cron.add("minute=0&hour=7&command=close")
    house.boot()
    house.look(EIGHT + 3600)
    assert not house.missed and house.cron.count == 2


def test_a_new_job_missed_nothing_before_it_was_there():
    house = House(MORNING, now=EIGHT - 60)
    house.pass_time(EIGHT + 1800)
    house.cron.add("minute=15&hour=8&command=close")
    house.boot()
    house.look(EIGHT + 3600)
    assert not house.missed


def test_a_job_that_is_added_before_the_time_is_known_missed_nothing():
    house = House(MORNING)
    house.pass_time(EIGHT + 60, 60)
    house.boot()
    house.unix = 0
    house.cron.add(EVENING)
    house.look(EIGHT + DAY - 60)
    assert not house.missed and len(house.ran) == 1


def test_without_room_a_job_is_tried_again_for_ten_minutes():
    house = House(MORNING, EVENING, now=EIGHT - 60)
    house.state["cron_done"] = EIGHT - DAY // 2
    house.full = True
    house.pass_time(EIGHT + 300)
    assert not house.ran and house.state["cron_done"] == EIGHT - DAY // 2
    house.full = False
    house.pass_time(EIGHT + 400)
    assert [name for _, name in house.ran] == ["open"] and house.state["cron_done"] == EIGHT
    house.full = True
    house.pass_time(EIGHT + DAY // 2 + 700)
    assert house.missed == [(EVENING, EIGHT + DAY // 2, 1)] and len(house.ran) == 1
    house.full = False
    house.pass_time(EIGHT + DAY)
    assert [name for _, name in house.ran] == ["open", "open"]


def test_without_room_for_the_calendar_no_job_is_lost():
    house = House(MORNING, "minute=0&hour=8&command=close", now=EIGHT - 60)
    plan, full = house.cron._plan, [MORNING]

    def plan_if_there_is_room(job, now):
        if job.text in full:
            raise MemoryError
        plan(job, now)

    house.look(EIGHT - 60)
    house.cron._plan = plan_if_there_is_room
    house.look(EIGHT)
    assert [name for _, name in house.ran] == ["close"]
    full.clear()
    house.look(EIGHT + 5)
    assert [name for _, name in house.ran] == ["close", "open"]
    house.pass_time(EIGHT + DAY, 600)
    assert len(house.ran) == 4 and not house.missed


def test_in_the_order_of_the_due_times():
    house = House("minute=5&command=close", "minute=0&command=open")
    house.look(EIGHT - 1)
    house.look(EIGHT + 400)
    assert [name for _, name in house.ran] == ["open", "close"]


def test_a_clock_set_back_makes_no_run_be_forgotten():
    house = House(MORNING, "minute=30&hour=7&command=close", now=EIGHT - 60)
    house.pass_time(EIGHT + 5)
    house.look(EIGHT - 3600)
    house.pass_time(EIGHT - 1200, 60)  # the other one is new
    assert [name for _, name in house.ran] == ["open", "close"]
    house.boot()
    house.pass_time(EIGHT + 60)
    assert len(house.ran) == 2


def test_a_new_job_makes_no_run_be_forgotten():
    house = House(MORNING)
    house.pass_time(EIGHT + 5)
    house.look(EIGHT - 600)  # the clock is set back, then a job comes
    house.cron.add(EVENING)
    house.boot()
    house.pass_time(EIGHT + 60)
    assert [name for _, name in house.ran] == ["open"]


def test_clearing_ends_the_wait_for_a_clock_that_was_ahead():
    house = House(MORNING)
    house.state["cron_done"] = EIGHT + 30 * DAY
    house.look(EIGHT - 60)
    house.cron.clear()
    house.cron.add(MORNING)
    house.boot()
    house.pass_time(EIGHT + 1)
    assert len(house.ran) == 1


def test_add_and_clear():
    house = House()
    house.settings["cron_most"] = 2
    house.cron.add(MORNING)
    house.cron.add(MORNING)
    assert house.cron.texts() == [MORNING] == house.settings["cron_jobs"]
    with pytest.raises(ValueError, match="hour=24"):
        house.cron.add("hour=24&command=open")
    house.cron.add(EVENING)
    with pytest.raises(ValueError, match="cron_jobs: 2 jobs at most"):
        house.cron.add("command=open")
    assert house.cron.texts() == [MORNING, EVENING] == house.settings["cron_jobs"]
    house.boot()
    assert house.cron.count == 2
    house.cron.clear()
    assert house.cron.count == 0 and house.settings["cron_jobs"] == []
    house.pass_time(EIGHT + DAY, 60)
    assert not house.ran


def test_a_job_clears_the_others():
    house = House("minute=0&command=clear_cron", "minute=0&command=open")
    house.pass_time(EIGHT, 60)
    assert [name for _, name in house.ran] == ["clear_cron"] and house.cron.count == 0


def test_nothing_runs_before_the_time_is_known():
    house = House("minute=*&command=open", now=0)
    house.look(0)
    house.look(EIGHT)
    assert not house.ran and not house.missed
    house.look(EIGHT + 60)
    assert len(house.ran) == 1


def test_another_time_zone_counts_at_once():
    house = House(MORNING)
    house.look(EIGHT - 3600 - 60)
    house.settings["timezone"] = "CET-1"
    house.pass_time(EIGHT - 3600 + 5)
    assert len(house.ran) == 1
    house.settings["timezone"] = "nonsense"
    house.pass_time(EIGHT + 5)
    assert any("timezone" in line for line in house.said)


def test_damaged_jobs_are_dropped_and_named():
    house = House("minute=99&command=open", MORNING)
    assert house.cron.texts() == [MORNING]
    assert "minute=99" in house.said[0]
