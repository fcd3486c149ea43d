# uMeter - MQTT's first packet
# MIT license; Copyright (c) 2026 The uMeter authors

# Made once for each client, so this code goes when that is done.

from micropython import const

from firmware.net import mqtt_codec as codec

_CONNECT = const(0x10)
_USER = const(0x80)
_PASSWORD = const(0x40)
_WILL = const(0x04)
_CLEAN = const(0x02)


def encode_connect(client_id, keepalive, user=None, password=None, will=None):
    """CONNECT with a clean session [3.1]. keepalive in seconds; will: (topic, payload), QoS 0."""
    if user is None and password is not None:
        raise ValueError("password without user")
    if not 0 <= keepalive <= codec.MOST_TEXT:
        raise ValueError("keepalive")
    flags = _CLEAN
    texts = [client_id]
    if will:
        flags |= _WILL
        texts += will
    if user is not None:
        flags |= _USER
        texts.append(user)
    if password is not None:
        flags |= _PASSWORD
        texts.append(password)
    texts = [codec.utf8(text) for text in texts]
    packet, at = codec.new_packet(_CONNECT, 10 + sum([2 + len(text) for text in texts]))
    at = codec.put(packet, at, b"MQTT")
    packet[at] = 4
    packet[at + 1] = flags
    at = codec.put_id(packet, at + 2, keepalive)
    for text in texts:
        at = codec.put(packet, at, text)
    return packet
