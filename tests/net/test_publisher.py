# uMeter - what the publisher holds back until the clock is set
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.clock import Clock
from firmware.crypto.envelope import Envelope
from firmware.net.publisher import Publisher
from firmware.reading import Quantity, Reading


def make():
    ticks = [0]
    clock = Clock(lambda: ticks[0], lambda a, b: a - b)
    envelope = Envelope(bytes(16))
    publisher = Publisher(envelope, clock, False, lambda: 1)
    sent = []
    publisher.send = lambda topic, payload: sent.append((topic, envelope.open(topic, payload)))
    return publisher, clock, sent


def reading(uptime, values=1):
    names = {"name_%02d" % n: Quantity(uptime, 0, "W") for n in range(values)}
    return Reading("han", "7210086", uptime, names)


def test_what_was_held_leaves_with_its_own_time():
    publisher, clock, sent = make()
    for uptime in (1, 2, 3):
        publisher.sample(reading(uptime))
    assert not sent
    clock.set(1800000000, 0)
    publisher.release()
    assert [topic for topic, _ in sent] == [
        b"/sample/v2/7210086/180000000%d" % n for n in (1, 2, 3)
    ]
    publisher.release()
    assert len(sent) == 3 and publisher.dropped == 0


def test_the_oldest_go_when_there_are_too_many():
    publisher, clock, sent = make()
    for uptime in range(100):
        publisher.sample(reading(uptime))
    assert publisher.dropped == 40
    clock.set(1800000000, 0)
    publisher.release()
    assert [b"=%d W" % n in text for n, (_, text) in enumerate(sent, 40)] == [True] * 60


def test_long_samples_are_bounded_too():
    """The lists of an electricity meter would fill the heap of a chip."""
    publisher, clock, sent = make()
    for uptime in range(60):
        publisher.sample(reading(uptime, 40))
    clock.set(1800000000, 0)
    publisher.release()
    assert 2 < len(sent) < 20 and publisher.dropped == 60 - len(sent)
    assert sum(len(text) for _, text in sent) <= 6144
    assert b"=59 W" in sent[-1][1]
    for uptime in range(60, 63):  # the room is free again
        publisher.sample(reading(uptime))
    assert len(sent) == 60 - publisher.dropped + 3


def test_a_full_heap_costs_one_message():
    publisher, clock, sent = make()
    for uptime in (1, 2, 3):
        publisher.sample(reading(uptime))
    clock.set(1800000000, 0)
    send, publisher.send = publisher.send, full
    with pytest.raises(MemoryError):
        publisher.release()
    publisher.send = send
    publisher.release()
    assert [topic[-1:] for topic, _ in sent] == [b"2", b"3"]
    assert not publisher._held and publisher._chars == 0


def full(topic, payload):
    raise MemoryError
