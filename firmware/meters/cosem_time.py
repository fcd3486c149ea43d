# uMeter - COSEM date-time and the clocks of the makers
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: DLMS UA Blue Book section 4.1.6.1 (date_time: year 2, month, day, weekday, hour, minute,
# second, hundredths, deviation 2, status); what the makers put there was seen on their meters.

from micropython import const

_SUMMER = const(0x80)  # clock status: daylight saving is active
_LAST_SUNDAY = const(31)

WALL = const(0)  # deviation if there is one, else local time by the zone's rule
STANDARD = const(1)  # standard time all year (Aidon in Norway: its deviation 0 is not true)
BY_STATUS = const(2)  # the status bit alone tells summer time (Kamstrup)


def fields(data, at):
    """(year, month, day, hour, minute, second) of twelve bytes; None if any is not given."""
    year = data[at] << 8 | data[at + 1]
    second = data[at + 7]
    if second == 255:
        second = 0
    found = (year, data[at + 2], data[at + 3], data[at + 5], data[at + 6], second)
    return found if valid(found) else None


def valid(found):
    year, month, day, hour, minute, second = found
    return (
        1990 <= year < 2100
        and 1 <= month <= 12
        and 1 <= day <= 31
        and hour < 24
        and minute < 60
        and second < 60
    )


def deviation(data, at):
    """Minutes to add to local time for UTC; None if unspecified or impossible."""
    value = data[at + 9] << 8 | data[at + 10]
    value -= (value & 0x8000) << 1
    return value if -840 <= value <= 840 else None


def text(found):
    """ "2025-12-14T16:00:00" """
    return "%04d-%02d-%02dT%02d:%02d:%02d" % found


def _days(year, month, day):
    # Days since 1970-01-01, Gregorian: years begin in March, so that the leap day comes last.
    year -= month < 3
    month = (month + 9) % 12
    leaps = year // 4 - year // 100 + year // 400
    return 365 * year + leaps + (153 * month + 2) // 5 + day - 719469


def unix(found):
    """Seconds since 1970 as if the fields were UTC."""
    year, month, day, hour, minute, second = found
    return _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second


def _last_sunday(year, month):
    # Day number of the last Sunday of March or October; 1970-01-01 was a Thursday.
    last = _days(year, month, _LAST_SUNDAY)
    return last - (last + 4) % 7


def zone_utc(found, zone_min, summer=None):
    """Unix seconds of local time in a zone with the European rule (Directive 2000/84/EC).

    summer: True or False if the meter tells, None to go by the calendar; then the doubled
    hour in October counts as winter time.
    """
    seconds = unix(found) - 60 * zone_min
    if summer is None:
        first = _last_sunday(found[0], 3) * 86400 + 3600
        last = _last_sunday(found[0], 10) * 86400 + 3600
        summer = first <= seconds - 3600 and seconds < last
    return seconds - 3600 if summer else seconds


def utc(data, at, rule, zone_min):
    """Unix seconds of the twelve bytes at data[at]; None if they are no time."""
    found = fields(data, at)
    if found is None:
        return None
    if rule == STANDARD:
        return unix(found) - 60 * zone_min
    if rule == BY_STATUS:
        return zone_utc(found, zone_min, bool(data[at + 11] & _SUMMER and data[at + 11] != 255))
    shift = deviation(data, at)
    if shift is not None:
        return unix(found) + 60 * shift
    return zone_utc(found, zone_min)
