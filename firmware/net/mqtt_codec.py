# uMeter - MQTT 3.1.1 packets: encoders, and a bounded decoder that takes any pieces
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: OASIS MQTT Version 3.1.1 (2014), sections 2 and 3; numbers in brackets below.
# Why not the packet code of umqtt.simple: docs/mqtt.md.

from micropython import const

CONNACK = const(0x20)
PUBLISH = const(0x30)
PUBACK = const(0x40)
SUBACK = const(0x90)
PINGRESP = const(0xD0)

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"

_SUBSCRIBE = const(0x82)
_DUP = const(0x08)
_QOS_1 = const(0x02)
_QOS = const(0x06)
_RETAIN = const(0x01)

MOST_TEXT = const(65535)  # bytes; lengths have 16 bits [1.5.3]
_MOST_REST = const(2097151)  # bytes that we ever send: three bytes of length are enough
_HEAD = const(0)  # what the decoder waits for
_LENGTH = const(1)
_BODY = const(2)

_REFUSED = ("version", "client id", "broker unavailable", "user or password", "not authorised")


class MqttError(ValueError):
    """The broker broke the protocol; args[0] says how."""


class MqttRefused(MqttError):
    """The broker does not take us; args[0] says why."""


def utf8(text):
    """bytes as they are, str encoded: the wire counts bytes, not characters."""
    data = text.encode() if isinstance(text, str) else text
    if len(data) > MOST_TEXT:
        raise ValueError("more than 65535 bytes")
    return data


def new_packet(head, rest):
    """Buffer for a packet with `rest` bytes after the length, and where they start [2.2.3]."""
    if rest > _MOST_REST:
        raise ValueError("packet too long")
    start = 2 if rest < 128 else 3 if rest < 16384 else 4
    packet = bytearray(start + rest)
    packet[0] = head
    for i in range(1, start):
        packet[i] = rest & 127 | (128 if i < start - 1 else 0)
        rest >>= 7
    return packet, start


def put_id(packet, at, packet_id):
    """16 bits at that place; returns the place behind them."""
    packet[at] = packet_id >> 8
    packet[at + 1] = packet_id & 255
    return at + 2


def put(packet, at, text):
    """Length and bytes at that place; returns the place behind them."""
    at = put_id(packet, at, len(text))
    end = at + len(text)
    packet[at:end] = text
    return end


def encode_publish(topic, payload, qos, retain=False):
    """PUBLISH [3.3], QoS 0 or 1; with QoS 1 set_id() has to follow before it is sent."""
    topic, payload = utf8(topic), payload.encode() if isinstance(payload, str) else payload
    head = PUBLISH | (_QOS_1 if qos else 0) | (_RETAIN if retain else 0)
    packet, at = new_packet(head, (4 if qos else 2) + len(topic) + len(payload))
    at = put(packet, at, topic) + (2 if qos else 0)
    packet[at:] = payload
    return packet


def is_tracked(packet):
    """True for a PUBLISH that waits for an acknowledgement."""
    return packet[0] & _QOS == _QOS_1


def set_id(packet, packet_id):
    """Number an encoded PUBLISH with QoS 1; packet_id 1 to 65535."""
    at = 1
    while packet[at] & 128:
        at += 1
    at += 1
    put_id(packet, at + 2 + (packet[at] << 8 | packet[at + 1]), packet_id)


def set_dup(packet):
    """Mark an encoded PUBLISH as sent before."""
    packet[0] |= _DUP


def encode_subscribe(packet_id, subscriptions):
    """SUBSCRIBE to all of [(filter, qos)] [3.8]."""
    filters = [(utf8(topic), qos) for topic, qos in subscriptions]
    packet, at = new_packet(_SUBSCRIBE, 2 + sum([3 + len(topic) for topic, _ in filters]))
    at = put_id(packet, at, packet_id)
    for topic, qos in filters:
        at = put(packet, at, topic)
        packet[at] = qos
        at += 1
    return packet


def encode_puback(packet_id):
    return bytes([PUBACK, 2, packet_id >> 8, packet_id & 255])


class Decoder:
    """Finds the packets of a broker in the bytes that arrive, however they are cut.

    Memory is bounded: of a packet with more than `limit` bytes only the first ones are kept
    (`size` tells its true length), and the next packet is found all the same.
    """

    def __init__(self, limit):
        self._kept = memoryview(bytearray(limit))
        self._limit = limit
        self.reset()

    def reset(self):
        """Forget a packet that is not complete: a new connection starts."""
        self._stage = _HEAD
        self._shift = 0
        self._got = 0
        self.head = 0
        self.size = 0
        self.complete = False

    def feed(self, data, at, end):
        """Use data[at:end] up to the end of one packet; returns the index of what is left.

        `complete` is then True if head, size and body() describe a packet, until the next call.
        MqttError: this cannot be a broker's packet; the connection is of no more use.
        """
        if self.complete:
            self.reset()
        while at < end and not self.complete:
            if self._stage == _BODY:
                at += self._take(data, at, min(end - at, self.size - self._got))
            else:
                self._header(data[at])
                at += 1
            self.complete = self._stage == _BODY and self._got == self.size
        return at

    def _header(self, byte):
        if self._stage == _HEAD:
            if byte & 0xF0 != PUBLISH and byte not in (CONNACK, PUBACK, SUBACK, PINGRESP):
                raise MqttError("packet type")
            self.head = byte
            self._stage = _LENGTH
            return
        self.size |= (byte & 127) << self._shift
        self._shift += 7
        if byte & 128 == 0:
            self._stage = _BODY
        elif self._shift == 28:
            raise MqttError("packet length")

    def _take(self, data, at, count):
        kept = min(count, self._limit - self._got)
        if kept > 0:
            end = self._got + kept
            self._kept[self._got : end] = memoryview(data)[at : at + kept]
        self._got += count
        return count

    def body(self):
        """memoryview of what follows the length; valid until the next feed()."""
        return self._kept[: min(self.size, self._limit)]


def parse_connack(body):
    """MqttRefused unless the broker takes us [3.2]."""
    if len(body) != 2 or body[0] > 1:
        raise MqttError("malformed CONNACK")
    if body[1]:
        known = body[1] <= len(_REFUSED)
        raise MqttRefused("refused: " + (_REFUSED[body[1] - 1] if known else str(body[1])))


def parse_ack(body):
    """Packet id of a PUBACK [3.4]."""
    if len(body) != 2:
        raise MqttError("malformed PUBACK")
    return body[0] << 8 | body[1]


def parse_suback(body, count):
    """(packet id, True if all `count` subscriptions were granted) [3.9]."""
    if len(body) != 2 + count:
        raise MqttError("malformed SUBACK")
    return body[0] << 8 | body[1], all([code <= 2 for code in body[2:]])


def parse_publish(head, body):
    """(topic, payload, packet id or 0); copies, as the next packet overwrites the body [3.3]."""
    qos = head & _QOS
    start = 4 if qos else 2
    length = body[0] << 8 | body[1] if len(body) >= 2 else 0
    if qos > _QOS_1 or not length or start + length > len(body):
        raise MqttError("malformed PUBLISH")
    packet_id = 0
    if qos:
        packet_id = body[2 + length] << 8 | body[3 + length]
        if not packet_id:
            raise MqttError("malformed PUBLISH")
    return bytes(body[2 : 2 + length]), bytes(body[start + length :]), packet_id
