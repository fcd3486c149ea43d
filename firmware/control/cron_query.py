# uMeter - text of a timed job, taken apart and checked
# MIT license; Copyright (c) 2026 The uMeter authors

# minute=30&hour=8&day_of_month=*&month=*&day_of_week=mon-fri&command=open_until=57000
# Keys, limits and commands: MeterLogger section 6; lists, ranges, steps and names are ours.
# A field may be longer than MeterLogger's 7 characters, or few lists would fit; its key and
# value together may not pass 63.

from collections import namedtuple
from micropython import const

from firmware.control.timezone import month_length

_MOST_FIELD = const(63)  # characters of key=value
_MOST_NAME = const(31)
_MOST_TEXT = const(95)

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "sun mon tue wed thu fri sat".split()

# key -> (lowest, highest, names of the lowest and the next)
_FIELDS = {
    "minute": (0, 59, ()),
    "hour": (0, 23, ()),
    "day_of_month": (1, 31, ()),
    "month": (1, 12, _MONTHS),
    "day_of_week": (0, 7, _DAYS),  # 7 is Sunday, too
}

# command -> whether it has a text of its own
COMMANDS = {
    "open": False, "close": False, "off": False, "test": False, "reconnect": False,
    "start_ap": False, "stop_ap": False, "clear_cron": False,
    "open_until": True, "open_until_delta": True, "set_ssid_pwd": True,
}  # fmt: skip

# Each field is a sorted tuple of numbers, or a range; day_of_week is within 0 to 6.
Query = namedtuple("Query", "minute hour day_of_month month day_of_week name text")


def parse(query):
    """Text (str) -> Query. ValueError names key and value."""
    fields = {}
    rest = query
    while True:
        key, found, rest = rest.partition("=")
        if not found:
            raise ValueError("command=: missing, or not last")
        if key == "command":
            break
        value, _, rest = rest.partition("&")
        if key not in _FIELDS:
            raise ValueError("%s: there is no such key" % key)  # the value may be a password
        if key in fields:
            raise ValueError("%s=%s: the key stands there twice" % (key, value))
        fields[key] = _field(key, value)
    name, text = _command(rest)
    for key in _FIELDS:
        if key not in fields:
            fields[key] = _field(key, "*")
    days, months = fields["day_of_month"], fields["month"]
    if min(days) > max([month_length(2000, month) for month in months]):
        raise ValueError("day_of_month=%d: no such day in month=%d" % (min(days), min(months)))
    return Query(fields["minute"], fields["hour"], days, months, fields["day_of_week"], name, text)


def _command(value):
    name, found, text = value.partition("=")
    if len(name) > _MOST_NAME or name not in COMMANDS:
        raise ValueError("command=%s: no command for a job" % name[: _MOST_NAME + 1])
    if len(text.encode()) > _MOST_TEXT:
        raise ValueError("command=%s: more than %d bytes of text" % (name, _MOST_TEXT))
    if COMMANDS[name] and not text:
        raise ValueError("command=%s: needs a text, command=%s=..." % (name, name))
    return name, text


def _field(key, value):
    if len(key) + 1 + len(value) > _MOST_FIELD:
        raise ValueError("%s=%s...: more than %d characters" % (key, value[:16], _MOST_FIELD))
    low, high, names = _FIELDS[key]
    if value == "*" and key != "day_of_week":
        return range(low, high + 1)
    found = set()
    try:
        for part in value.split(","):
            _add_part(found, part, low, high, names)
    except ValueError as error:
        raise ValueError("%s=%s: %s" % (key, value, error.args[0])) from None
    if key == "day_of_week" and 7 in found:
        found.remove(7)
        found.add(0)
    return tuple(sorted(found))


def _add_part(found, part, low, high, names):
    """One element of a list: a, *, a-b, and each of them with /step."""
    span, slash, step = part.partition("/")
    step = _number(step, 1, high, ()) if slash else 1
    end = 6 if names is _DAYS else high  # a week ends with Saturday
    if span == "*":
        first, last = low, end
    else:
        first, dash, last = span.partition("-")
        first = _number(first, low, high, names)
        if dash:
            last = _number(last, low, high, names)
            if last == 0 and first and names is _DAYS:
                last = 7  # sat-sun
        elif slash:
            first, last = first if first <= end else low, end
        else:
            last = first
        if last < first:
            raise ValueError("%s ends before it begins" % span)
    for number in range(first, last + 1, step):
        found.add(number)


def _number(text, low, high, names):
    if text.lower() in names:
        return low + names.index(text.lower())
    if not text or [c for c in text if c not in "0123456789"] or not low <= int(text) <= high:
        raise ValueError("%r is not %d to %d" % (text, low, high))
    return int(text)
