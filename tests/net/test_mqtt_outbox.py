# uMeter - MQTT outbox: order, bounds, acknowledgements, ids that wrap
# MIT license; Copyright (c) 2026 The uMeter authors

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.net import mqtt_codec as codec
from firmware.net.mqtt_outbox import Outbox

EXAMPLES = int(os.environ.get("UMETER_FUZZ", 200))
PATIENCE = 1000  # ms


class Counters:
    queued = sent = acked = dropped = resent = unknown_acks = 0


def outbox(most_bytes=12288):
    counters = Counters()
    return Outbox(counters, most_bytes, PATIENCE), counters


def message(number, qos=1, size=10):
    return codec.encode_publish(b"t", b"%0*d" % (size, number), qos)


def number_of(packet):
    decoder = codec.Decoder(2048)
    decoder.feed(packet, 0, len(packet))
    _, payload, packet_id = codec.parse_publish(packet[0], decoder.body())
    return int(payload), packet_id, bool(packet[0] & 8)


def test_order_and_ids():
    box, counters = outbox()
    for n in range(3):
        assert box.add(message(n))
    sent = [number_of(box.next(0)) for _ in range(3)]
    assert sent == [(0, 1, False), (1, 2, False), (2, 3, False)]
    assert box.next(0) is None and len(box) == 3
    for packet_id in (2, 1, 3):
        box.acknowledge(packet_id)
    assert len(box) == 0 and box.bytes == 0
    assert (counters.sent, counters.acked) == (3, 3)


def test_qos_0_needs_no_acknowledgement():
    box, counters = outbox()
    box.add(message(1, qos=0))
    assert box.next(0) and box.next(0) is None
    assert len(box) == 0 and box.bytes == 0 and counters.acked == 0


def test_only_so_much_is_on_the_way():
    box, _ = outbox()
    for n in range(20):
        box.add(message(n))
    assert len([box.next(0) for _ in range(20) if box.next(0)]) < 20
    first_free = len(box)
    box.acknowledge(1)
    assert box.next(0) is not None and len(box) == first_free - 1


def test_late_is_sent_once_more_then_stuck():
    box, counters = outbox()
    box.add(message(5))
    assert number_of(box.next(100)) == (5, 1, False)
    assert box.next(100 + PATIENCE - 1) is None
    assert number_of(box.next(100 + PATIENCE)) == (5, 1, True)
    assert counters.resent == 1
    assert box.next(5 * PATIENCE) is None
    assert not box.is_stuck(100 + 2 * PATIENCE - 1)
    assert box.is_stuck(100 + 2 * PATIENCE)
    box.acknowledge(1)  # the first answer
    box.acknowledge(1)  # the answer to the repetition
    assert (counters.acked, counters.unknown_acks) == (1, 1)


def test_late_across_the_wrap_of_ticks():
    box, _ = outbox()
    box.add(message(5))
    wrap = 1 << 30
    box.next(wrap - 10)
    assert box.next(PATIENCE - 11) is None
    assert box.next(PATIENCE - 10) is not None


def test_a_new_connection_sends_again_in_order():
    box, counters = outbox()
    for n in range(3):
        box.add(message(n))
    box.next(0)
    box.next(0)
    box.link_lost()
    box.acknowledge(1)  # cannot be: nothing is on the way
    assert counters.unknown_acks == 1
    sent = [number_of(box.next(0)) for _ in range(3)]
    assert sent == [(0, 1, True), (1, 2, True), (2, 3, False)]


def test_the_oldest_make_room():
    box, counters = outbox(most_bytes=100)
    size = len(message(0))
    for n in range(20):
        assert box.add(message(n))
        assert box.bytes <= 100
    assert counters.dropped == 20 - 100 // size
    assert number_of(box.next(0))[0] == 20 - 100 // size


def test_what_is_on_the_way_is_not_dropped():
    box, counters = outbox(most_bytes=40)
    box.add(message(0))
    box.add(message(1))
    box.next(0)
    box.next(0)
    assert not box.add(message(2))
    assert counters.dropped == 1
    box.link_lost()
    assert box.add(message(3))
    assert [number_of(box.next(0))[0] for _ in range(2)] == [1, 3]


def test_room_while_a_new_connection_has_sent_only_some_again():
    box, counters = outbox(most_bytes=40)
    box.add(message(0))
    box.add(message(1))
    box.next(0)
    box.next(0)
    box.link_lost()
    assert number_of(box.next(1))[0] == 0
    assert box.add(message(2))
    assert counters.dropped == 1
    assert number_of(box.next(1))[0] == 2


def test_a_message_too_long_for_the_queue():
    box, counters = outbox(most_bytes=100)
    box.add(message(0))
    assert not box.add(message(1, size=200))
    assert counters.dropped == 1
    assert number_of(box.next(0))[0] == 0  # nothing was thrown away for it


def test_ids_wrap_and_skip_what_is_on_the_way():
    box, counters = outbox()
    box.add(message(0))
    box.next(0)  # has id 1 for ever
    seen = set()
    for n in range(1, 140000):
        box.add(message(n))
        packet_id = number_of(box.next(0))[1]
        assert 2 <= packet_id <= 65535
        seen.add(packet_id)
        box.acknowledge(packet_id)
    assert len(seen) == 65534
    assert counters.unknown_acks == 0


@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(st.sampled_from("add0 add1 next ack lost".split()),
                          st.integers(0, 120)), max_size=150))
def test_nothing_is_lost_unless_counted(steps):
    box, counters = outbox(most_bytes=200)
    state = {}  # number -> "queued" | packet id | "gone"
    handed_out = []
    for now, (step, argument) in enumerate(steps):
        if step in ("add0", "add1"):
            number = len(state)
            state[number] = box.add(message(number, int(step[3]), 10 + argument))
        elif step == "next":
            packet = box.next(now)
            if packet:
                handed_out.append(number_of(packet))
        elif step == "ack":
            box.acknowledge(argument % 16)
        else:
            box.link_lost()
        assert 0 <= box.bytes <= 200
        flying = counters.queued - counters.dropped - len(box)
        qos_0 = len([1 for _, packet_id, _ in handed_out if not packet_id])
        refused = list(state.values()).count(False)
        assert flying + refused == counters.acked + qos_0
    firsts = [number for number, _, dup in handed_out if not dup]
    assert firsts == sorted(set(firsts))  # in order, none twice
