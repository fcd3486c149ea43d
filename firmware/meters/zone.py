# uMeter - the standard time of a time zone, for meters that tell local time
# MIT license; Copyright (c) 2026 The uMeter authors


def standard_min(timezone):
    """Minutes east of UTC of the standard time in a POSIX TZ text such as "CET-1CEST"."""
    at = timezone.find(">") + 1
    while timezone[at : at + 1].isalpha():
        at += 1
    digits = ""
    for char in timezone[at:]:
        if char not in "+-:0123456789":
            break
        digits += char
    hours, _, minutes = digits.lstrip("+-").partition(":")
    east = 60 * int(hours or 0) + int(minutes[:2] or 0)
    return east if digits[:1] == "-" else -east
