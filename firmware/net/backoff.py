# uMeter - how long to wait before the next try: full jitter
# MIT license; Copyright (c) 2026 The uMeter authors

# Thousands of meters lose the same broker in the same second. A random wait out of
# a range that doubles spreads their return; equal steps would keep them together.

_RANDOM_BITS = 24  # many more than the range, so that the remainder is even enough


class Backoff:
    def __init__(self, first_ms, most_ms, getrandbits):
        """Waits lie between first_ms and 2, 4, 8 ... times that, most_ms at the utmost."""
        self._first = first_ms
        self._most = most_ms
        self._getrandbits = getrandbits
        self.reset()

    def reset(self):
        """All is well again."""
        self._ceiling = self._first

    def next(self):
        """Milliseconds to wait now."""
        self._ceiling = min(self._ceiling * 2, self._most)
        span = self._ceiling - self._first + 1
        return self._first + self._getrandbits(_RANDOM_BITS) % span
