# uMeter - when a timed job is due, in civil time
# MIT license; Copyright (c) 2026 The uMeter authors

# A job is due at every civil minute that all five fields match (no "either day" rule:
# MeterLogger section 6). Where clocks are changed each of these minutes still comes once: one
# that is left out is due at the moment of the change, one that is repeated the first time only.

from micropython import const

from firmware.control import cron_query
from firmware.control.timezone import Timezone, date_of, month_length, weekday

_DAY = const(86400)
_MOST_DAYS = const(14976)  # 41 years: 29 February on one weekday, over a year like 2100


class Calendar:
    """Due times in the zone of a POSIX TZ text, or in the default one if that text is wrong."""

    def __init__(self, zone, default_zone):
        self.error = None
        try:
            self._zone = Timezone(zone)
        except ValueError as error:
            self.error = "%s; %s holds" % (error, default_zone)
            self._zone = Timezone(default_zone)

    def next_run(self, text, after):
        """As next_run() below, for the text of a job."""
        return next_run(cron_query.parse(text), self._zone, after)


def next_run(query, zone, after):
    """Unix second of the first minute later than `after` that is due; None if there is none.

    query: cron_query.Query; zone: timezone.Timezone; after: unix second.
    """
    civil = after + zone.offset(after)
    next_minute = civil // 60 + 1
    for change in zone.changes(date_of(after // _DAY)[0]):
        if change.at <= after:  # civil minutes that were there before clocks went back
            next_minute = max(next_minute, -(-(change.at + change.before) // 60))
    found = _match(query, next_minute // 1440, next_minute % 1440)
    return zone.unix_of(found[0], found[1] * 60) if found else None


def _match(query, days, minute):
    """(days, minute of the day) of the first match from there on; None."""
    year, month, day = date_of(days)
    end = days + _MOST_DAYS
    while days < end:
        length = month_length(year, month)
        if month in query.month:
            while day <= length:
                if day in query.day_of_month and weekday(days) in query.day_of_week:
                    found = _match_minute(query, minute)
                    if found is not None:
                        return days, found
                days, day, minute = days + 1, day + 1, 0
        else:
            days, minute = days + length - day + 1, 0
        day, month = 1, month + 1
        if month > 12:
            year, month = year + 1, 1
    return None


def _match_minute(query, start):
    for hour in query.hour:
        if hour >= start // 60:
            for minute in query.minute:
                if hour * 60 + minute >= start:
                    return hour * 60 + minute
    return None
