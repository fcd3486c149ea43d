# uMeter - why a meter gave no reading
# MIT license; Copyright (c) 2026 The uMeter authors


class MeterError(Exception):
    """No reading this time; the text says why."""


class MeterTimeout(MeterError):
    """Nothing, or not enough, came in time."""


class BadCheck(MeterError):
    """What came was damaged: block check, stuffing, length."""


class WrongMeter(MeterError):
    """A sound answer, but not to what was asked, or not from whom."""
