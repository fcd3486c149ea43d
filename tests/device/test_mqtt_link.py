# uMeter - MQTT link: what is done when, with the time as an argument
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 200k

import asyncio
import errno
from time import ticks_add, ticks_ms

from _mqtt import Session

from firmware.net import mqtt_codec as codec
from firmware.net.mqtt_link import Link

_READY = 2  # as in mqtt_link, whose constants are no attributes


def make(state=_READY, **settings):
    session = Session(**settings)
    link = Link(session.client, None, b"")
    link._first.popleft()
    link._state = state
    return link


def at(link, ms):
    """Look at the time, so long after the link was made."""
    link._check_time(ticks_add(link._since, ms))


def times_out(link, ms):
    try:
        at(link, ms)
    except OSError as error:
        return error.errno == errno.ETIMEDOUT
    return False


def test_a_ping_after_half_of_keepalive():
    link = make(keepalive=60)
    at(link, 29999)
    assert not link._first
    at(link, 30000)
    at(link, 30001)
    assert list_of(link) == [codec.PINGREQ] and link._counters.pings == 1


def list_of(link):
    return [link._first.popleft() for _ in range(len(link._first))]


def test_a_link_that_only_hears_is_pinged():
    link = make(keepalive=60)
    link._heard = ticks_add(link._since, 29000)
    at(link, 30000)
    assert list_of(link) == [codec.PINGREQ]


def test_a_link_that_only_speaks_is_pinged():
    link = make(keepalive=60)
    link._said = ticks_add(link._since, 29000)
    at(link, 30000)
    assert list_of(link) == [codec.PINGREQ]


async def test_pingresp_has_ten_seconds():
    link = make(keepalive=60)
    at(link, 30000)
    assert not times_out(link, 39999)
    assert times_out(link, 40000)
    await link._take(codec.PINGRESP, b"")
    link._heard = link._said = ticks_add(link._since, 39000)
    assert not times_out(link, 40000)
    at(link, 69000)
    assert len(list_of(link)) == 2


def test_silence_of_one_and_a_half_keepalives():
    link = make(keepalive=60, timeout_ms=100000)
    assert not times_out(link, 89999)
    assert times_out(link, 90000)


def test_no_keepalive():
    link = make(keepalive=0)
    at(link, 100000000)
    assert not link._first


def test_connack_and_suback_have_ten_seconds():
    for state in range(_READY):
        link = make(state)
        assert not times_out(link, 9999)
        assert times_out(link, 10000)


def test_puback_has_ten_seconds_twice():
    link = make()
    link._outbox.add(codec.encode_publish(b"t", b"p", 1))
    start = ticks_ms()
    assert link._outbox.next(start)
    assert link._outbox.next(ticks_add(start, 9999)) is None
    assert link._outbox.next(ticks_add(start, 10000))
    link._since = link._heard = link._said = start
    assert not times_out(link, 19999)
    assert times_out(link, 20000)


def test_a_suback_of_another_packet_ends_the_link():
    link = make(_READY - 1)
    link._subscribe_id = 5
    try:
        link._take_suback(b"\0\6\0")
    except codec.MqttError as error:
        assert "another packet" in error.args[0] and not link.ready
    else:
        raise AssertionError("taken")
    link._take_suback(b"\0\5\0")
    assert link.ready


async def test_no_more_is_read_than_is_acknowledged():
    """A broker that sends and never reads must not fill the heap."""
    link = make()
    link._decoder.size = 0

    async def flood():
        for n in range(1, 21):
            await link._take_message(0x32, b"\0\1t" + bytes([0, n]))

    task = asyncio.create_task(flood())
    for _ in range(200):
        await asyncio.sleep_ms(0)
    assert len(link._first) == 8 and not task.done()
    seen = []
    while len(seen) < 20:
        while link._first:
            seen.append(link._first.popleft()[3])
        await asyncio.sleep_ms(5)
    assert seen == list(range(1, 21))
