# uMeter - counts only pulses of the right length, by the times of their edges
# MIT license; Copyright (c) 2026 The uMeter authors

# A level counts once it has lasted: contacts bounce at both ends of a pulse. The edges' times come
# from soft interrupts, which wait while the chip sits in a long C call. What was measured to be
# wrong is refused; what could not be measured is counted, as often as its time allows.

from micropython import const, schedule

_SETTLE_MS = const(5)  # a level that lasts so long is one; contacts bounce for less
# More between two looks, and the times of edges meanwhile mean nothing; less, and they may be late
# by as much. Looks come each 10 ms, or 20, as the port's ticks will have it.
_BLIND_MS = const(20)
_MOST_MS = const(1 << 20)  # spans are cut there, so that ticks never wrap around them


class PulseFilter:
    """Low pulses of shortest to longest ms (None: any). diff: ticks_diff of the times given.

    edge() and look() must not interrupt each other. pulses: counted; refused: measured and wrong;
    unmeasured: counted though nobody saw how long they were; length: of the last one, in ms.
    """

    def __init__(self, shortest, longest, diff, level, now):
        self._shortest, self._longest = shortest, longest
        self._settle = min(_SETTLE_MS, shortest)
        self._diff = diff
        self._level = level  # on the pin
        self._since = now
        self._stable = 1  # the level that counts
        self._began = now  # its pulse
        self._slack = 0  # ms that the beginning may have been earlier
        self._looked = now
        self._edges = self._ends = 0  # edges since then that came blind; pulses that ended before
        self._ended = None  # when the last good pulse did
        self._period = 0  # ms between two of them
        self.pulses = self.refused = self.unmeasured = self.length = 0

    def edge(self, level, now):
        """The pin changed to level, says an interrupt."""
        if self._diff(now, self._looked) <= _BLIND_MS:
            self._step(level, now)
        else:
            self._edges += 1

    def look(self, level, now, ended=None):
        """At least each _BLIND_MS. level: on the pin. ended: rising edges since the last call, by
        hardware; None: there is none."""
        gap = self._diff(now, self._looked)
        if gap > _BLIND_MS:
            self._catch_up(level, now, gap, ended)
        else:
            self._step(level, now)  # an interrupt may have been dropped
            self._settle_at(now)
        if self._diff(now, self._since) > _MOST_MS:
            self._since = self._began = now - _MOST_MS  # behind a wrap diff still gives this span
        self._looked = now
        self._edges = self._ends = 0

    def _step(self, level, now):
        if level == self._level:
            return  # there and back again before the interrupt came: shorter than any bounce
        self._settle_at(now)
        self._level = level
        self._since = now
        if level:
            self._ends += 1

    def _settle_at(self, now):
        """The level on the pin counts if it has lasted up to now."""
        if self._level == self._stable or self._diff(now, self._since) < self._settle:
            return
        self._stable = self._level
        if self._level:
            self._judge(self._diff(self._since, self._began), self._slack)
            self._pace()
        else:
            self._began = self._since
            self._slack = 0

    def _pace(self):
        if self._ended is not None:
            self._period = self._diff(self._since, self._ended)
        self._ended = self._since

    def _judge(self, length, slack):
        self.length = length
        too_long = self._longest is not None and length > self._longest
        if too_long or length + slack < self._shortest:
            self.refused += 1
        else:
            self.pulses += 1
            self.unmeasured += slack > 0

    def _catch_up(self, level, now, gap, ended):
        """Nobody looked for gap ms: takes what the hardware or the interrupts that waited tell."""
        was_low = self._level == 0
        if ended is None:
            edges = self._edges
            edges += (edges & 1) != (self._level != level)  # at least that one was dropped
            ended = (edges + was_low) // 2
        else:
            ended = max(ended - self._ends, int(was_low and level))
        self._settle_at(now)
        if not ended and level == self._level:
            return
        self._ended = None  # two ends with others between them tell no pace
        if ended and was_low:
            self._judge(max(0, self._diff(self._looked, self._began)), gap + self._slack)
            ended -= 1
        # A contact that bounces has more edges than pulses: so many fit in at twice the last pace.
        fit = 2 * gap // max(self._period, 2 * self._shortest) + (gap >= self._shortest)
        self.pulses += min(ended, fit)
        self.unmeasured += min(ended, fit)
        self.refused += max(0, ended - fit)
        self._level = self._stable = level
        self._since = self._began = now
        self._slack = gap


class FilteredCounter:
    """value() like a counter's; ask at least each look_ms. window: "80-120" or "20-" ms."""

    look_ms = 10

    def __init__(self, board, window):
        from time import ticks_diff, ticks_ms  # pure cores have none

        shortest, _, longest = window.partition("-")
        self._ticks = ticks_ms
        self._hardware = board.pulse_counter(at_end=True)
        self._seen = self._hardware.value() if self._hardware else None
        self._level = board.on_pulse_edges(self._edge)
        self.lengths = PulseFilter(
            int(shortest), int(longest) if longest else None, ticks_diff, self._level(), ticks_ms()
        )
        self._later = self._look  # bound once: no garbage at each look

    def _edge(self, level):
        self.lengths.edge(level, self._ticks())

    def _look(self, _):
        ended = None
        if self._hardware:
            value = self._hardware.value()
            ended = value - self._seen
            self._seen = value
        self.lengths.look(self._level(), self._ticks(), ended)

    def value(self):
        """Pulses of the right length, up to the last look."""
        try:
            schedule(self._later, None)  # where interrupts run: none of them comes in between
        except RuntimeError:
            return self.lengths.pulses  # so many wait that the next look has to do
        return self.lengths.pulses
