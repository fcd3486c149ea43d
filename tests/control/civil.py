# uMeter - civil time by the standard library, for the tests of time zones and jobs
# MIT license; Copyright (c) 2026 The uMeter authors

import io
import struct
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# What the zone files of 2026 say about the years to come, and texts that none of them has. Hours
# of three digits are left out: zoneinfo of Python 3.11.2, which Debian 12 has, refuses them.
ZONES = """UTC0 CET-1CEST,M3.5.0,M10.5.0/3 GMT0BST,M3.5.0/1,M10.5.0 EST5EDT,M3.2.0,M11.1.0
IST-1GMT0,M10.5.0,M3.5.0/1 <-02>2<-01>,M3.5.0/-1,M10.5.0/0 EET-2EEST,M3.4.4/50,M10.4.4/50
AEST-10AEDT,M10.1.0,M4.1.0/3 <+1030>-10:30<+11>-11,M10.1.0,M4.1.0 <+0545>-5:45
<-04>4<-03>,M9.1.6/24,M4.1.6/24 NZST-12NZDT,M9.5.0,M4.1.0/3 IST-2IDT,M3.4.4/26,M10.5.0
<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45 <-03>3<-02>,M3.5.0/-1,M10.5.0/0
AAA3:30:15BBB2:10:07,J60/2:03:04,J301/-5 CCC-3DDD-5,J61/99,J300/-99""".split()


def zone_of(text):
    """ZoneInfo of a POSIX TZ text that has rules or no summer time (RFC 8536: only a footer)."""
    head = struct.pack(">4sc15x6I", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    types = struct.pack(">iBB4s", 0, 0, 0, b"UTC\0")
    return ZoneInfo.from_file(io.BytesIO(head + types + head + types + b"\n%s\n" % text.encode()))


def offset(zone, unix):
    return datetime.fromtimestamp(unix, timezone.utc).astimezone(zone).utcoffset().total_seconds()


def unix_of(zone, civil):
    """A naive datetime's unix second: the first of two, the end of a gap."""
    unix = int(civil.replace(tzinfo=zone).timestamp())
    if unix + offset(zone, unix) == (civil - datetime(1970, 1, 1)).total_seconds():
        return unix
    low, high = unix - 86400, unix + 86400
    before = offset(zone, low)
    while high - low > 1:  # the first second with the other offset
        middle = (low + high) // 2
        low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
    return high


def next_run(fields, zone, after):
    """The same as firmware.control.cron, made of croniter and zoneinfo. fields: crontab's five."""
    import croniter

    start = datetime(1970, 1, 1) + timedelta(seconds=after + offset(zone, after))
    times = croniter.croniter(fields, start - timedelta(hours=4), day_or=False)
    while True:
        unix = unix_of(zone, times.get_next(datetime))
        if unix > after:
            return unix
