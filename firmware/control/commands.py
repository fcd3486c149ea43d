# uMeter - the command table: who may ask for what, and who answers
# MIT license; Copyright (c) 2026 The uMeter authors

from collections import namedtuple

MQTT, CRON, WEB, SERIAL = 1, 2, 4, 8  # who sends; flags
ALL = MQTT | CRON | WEB | SERIAL
ASKERS = MQTT | WEB | SERIAL  # cron has nobody to tell
NOT_KEPT = "the flash did not take it"
KEPT = 2  # a change whose handler saves the state, before it has any effect

# name      as in the topic
# parse     f(bytes) -> argument of the handler; ValueError says what is wrong
# changes   a message with it is accepted once only; KEPT
# origins   who may send it
# handler   f(argument, origin) -> reply: None, text, or [(function, text), ...]
Row = namedtuple("Row", "name parse changes origins handler")


def ignored(text):
    """For commands without an argument: servers put a 1 or the time there."""


def utf8(text):
    """bytes -> str."""
    try:
        return text.decode()
    except UnicodeError:
        raise ValueError("not UTF-8") from None


def keep(settings, changes):
    """All of {name: value} is in the flash when this returns. ValueError: nothing has changed."""
    if not settings.keep(changes):
        raise ValueError(NOT_KEPT)


class Commands:
    """The rows, by name."""

    def __init__(self):
        self._rows = {}

    def add(self, name, handler, parse=ignored, changes=False, origins=ASKERS):
        """For what each stands: Row."""
        self._rows[name] = Row(name, parse, changes, origins, handler)

    def __contains__(self, name):
        return name in self._rows

    def rows(self):
        return list(self._rows.values())

    def changes(self, name):
        return self._rows[name].changes

    def keeps(self, name):
        """False: whoever has it run saves the state before."""
        return self._rows[name].changes == KEPT

    def run(self, name, text, origin):
        """-> [(function, text), ...], the replies.

        KeyError: there is none of that name. An argument that is wrong changes nothing and is
        answered with "error: ..." under the command's own name, or servers would ask for ever.
        """
        row = self._rows[name]
        try:
            if not row.origins & origin:
                raise ValueError("not allowed here")
            answer = row.handler(row.parse(text), origin)
        except ValueError as error:
            return [(name, "error: " + str(error.args[0]))]
        if answer is None:
            return []
        if isinstance(answer, (str, bytes)):
            return [(name, answer)]
        return answer
