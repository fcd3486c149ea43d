# uMeter - civil time of a POSIX time zone text, and the calendar under it
# MIT license; Copyright (c) 2026 The uMeter authors

# Grammar: POSIX.1-2017 section 8.3 (TZ), with the times of -167 to 167 hours that RFC 8536
# section 3.3.1 adds. A text with summer time but without rules means those of the USA, as
# everywhere. Days are counted from 1970-01-01: they stay small ints where unix seconds do not.

from collections import namedtuple
from micropython import const

_DAY = const(86400)
_HOUR = const(3600)
_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_USA = ",M3.2.0,M11.1.0"
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# at      unix second of the change
# before  seconds east of Greenwich until then
# after   and from then on
Change = namedtuple("Change", "at before after")


def days_of(year, month, day):
    """Days from 1970-01-01 to that date of the Gregorian calendar."""
    if month < 3:  # years begin in March here: the leap day is their last
        year, month = year - 1, month + 12
    leaps = year // 4 - year // 100 + year // 400
    return year * 365 + leaps + (month * 153 - 457) // 5 + day - 719469


def date_of(days):
    """Days since 1970-01-01, not before it -> (year, month, day)."""
    year = 1970 + days // 366
    while days_of(year + 1, 1, 1) <= days:
        year += 1
    month = (days - days_of(year, 1, 1)) // 31 + 1
    if month < 12 and days_of(year, month + 1, 1) <= days:
        month += 1
    return year, month, days - days_of(year, month, 1) + 1


def weekday(days):
    """0 is Sunday."""
    return (days + 4) % 7


def month_length(year, month):
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _LENGTHS[month - 1]


class Timezone:
    """ValueError names what is wrong with the text, such as "CET-1CEST,M3.5.0,M10.5.0/3"."""

    def __init__(self, text):
        rest = _Text(text)
        rest.name()
        self.standard = -rest.time(24)
        self._rules = None
        self.summer = self.standard
        if rest.is_at_end():
            return
        rest.name()
        self.summer = self.standard + _HOUR
        if not rest.is_at_end() and rest.peek() != ",":
            self.summer = -rest.time(24)
        if rest.is_at_end():
            rest = _Text(_USA)
        self._rules = rest.rule(), rest.rule()
        if not rest.is_at_end():
            rest.fail("ends with")
        self._year = None
        self._changes = ()

    def changes(self, year):
        """The year's two changes and those of its neighbours, in order; empty without any."""
        if self._rules and self._year != year:
            begin, end = self._rules
            found = []
            for near in (year - 1, year, year + 1):
                at = begin(near) - self.standard
                found.append((at, 1, Change(at, self.standard, self.summer)))
                at = end(near) - self.summer
                found.append((at, 0, Change(at, self.summer, self.standard)))
            found.sort(key=lambda entry: entry[:2])  # summer wins a tie: it lasts all year
            self._changes = [entry[2] for entry in found]
            self._year = year
        return self._changes if self._rules else ()

    def offset(self, unix):
        """Seconds east of Greenwich at that unix second."""
        changes = self.changes(date_of(unix // _DAY)[0])
        if not changes:
            return self.standard
        offset = changes[0].before
        for change in changes:
            if change.at <= unix:
                offset = change.after
        return offset

    def unix_of(self, days, second):
        """Unix second of a civil time.

        A civil time that comes twice: the first. One that does not come: the moment of the
        change that leaves it out.
        """
        civil = days * _DAY + second
        for offset in sorted((self.standard, self.summer), reverse=True):
            if self.offset(civil - offset) == offset:
                return civil - offset
        for change in self.changes(date_of(days)[0]):
            if change.at + change.before <= civil < change.at + change.after:
                return change.at
        return civil - self.standard  # rules whose changes meet


class _Text:
    """Takes a TZ text apart from the left."""

    def __init__(self, text):
        self._text = text
        self._at = 0

    def fail(self, what):
        raise ValueError("timezone: %s %r" % (what, self._text[self._at :]))

    def is_at_end(self):
        return self._at >= len(self._text)

    def peek(self):
        return "" if self.is_at_end() else self._text[self._at]

    def _take(self, character):
        found = self.peek() == character
        if found:
            self._at += 1
        return found

    def _run(self, characters):
        start = self._at
        while not self.is_at_end() and self._text[self._at] in characters:
            self._at += 1
        return self._at - start

    def name(self):
        if self._take("<"):
            length = self._run(_LETTERS + _DIGITS + "+-")
            if not self._take(">"):
                self.fail("a name's > is missing at")
        else:
            length = self._run(_LETTERS)
        if length < 3:
            self.fail("a name of three letters is missing before")

    def number(self, low, high):
        start = self._at
        length = self._run(_DIGITS)
        if not 1 <= length <= 3 or not low <= int(self._text[start : self._at]) <= high:
            self._at = start
            self.fail("%d to %d is needed, not" % (low, high))
        return int(self._text[start : self._at])

    def time(self, hours):
        """[+-]h[:mm[:ss]] -> seconds."""
        sign = -1 if self._take("-") else 1
        if sign > 0:
            self._take("+")
        seconds = self.number(0, hours) * _HOUR
        if self._take(":"):
            seconds += self.number(0, 59) * 60
            if self._take(":"):
                seconds += self.number(0, 59)
        return sign * seconds

    def rule(self):
        """,date[/time] -> f(year) -> seconds of civil time since 1970."""
        if not self._take(","):
            self.fail("a rule is missing at")
        date = self._date()
        second = self.time(167) if self._take("/") else 2 * _HOUR
        return lambda year: date(year) * _DAY + second

    def _date(self):
        if self._take("M"):
            month = self.number(1, 12)
            week = self._dotted(1, 5)
            day = self._dotted(0, 6)
            return lambda year: _nth_weekday(year, month, week, day)
        if self._take("J"):  # 29 February is not counted
            month, day = _month_day(self.number(1, 365))
            return lambda year: days_of(year, month, day)
        number = self.number(0, 365)
        return lambda year: days_of(year, 1, 1) + number

    def _dotted(self, low, high):
        if not self._take("."):
            self.fail("a dot is missing before")
        return self.number(low, high)


def _nth_weekday(year, month, week, day):
    first = days_of(year, month, 1)
    found = first + (day - weekday(first)) % 7 + (week - 1) * 7
    return found if found < first + month_length(year, month) else found - 7


def _month_day(number):
    month = 1
    while number > _LENGTHS[month - 1]:
        number -= _LENGTHS[month - 1]
        month += 1
    return month, number
