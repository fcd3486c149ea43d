# uMeter - units of KMP registers
# MIT license; Copyright (c) 2026 The uMeter authors

# Kamstrup KMP protocol description 5512-447 M1, and unit list of Modbus document
# 58101758 B1 for 21 (W) and 25 (var), which older public lists have wrong.

_FIRST = (
    " Wh kWh MWh GWh J kJ MJ GJ Cal kCal Mcal Gcal varh kvarh Mvarh Gvarh VAh kVAh MVAh GVAh"
    " W kW MW GW var kvar Mvar Gvar VA kVA MVA GVA V A kV kA C K l m3 l/h m3/h m3xC ton ton/h"
    " h clock date1 date2 date3 number bar RTC ASCII m3x10 tonx10 GJx10 minutes bitfield s ms"
    " days RTC-Q datetime"
)  # by code; one text takes less of the heap than so many
_MORE = {79: "DST-datetime", 85: "%RH", 86: "%O2", 87: "m/s", 88: "kJ/kg", 89: "pH", 90: "g/kg"}

CLOCK = 47  # decimal hhmmss
DATE_YMD = 48  # decimal yymmdd
DATE_YYMD = 49  # decimal yyyymmdd
DATE_MD = 50  # decimal mmdd
RTC = 53  # 2 status bytes, s min h d m y
RTC_SECONDS = 72  # status, u32 seconds since 2000-01-01; in no published list, so unnamed
RTC_DST = 79  # DST flag, y m d h min s
STAMPS = b"\x2f\x30\x31\x32\x35\x48\x4f"  # those that kmp_clock knows


def unit_name(code):
    """Usual spelling; "" for none (0); a unit that nobody has named is "unit<code>"."""
    at = 0
    for _ in range(code):
        at = _FIRST.find(" ", at) + 1
        if not at:
            return _MORE.get(code) or "unit%d" % code
    end = _FIRST.find(" ", at)
    return _FIRST[at:end] if end >= 0 else _FIRST[at:]
