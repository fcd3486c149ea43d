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
    else:
        return ""
    return "20%02d-%02d-%02d %02d:%02d:%02d" % (year, month, day, hour, minute, second)
