# uMeter - MQTT packets: the same bytes as umqtt.simple, a decoder that nothing upsets
# MIT license; Copyright (c) 2026 The uMeter authors

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from umqtt_recorder import Oracle

from firmware.net import mqtt_codec as codec
from firmware.net.mqtt_connect import encode_connect

EXAMPLES = int(os.environ.get("UMETER_FUZZ", 200))
fuzz = settings(max_examples=EXAMPLES)
topics = st.binary(min_size=1, max_size=200)
packet_ids = st.integers(1, 65535)
ORACLE = []


def oracle():
    if not ORACLE:
        ORACLE.append(Oracle())
    return ORACLE[0]


@fuzz
@given(st.binary(max_size=30), st.integers(0, 65535),
       st.none() | st.tuples(st.binary(max_size=80), st.binary(max_size=80)),
       st.none() | st.tuples(topics, st.binary(max_size=20000)))
def test_connect_as_umqtt(client_id, keepalive, login, will):
    user, password = login or (None, None)
    ours = encode_connect(client_id, keepalive, user, password, will)
    assert ours == oracle().connect(client_id, keepalive, user, password, will)


@fuzz
@given(topics, st.binary(max_size=200) | st.integers(0, 40000).map(bytes), st.booleans(),
       packet_ids)
def test_publish_as_umqtt(topic, payload, retain, packet_id):
    ours = codec.encode_publish(topic, payload, 0, retain)
    assert ours == oracle().publish(topic, payload, 0, retain, packet_id)
    assert not codec.is_tracked(ours)
    ours = codec.encode_publish(topic, payload, 1, retain)
    codec.set_id(ours, packet_id)
    assert ours == oracle().publish(topic, payload, 1, retain, packet_id)
    assert codec.is_tracked(ours)


@fuzz
@given(st.binary(min_size=1, max_size=122), st.integers(0, 1), packet_ids)
def test_subscribe_as_umqtt(topic, qos, packet_id):
    ours = codec.encode_subscribe(packet_id, [(topic, qos)])
    assert ours == oracle().subscribe(topic, qos, packet_id)


@fuzz
@given(topics, st.binary(max_size=300), st.integers(0, 1), packet_ids)
def test_receive_as_umqtt(topic, payload, qos, packet_id):
    packet = codec.encode_publish(topic, payload, qos)
    if qos:
        codec.set_id(packet, packet_id)
    decoder = decode(packet)
    got = codec.parse_publish(decoder.head, decoder.body())
    theirs, answer = oracle().receive(bytes(packet))
    assert got[:2] == theirs
    assert (codec.encode_puback(got[2]) if qos else b"") == answer


def test_ping_as_umqtt():
    assert codec.PINGREQ == oracle().ping()


def test_bytes_are_counted_not_characters():
    packet = codec.encode_publish("/målt", "23 °C", 0)
    assert packet == b"0\x0e\0\x06/m\xc3\xa5lt23 \xc2\xb0C"


def test_logins():
    head = b"\0\x04MQTT\x04%c\0\x3c\0\x01c\0\x02me"
    assert encode_connect("c", 60, "me") == b"\x10\x11" + head % 0x82
    assert encode_connect("c", 60, "me", "") == b"\x10\x13" + head % 0xC2 + b"\0\0"


def test_several_long_subscriptions():
    long = "/a" * 100
    packet = codec.encode_subscribe(0x1234, [("x", 0), (long, 1)])
    assert packet == b"\x82\xd1\x01\x12\x34\0\x01x\0\0\xc8" + long.encode() + b"\x01"


def test_dup_is_one_bit():
    packet = codec.encode_publish(b"t", b"p", 1)
    once = bytes(packet)
    codec.set_dup(packet)
    codec.set_dup(packet)
    assert packet == bytes([once[0] | 8]) + once[1:]


@pytest.mark.parametrize("call", [
    lambda: encode_connect(b"c", 60, None, b"secret"),
    lambda: encode_connect(b"c", 65536),
    lambda: encode_connect(bytes(65536), 60),
    lambda: codec.encode_publish(bytes(65536), b"", 0),
    lambda: codec.encode_publish(b"t", bytes(2097152), 0),
])
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(ValueError):
        call()


def decode(data, limit=2048):
    decoder = codec.Decoder(limit)
    assert decoder.feed(data, 0, len(data)) == len(data)
    assert decoder.complete
    return decoder


