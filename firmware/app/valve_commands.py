# uMeter - limits in the command table
# MIT license; Copyright (c) 2026 The uMeter authors

import config
from firmware.control import amount
from firmware.control.commands import ALL, KEPT, utf8


def add_rows(add, valve):
    """Rows limit, open_until and open_until_delta."""
    add("limit", lambda _, origin: _limit(valve))
    add("open_until", lambda value, origin: _until(valve, value, origin), _amount, KEPT, ALL)
    add("open_until_delta", lambda value, origin: _delta(valve, value, origin), _amount, KEPT, ALL)


def _amount(text):
    return amount.parse(utf8(text).strip(), config.FLOW_METER)


def _show(value):
    return amount.show(value, config.FLOW_METER)


def _limit(valve):
    """As open_until answers it; "none" while there is none."""
    value = valve.guard.limit(valve.state["limit"])
    return "none" if value is None else _show(value)


def _until(valve, value, origin):
    """Wh or litres; below zero nothing changes. -> replies."""
    if value >= 0:
        valve.obey_limit(value, origin)
    return [("open_until", _show(max(valve.state["limit"], 0))), ("status", valve.status())]


def _delta(valve, value, origin):
    """So much more than now. Before the first reading it waits, unanswered."""
    current = valve.guard.current
    if current is None:
        if value >= 0:
            valve.guard.waiting = (value, origin)
        return None
    if value >= 0:
        valve.obey_limit(current + value, origin)
    left = _show(max(valve.state["limit"], 0) - current)
    return [("open_until_delta", left), ("status", valve.status())]


def late_delta(valve):
    """The first reading is there: what open_until_delta waited for. -> replies."""
    waiting, valve.guard.waiting = valve.guard.waiting, None
    try:
        return _delta(valve, *waiting)
    except ValueError as error:
        return [("open_until_delta", "error: " + error.args[0])]
