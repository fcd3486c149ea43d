# uMeter - captive DNS: every kind of question, damaged ones too
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.web.dns import answer

EXAMPLES = int(os.environ.get("UMETER_FUZZ", 500))
ADDRESS = bytes((192, 168, 4, 1))
A, NS, TXT, AAAA, SVCB, HTTPS, ANY = 1, 2, 16, 28, 64, 65, 255
OPT = b"\x00" + struct.pack("!HHIH", 41, 1232, 0, 0)


def name_of(text):
    labels = text.encode().split(b".") if text else []
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\x00"


def query(text="connectivitycheck.test", kind=A, group=1, flags=0x0100, extra=b"", additional=0):
    head = struct.pack("!HHHHHH", 0xBEEF, flags, 1, 0, 0, additional)
    return head + name_of(text) + struct.pack("!HH", kind, group) + extra


def parse(reply):
    ident, flags, questions, answers, authority, additional = struct.unpack("!HHHHHH", reply[:12])
    assert ident == 0xBEEF and flags & 0x8000 and not authority
    return flags, questions, answers, additional


def test_a():
    asked = query()
    reply = answer(asked, ADDRESS)
    flags, questions, answers, additional = parse(reply)
    assert (flags & 0xF, questions, answers, additional) == (0, 1, 1, 0)
    assert flags & 0x0100, "recursion desired comes back"
    assert flags & 0x0080, "recursion is offered"
    assert reply[12 : len(asked)] == asked[12:]
    record = reply[len(asked) :]
    assert record == b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 0, 4) + ADDRESS


@pytest.mark.parametrize("kind", [NS, TXT, AAAA, SVCB, HTTPS])
def test_others_are_empty_but_no_errors(kind):
    asked = query(kind=kind)
    reply = answer(asked, ADDRESS)
    assert parse(reply) == (0x8580, 1, 0, 0)
    assert reply[12:] == asked[12:]


def test_any_gets_the_address():
    assert answer(query(kind=ANY), ADDRESS)[-4:] == ADDRESS


@pytest.mark.parametrize("kind, answers", [(A, 1), (HTTPS, 0)])
def test_edns(kind, answers):
    cookie = b"\x00" + struct.pack("!HHIH", 41, 1232, 0, 12) + struct.pack("!HH", 10, 8) + bytes(8)
    for option in (OPT, cookie):
        reply = answer(query(kind=kind, extra=option, additional=1), ADDRESS)
        assert parse(reply)[1:] == (1, answers, 1)
        assert reply.endswith(b"\x00" + struct.pack("!HHIH", 41, 512, 0, 0))


def test_other_classes_are_empty():
    assert parse(answer(query(group=3), ADDRESS))[2] == 0


def test_root():
    assert parse(answer(query(""), ADDRESS))[2] == 1


def test_responses_are_not_answered():
    assert answer(query(flags=0x8180), ADDRESS) is None
    assert answer(answer(query(), ADDRESS), ADDRESS) is None


def test_other_opcodes():
    assert parse(answer(query(flags=0x2800), ADDRESS))[0] & 0xF == 4  # an update


@pytest.mark.parametrize("body", [
    b"\xc0\x0c\x00\x01\x00\x01",  # a pointer in a question
    b"\x40" + bytes(64) + b"\x00\x00\x01\x00\x01",
    b"\x03abc\x00\x00\x01",  # the class is missing
    b"\x3fabc",
    b"",
    (b"\x3f" + b"a" * 63) * 4 + b"\x00\x00\x01\x00\x01",  # 257 bytes of name
])  # fmt: skip
def test_damaged_questions(body):
    reply = answer(struct.pack("!HHHHHH", 0xBEEF, 0x0100, 1, 0, 0, 0) + body, ADDRESS)
    assert parse(reply) == (0x8581, 0, 0, 0)


def test_count_of_questions():
    for count in (0, 2, 256):
        asked = query()[:4] + struct.pack("!H", count) + query()[6:]
        assert parse(answer(asked, ADDRESS))[0] & 0xF == 1


def test_length():
    assert answer(query()[:11], ADDRESS) is None
    assert answer(query(extra=bytes(600)), ADDRESS) is None


@settings(max_examples=EXAMPLES)
@example(b"")
@given(st.binary(max_size=600))
def test_noise(data):
    reply = answer(data, ADDRESS)
    assert reply is None or (reply[:2] == data[:2] and reply[2] & 0x80 and len(reply) <= 539)


@settings(max_examples=EXAMPLES)
@given(st.data(), st.sampled_from([A, AAAA, HTTPS, ANY]), st.booleans())
def test_damaged_queries(data, kind, edns):
    asked = bytearray(query(kind=kind, extra=OPT if edns else b"", additional=int(edns)))
    for _ in range(data.draw(st.integers(1, 4))):
        asked[data.draw(st.integers(0, len(asked) - 1))] = data.draw(st.integers(0, 255))
    asked = bytes(asked[: data.draw(st.integers(0, len(asked)))])
    reply = answer(asked, ADDRESS)
    assert reply is None or reply[:2] == asked[:2]
