# uMeter - how long a client of the pages may take (docs/portal.md, bounds)
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board

import world

from firmware.web.server import Connection, Listener


class Task:
    cancelled = 0

    def cancel(self):
        self.cancelled += 1


def cut_after(ms, asked, others_wait):
    """How often the connection is cut when it is that old."""
    listener = Listener(None, None)
    guest = Connection(None, None)
    guest.task, guest.asked = Task(), asked
    listener._guests.append(guest)
    world.advance(ms)
    for _ in range(3):
        listener._cut(others_wait)
    assert listener.cut == guest.task.cancelled
    return listener.cut


def test_five_seconds_to_ask():
    assert cut_after(5000, False, False) == 0
    assert cut_after(5001, False, False) == 1


def test_one_while_others_wait():
    assert cut_after(1000, False, True) == 0
    assert cut_after(1001, False, True) == 1


def test_fifteen_with_the_answer():
    for others_wait in False, True:
        assert cut_after(15000, True, others_wait) == 0
        assert cut_after(15001, True, others_wait) == 1
