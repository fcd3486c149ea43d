# uMeter - texts of timed jobs: what they mean, and what is wrong with them
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.control.cron_query import COMMANDS, parse


def field(key, value):
    return list(getattr(parse("%s=%s&command=open" % (key, value)), key))


@pytest.mark.parametrize("key, value, means", [
    ("minute", "30", [30]), ("minute", "007", [7]), ("minute", "*", list(range(60))),
    ("minute", "0,15,30,45", [0, 15, 30, 45]), ("minute", "*/20", [0, 20, 40]),
    ("minute", "10-20/5,59", [10, 15, 20, 59]), ("minute", "50/5", [50, 55]),
    ("hour", "8-10", [8, 9, 10]), ("month", "jan,Mar,12", [1, 3, 12]),
    ("month", "nov-dec", [11, 12]), ("day_of_week", "mon-fri", [1, 2, 3, 4, 5]),
    ("day_of_week", "sat-sun", [0, 6]), ("day_of_week", "7", [0]), ("day_of_week", "0", [0]),
    ("day_of_week", "*", list(range(7))), ("day_of_week", "*/2", [0, 2, 4, 6]),
    ("day_of_week", "5-7", [0, 5, 6]), ("day_of_week", "0-0", [0]), ("day_of_week", "7-0", [0]),
    ("day_of_week", "sun-sun", [0]), ("day_of_week", "mon/2", [1, 3, 5]),
    ("day_of_week", "7/3", [0, 3, 6]), ("day_of_week", "6/1", [6]), ("day_of_month", "31", [31]),
])  # fmt: skip
def test_fields(key, value, means):
    assert field(key, value) == means


def test_absent_fields_stand_for_all_and_keys_come_in_any_order():
    assert parse("command=close") == parse(
        "day_of_week=*&month=*&minute=*&hour=*&day_of_month=*&command=close")


def test_the_command_takes_all_the_rest():
    query = parse("hour=3&command=set_ssid_pwd=ssid=a%26b&pwd=c=d")
    assert (query.name, query.text) == ("set_ssid_pwd", "ssid=a%26b&pwd=c=d")
    assert parse("command=open_until=57000").text == "57000"
    assert parse("command=open").text == ""


def test_commands_are_those_of_the_specification():
    assert set(COMMANDS) == set(
        "open close set_ssid_pwd reconnect start_ap stop_ap clear_cron off test open_until"
        " open_until_delta".split())


@pytest.mark.parametrize("text, says", [
    ("", "command="), ("minute=1", "command="), ("open", "command="),
    ("minute=60&command=open", "minute=60"), ("minute=&command=open", "minute="),
    ("minute&command=open", "minute&command: "), ("minute=-1&command=open", "minute=-1"),
    ("hour=24&command=open", "hour=24"), ("hour=1.5&command=open", "hour=1.5"),
    ("month=0&command=open", "month=0"), ("month=foo&command=open", "month=foo"),
    ("hour=mon&command=open", "hour=mon"), ("day_of_week=8&command=open", "day_of_week=8"),
    ("day_of_month=0&command=open", "day_of_month=0"), ("minute=5-1&command=open", "minute=5-1"),
    ("minute=*/0&command=open", r"minute=\*/0"), ("minute=1,&command=open", "minute=1,"),
    ("minute=1-&command=open", "minute=1-"), ("minute=\u0661&command=open", "minute=\u0661"),
    ("minute= 1&command=open", "minute= 1"), ("minute=**&command=open", r"minute=\*\*"),
    ("minute=1&minute=2&command=open", "minute=2"), ("second=1&command=open", "^second: "),
    ("day_of_month=31&month=2,4&command=open", "day_of_month=31"),
    ("command=open&minute=1", "command=open&minute"), ("command=", "command="),
    ("command=restart", "command=restart"), ("command=set_cron=x", "command=set_cron"),
    ("command=open_until", "command=open_until"), ("command=set_ssid_pwd=", "set_ssid_pwd"),
    ("minute=" + "1," * 30 + "1&command=open", "minute="),
    ("command=set_ssid_pwd=" + "x" * 96, "95"), ("command=set_ssid_pwd=" + "\u00e6" * 48, "95"),
])  # fmt: skip
def test_malformed(text, says):
    with pytest.raises(ValueError, match=says):
        parse(text)


def test_limits_are_reached():
    assert parse("command=set_ssid_pwd=" + "x" * 95).text == "x" * 95
    longest = "minute=" + "01," * 18 + "1"
    assert field(*longest.split("=")) == [1] and len(longest) == 62
    assert parse("month=2&day_of_month=29&command=open").day_of_month == (29,)


def test_a_field_has_63_characters_at_most():
    value = "00," * 18 + "00"
    assert len("minute=" + value) == 63 and field("minute", value) == [0]
    with pytest.raises(ValueError, match="more than 63 characters"):
        field("minute", "0" + value)
