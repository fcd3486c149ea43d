# uMeter - due times of jobs against croniter and zoneinfo
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import random
from zoneinfo import ZoneInfo

import civil
import pytest

from firmware.control.cron import next_run
from firmware.control.cron_query import parse
from firmware.control.timezone import Timezone

KEYS = ("minute", "hour", "day_of_month", "month", "day_of_week")
EXAMPLES = int(os.environ.get("UMETER_FUZZ") or 1000)
START, END = 1767225600, 2398377600  # 2026 to 2046
COPENHAGEN = "CET-1CEST,M3.5.0,M10.5.0/3"


def job(crontab):
    """ "30 2 * * *" as a query."""
    fields = zip(KEYS, crontab.split())
    return parse("&".join("%s=%s" % pair for pair in fields) + "&command=open")


def runs(crontab, start, count, zone=COPENHAGEN):
    zone, found = Timezone(zone), [start]
    for _ in range(count):
        found.append(next_run(job(crontab), zone, found[-1]))
    return found[1:]


def test_clocks_go_forward():
    one = 1774746000  # 2026-03-29 01:00 UTC, the hour from 2 to 3 is left out
    assert runs("30 2 * * *", one - 90000, 3) == [one - 84600, one, one + 84600]
    assert runs("*/10 2 29 3 *", one - 86400, 1) == [one]
    assert runs("*/30 * * * *", one - 3600, 4) == [one - 1800, one, one + 1800, one + 3600]
    assert next_run(job("30 2 29 3 *"), Timezone(COPENHAGEN), one) > one + 300 * 86400


def test_clocks_go_back():
    one = 1792890000  # 2026-10-25 01:00 UTC, the hour from 2 to 3 comes again
    assert runs("30 2 * * *", one - 90000, 3) == [one - 88200, one - 1800, one + 88200]
    assert runs("*/30 * * * *", one - 3601, 4) == [one - 3600, one - 1800, one + 3600, one + 5400]
    for after in range(one - 1800, one + 3600, 60):
        assert next_run(job("30 2 * * *"), Timezone(COPENHAGEN), after) == one + 88200


def test_both_day_fields_have_to_match():
    assert runs("0 0 13 * fri", START, 3, "UTC0") == [1770940800, 1773360000, 1794528000]


def test_rare_and_impossible_days():
    assert runs("0 0 29 2 *", START, 2, "UTC0") == [1835395200, 1961625600]
    monday = 2340316800  # 2044-02-29
    assert next_run(job("0 0 29 2 mon"), Timezone("UTC0"), START) == monday
    before, after = 3223929600, 4486147200  # Mondays 2072-02-29 and 2112-02-29; 2100 has none
    assert runs("0 0 29 2 mon", before, 1, "UTC0") == [after]


def test_every_sunday_of_twenty_years():
    # Copenhagen changes its clocks on Sundays.
    pytest.importorskip("tzdata", reason="no zone files")
    zone, known, unix = Timezone(COPENHAGEN), ZoneInfo("Europe/Copenhagen"), START
    for _ in range(1043):
        wanted = civil.next_run("30 2 * * 0", known, unix)
        unix = next_run(job("30 2 * * sun"), zone, unix)
        assert unix == wanted
    assert unix > END - 8 * 86400


def random_field(low, high, star):
    draw = random.random()
    if draw < star:
        return "*"
    if draw < star + 0.1:
        return "*/%d" % random.randint(1, high)
    if draw < star + 0.2:
        first = random.randint(low, high - 1)  # croniter takes 5-5 for all
        return "%d-%d" % (first, random.randint(first + 1, high))
    if draw < star + 0.25:
        return "%d/%d" % (random.randint(low, high), random.randint(1, high))
    picks = {random.randint(low, high) for _ in range(random.choice((1, 1, 1, 2, 4)))}
    return ",".join(map(str, sorted(picks)))


def random_crontab():
    return " ".join((
        random_field(0, 59, 0.1), random_field(0, 23, 0.3), random_field(1, 28, 0.6),
        random_field(1, 12, 0.6), random_field(0, 7, 0.6)))  # fmt: skip


@pytest.mark.parametrize("text", civil.ZONES)
def test_due_times_are_those_of_croniter_in_zoneinfo(text):
    zone, known = Timezone(text), civil.zone_of(text)
    for _ in range(max(EXAMPLES // len(civil.ZONES), 1)):
        after = random.randrange(START, END)
        changes = zone.changes(random.randrange(2026, 2046))
        if changes and random.random() < 0.7:  # near a change of clocks
            after = random.choice(changes).at + random.randrange(-9000, 9000)
        crontab = random_crontab()
        if random.random() < 0.5:
            crontab = " ".join(crontab.split()[:2]) + " * * *"
        for _ in range(3):
            wanted = civil.next_run(crontab, known, after)
            assert next_run(job(crontab), zone, after) == wanted, (crontab, text, after)
            after = wanted
