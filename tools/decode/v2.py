# uMeter - decode records of the v2 envelope, on CPython and MicroPython
# MIT license; Copyright (c) 2026 The uMeter authors

from binascii import unhexlify

from firmware.crypto.envelope import Envelope, EnvelopeError
from firmware.crypto.keys import parse_key


def decode(record):
    """{"id", "key": hex, "topic", "payload": hex} -> {"id", "result", "reason", "text"}.

    result "values": signed with that key for that topic. Text that is not UTF-8 is
    rejected with the reason "utf-8"; every other reason is the envelope's, or names the
    field that is malformed.
    """
    answer = {"id": record.get("id"), "result": "reject", "reason": None, "text": None}
    try:
        key = parse_key(_text(record, "key"))
        topic = _text(record, "topic").encode()
        payload = _bytes(record, "payload")
        answer["text"] = _decoded(Envelope(key).open(topic, payload))
        answer["result"] = "values"
    except EnvelopeError as error:
        answer["reason"] = error.args[0]
    except ValueError as error:
        answer["reason"] = str(error)
    return answer


def _text(record, name):
    value = record.get(name)
    if not isinstance(value, str):
        raise ValueError(name + ": text needed")
    return value


def _bytes(record, name):
    try:
        return unhexlify(_text(record, name))
    except ValueError:
        raise ValueError(name + ": hex digits needed")


def _decoded(text):
    try:
        return text.decode()
    except ValueError:  # UnicodeError is one on both engines
        raise ValueError("utf-8")
