# uMeter - monotonic and unix time of the device
# MIT license; Copyright (c) 2026 The uMeter authors

# The chip's epoch is 2000, the host's is 1970, and ticks_ms wraps after 12.4
# days. Nothing but this file knows either: everybody else sees seconds since
# boot, which never jump, and unix seconds, which are 0 until somebody told us.


class Clock:
    """ticks_ms, ticks_diff: those of the module time."""

    def __init__(self, ticks_ms, ticks_diff):
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last = ticks_ms()
        self._seconds = 0
        self._ms = 0
        self._boot_unix = 0  # unix time of boot; 0: not known yet

    def _advance(self):
        # Has to run at least every six days; the supervisor's beat sees to that.
        now = self._ticks_ms()
        self._ms += self._ticks_diff(now, self._last)
        self._last = now
        if self._ms >= 1000:
            self._seconds += self._ms // 1000
            self._ms %= 1000

    def uptime(self):
        """Whole seconds since boot."""
        self._advance()
        return self._seconds

    def uptime_ms(self):
        """Milliseconds since boot (not a small int after 12 days: keep out of hot loops)."""
        self._advance()
        return self._seconds * 1000 + self._ms

    def now(self):
        """Unix seconds, 0 while unknown."""
        return self.unix_at(self.uptime())

    def unix_at(self, uptime):
        """Unix seconds at that second of uptime, 0 while the time is unknown."""
        return self._boot_unix + uptime if self._boot_unix else 0

    def set(self, unix, uptime=None):
        """It is (or was, at `uptime`) this unix second."""
        self._boot_unix = unix - (self.uptime() if uptime is None else uptime)
