# uMeter - dates and clocks in KMP registers
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.meters import kmp_units as units


def stamp(unit, number, value):
    """ISO text of a date or clock register; "" for other units and for what is no date."""
    if unit == units.CLOCK:
        return "%02d:%02d:%02d" % (number // 10000, number // 100 % 100, number % 100)
    if unit == units.DATE_YMD:
        return "20%02d-%02d-%02d" % (number // 10000 % 100, number // 100 % 100, number % 100)
    if unit == units.DATE_YYMD:
        return "%04d-%02d-%02d" % (number // 10000, number // 100 % 100, number % 100)
    if unit == units.DATE_MD:
        return "%02d-%02d" % (number // 100 % 100, number % 100)
    if unit == units.RTC and len(value) == 8:
        second, minute, hour, day, month, year = value[2:]
    elif unit == units.RTC_DST and len(value) == 7:
        year, month, day, hour, minute, second = value[1:]
    elif unit == units.RTC_SECONDS and len(value) == 5:
        number &= 0xFFFFFFFF
        seconds = number % 86400
        return "%s %02d:%02d:%02d" % (
            _date(number // 86400), seconds // 3600, seconds // 60 % 60, seconds % 60)  # fmt: skip
    else:
        return ""
    return "20%02d-%02d-%02d %02d:%02d:%02d" % (year, month, day, hour, minute, second)


def _date(days):
    """ISO date so many days after 2000-01-01, before 2137."""
    # Years begin in March, so that the leap day comes last; 2100 has none.
    days += 1401 + (days >= 36584)  # since 1996-03-01, as if 2100 had one
    year, day = (4 * days + 3) // 1461, (4 * days + 3) % 1461 // 4
    month = (5 * day + 2) // 153
    day += 1 - (153 * month + 2) // 5
    return "%04d-%02d-%02d" % (1996 + year + (month > 9), (month + 2) % 12 + 1, day)
