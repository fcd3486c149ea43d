# uMeter - the log: a line per event, a line per change of state
# MIT license; Copyright (c) 2026 The uMeter authors


class Log:
    """Prints `[uptime] area: text`; `state()` speaks only when the state is a new one."""

    def __init__(self, clock, debug=False, write=print):
        self._clock = clock
        self._write = write
        self._states = {}  # area -> text last said
        self.debugging = debug

    def event(self, area, text):
        self._write("[%d] %s: %s" % (self._clock.uptime(), area, text))

    def state(self, area, text, detail=""):
        """Say `text` once, until the area's state changes. True when it was said.

        detail: said behind it; another one makes no new state.
        """
        if self._states.get(area) == text:
            return False
        self._states[area] = text
        self.event(area, text + detail)
        return True

    def debug(self, area, text):
        if self.debugging:
            self.event(area, text)