def packets_in(pieces, limit):
    """[(head, size, body)] of all packets that come in these pieces."""
    decoder = codec.Decoder(limit)
    found = []
    for piece in pieces:
        at = 0
        while at < len(piece):
            at = decoder.feed(piece, at, len(piece))
            if decoder.complete:
                found.append((decoder.head, decoder.size, bytes(decoder.body())))
    return found


publishes = st.builds(codec.encode_publish, topics, st.binary(max_size=300), st.just(0))
answers = st.sampled_from([b"\x20\x02\0\0", b"\x40\x02\x12\x34", b"\x90\x03\0\x01\0", b"\xd0\0"])


@fuzz
@given(st.lists(publishes | answers, max_size=8), st.lists(st.integers(0, 2000), max_size=20),
       st.sampled_from([16, 200, 2048]))
def test_any_pieces_give_the_same_packets(packets, cuts, limit):
    data = b"".join(map(bytes, packets))
    cuts = [0] + sorted(min(cut, len(data)) for cut in cuts) + [len(data)]
    pieces = [data[a:b] for a, b in zip(cuts, cuts[1:])]
    found = packets_in(pieces, limit)
    assert found == packets_in([bytes([byte]) for byte in data], limit)
    assert [head for head, _, _ in found] == [packet[0] for packet in packets]
    for (_, size, body), packet in zip(found, packets):
        start = len(packet) - size
        assert body == packet[start:][:limit]


def test_oversize_is_left_out_but_can_be_acknowledged():
    packet = codec.encode_publish(b"topic", bytes(300000), 1)
    codec.set_id(packet, 0x3132)
    data = bytes(packet) + b"\xd0\0"
    found = packets_in([data[at:at + 512] for at in range(0, len(data), 512)], 64)
    assert [head for head, _, _ in found] == [0x32, 0xD0]
    head, size, body = found[0]
    assert size == 300009 and len(body) == 64
    assert codec.parse_publish(head, body)[::2] == (b"topic", 0x3132)


@fuzz
@given(st.binary(max_size=400))
def test_noise_is_decoded_or_refused(data):
    try:
        found = packets_in([data], 100)
    except codec.MqttError:
        return
    for head, size, body in found:
        assert len(body) == min(size, 100)
        if head & 0xF0 == codec.PUBLISH:
            try:
                topic, payload, packet_id = codec.parse_publish(head, body)
            except codec.MqttError:
                continue
            assert topic and len(topic) + len(payload) + (4 if packet_id else 2) == len(body)


@pytest.mark.parametrize("data", [
    b"\x10", b"\x00", b"\xf0", b"\x82", b"\xc0", b"\x21", b"\x42", b"\xd1",  # types and flags
    b"\x30\xff\xff\xff\xff",  # length of five bytes
])
def test_what_no_broker_sends(data):
    with pytest.raises(codec.MqttError):
        packets_in([data], 100)


@pytest.mark.parametrize("head, body", [
    (0x30, b""), (0x30, b"\0"), (0x30, b"\0\0x"), (0x30, b"\0\x05abcd"),
    (0x32, b"\0\x01t"), (0x32, b"\0\x01t\x01"), (0x32, b"\0\x01t\0\0"),  # no id, half, zero
    (0x34, b"\0\x01t\0\x01x"), (0x36, b"\0\x01t\0\x01x"),  # QoS 2 and 3
])
def test_malformed_publish(head, body):
    with pytest.raises(codec.MqttError):
        codec.parse_publish(head, body)


def test_answers():
    codec.parse_connack(b"\0\0")
    codec.parse_connack(b"\x01\0")
    assert codec.parse_ack(b"\x12\x34") == 0x1234
    assert codec.parse_suback(b"\0\x07\0\x01", 2) == (7, True)
    assert codec.parse_suback(b"\0\x07\0\x80", 2) == (7, False)


@pytest.mark.parametrize("code, reason", [
    (1, "refused: version"), (4, "refused: user or password"), (5, "refused: not authorised"),
    (6, "refused: 6"),
])
def test_the_broker_refuses(code, reason):
    with pytest.raises(codec.MqttRefused, match=reason):
        codec.parse_connack(bytes([0, code]))


@pytest.mark.parametrize("parse, body", [
    (codec.parse_connack, b"\0"), (codec.parse_connack, b"\x02\0"), (codec.parse_ack, b"\0"),
    (codec.parse_ack, b"\0\x01\x02"), (lambda body: codec.parse_suback(body, 2), b"\0\x01\0"),
])
def test_malformed_answers(parse, body):
    with pytest.raises(codec.MqttError):
        parse(body)
