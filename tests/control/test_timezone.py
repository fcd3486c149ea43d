# uMeter - POSIX time zones against the standard library
# MIT license; Copyright (c) 2026 The uMeter authors

import random
import sys
import time
from datetime import date, datetime, timedelta

import civil
import pytest

from firmware.control.timezone import Timezone, date_of, days_of, month_length, weekday

START, END = 1767225600, 2398377600  # 2026 to 2046


def test_calendar_is_that_of_the_library():
    for days in range(60000):
        known = date(1970, 1, 1) + timedelta(days)
        assert date_of(days) == (known.year, known.month, known.day)
        assert days_of(known.year, known.month, known.day) == days
        assert weekday(days) == known.isoweekday() % 7
    assert [month_length(y, 2) for y in (2000, 2024, 2026, 2100)] == [29, 29, 28, 28]


@pytest.mark.parametrize("text", civil.ZONES)
def test_offsets_are_those_of_zoneinfo(text):
    zone, known = Timezone(text), civil.zone_of(text)
    moments = [random.randrange(START, END) for _ in range(300)]
    for year in range(2026, 2046):
        for change in zone.changes(year):
            moments += [change.at - 1, change.at, change.at + 1]
    for unix in moments:
        assert zone.offset(unix) == civil.offset(known, unix), (text, unix)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the C library's zones")
@pytest.mark.parametrize("text", ["CCC-3DDD-5,59/100,300/-100", "AAA5BBB,9/-3,364", *civil.ZONES])
def test_offsets_are_those_of_the_c_library(text, monkeypatch):
    # zoneinfo takes the number of a day without J, and J59 of leap years, for another day.
    zone = Timezone(text)
    monkeypatch.setenv("TZ", text)
    time.tzset()
    try:
        for year in range(2026, 2046):
            for change in zone.changes(year):
                for unix in (change.at - 1, change.at):
                    assert zone.offset(unix) == time.localtime(unix).tm_gmtoff, (text, unix)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", civil.ZONES)
def test_civil_times_come_once(text):
    zone, known = Timezone(text), civil.zone_of(text)
    for change in zone.changes(2031) or zone.changes(2030):
        shift = abs(change.after - change.before)
        for seconds in range(-2 * shift, 2 * shift, 300):
            local = change.at + change.before + seconds
            wanted = civil.unix_of(known, datetime(1970, 1, 1) + timedelta(seconds=local))
            assert zone.unix_of(local // 86400, local % 86400) == wanted, (text, local)


def test_summer_time_without_rules_and_all_year():
    assert Timezone("EST5EDT").changes(2026) == Timezone("EST5EDT,M3.2.0,M11.1.0").changes(2026)
    zone = Timezone("EST5EDT,0/0,J365/25")
    assert {zone.offset(START + day * 86400) for day in range(800)} == {-4 * 3600}


@pytest.mark.parametrize("text", [
    "", "CE", "CET", "CET-25", "<+03-3", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1:60",
    "CET-1CEST,M13.5.0,M1.1.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
    "CET-1CEST,J0,J1", "CET-1CEST,366,1", "CET-1CEST,M3.5.0/168,M10.5.0", "C\u00c9T-1",
    "CET-1CEST,M3.5.0,M10.5.0,", "Europe/Copenhagen", "CET-1CEST,M3.5.0,M10.5.0/3 ", "CET-\u0661",
])  # fmt: skip
def test_what_is_no_time_zone(text):
    with pytest.raises(ValueError, match="timezone: "):
        Timezone(text)
