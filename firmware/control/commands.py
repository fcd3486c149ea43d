# uMeter - the command table: who may ask for what, and who answers
# MIT license; Copyright (c) 2026 The uMeter authors


class Commands:
    """name -> handler(text) that returns the reply, str, or None for none."""

    def __init__(self):
        self._rows = {}

    def add(self, name, handler):
        self._rows[name] = handler

    def __contains__(self, name):
        return name in self._rows

    def run(self, name, text):
        """Reply of the command; KeyError: there is none of that name."""
        return self._rows[name](text)
