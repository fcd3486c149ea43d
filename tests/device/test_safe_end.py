# uMeter - when the safe mode ends by itself (docs/safety.md)
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import sys


class Flags:
    METER = "none"


sys.modules["config"] = Flags

from firmware.safe import Safe  # noqa: E402


class Pages:
    def __init__(self, idle):
        self._idle = idle

    def idle_s(self):
        return self._idle


class Window:
    open = True
    portal = None


class Waiting(Safe):
    """As much of it as it asks for its end: the time, the window and the pages."""

    def __init__(self, uptime, portal=None):
        self.clock = self
        self.uptime = lambda: uptime
        self.setup = Window()
        self.setup.portal = portal

    def is_over(self):
        return self._is_over()


def test_after_an_hour_without_anybody():
    assert not Waiting(3599).is_over()
    assert Waiting(3600).is_over()
    assert Waiting(3600, Pages(301)).is_over()


def test_not_while_somebody_is_at_the_pages():
    assert not Waiting(3600, Pages(0)).is_over()
    assert not Waiting(36000, Pages(300)).is_over()


def test_when_the_window_is_closed():
    waiting = Waiting(60, Pages(0))
    waiting.setup.open = False  # something was saved
    assert waiting.is_over()
