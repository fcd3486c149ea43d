# uMeter - v2 envelope: known answers, old padding, everything that must be refused
# MIT license; Copyright (c) 2026 The uMeter authors

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from vectors import AES_KEY, ENVELOPES, MAC_KEY, MASTER, OLD_ENVELOPE, payload

from firmware.crypto.envelope import Envelope, EnvelopeError

_TOPIC = b"/config/v2/9999999/1700000000/ping"
_ENVELOPE = Envelope(bytes.fromhex(MASTER))
_TEXTS = st.binary(max_size=500).filter(lambda text: 0 not in text)


def seal_raw(plain, topic=_TOPIC, iv=bytes(16)):
    """A rightly signed message around any plaintext, made by other implementations."""
    encryptor = Cipher(algorithms.AES(AES_KEY), modes.CBC(iv)).encryptor()
    sealed = iv + encryptor.update(plain) + encryptor.finalize()
    return hmac.new(MAC_KEY, topic + sealed, hashlib.sha256).digest() + sealed


def refusal(topic, message):
    with pytest.raises(EnvelopeError) as caught:
        _ENVELOPE.open(topic, message)
    return caught.value.args[0]


@pytest.mark.parametrize("topic, text, iv, mac, ciphertext", ENVELOPES)
def test_known_answers(topic, text, iv, mac, ciphertext):
    sealed = payload(iv, mac, ciphertext)
    assert _ENVELOPE.seal(topic, text, bytes.fromhex(iv)) == sealed
    assert _ENVELOPE.open(topic, sealed) == text


def test_old_zero_padding_is_opened():
    topic, text, iv, mac, ciphertext = OLD_ENVELOPE
    assert _ENVELOPE.open(topic, payload(iv, mac, ciphertext)) == text
    for plain in (b"saved".ljust(16, b"\0"), b"saved".ljust(48, b"\0")):
        assert _ENVELOPE.open(_TOPIC, seal_raw(plain)) == b"saved"
    assert _ENVELOPE.open(_TOPIC, seal_raw(bytes(16))) == b""


@given(st.binary(min_size=1, max_size=100), _TEXTS)
def test_round_trip(topic, text):
    sealed = _ENVELOPE.seal(topic, text)
    assert len(sealed) == 48 + (len(text) + 1) // 16 * 16 + 16
    assert _ENVELOPE.open(topic, sealed) == text
    assert _ENVELOPE.open(bytearray(topic), bytearray(sealed)) == text
    assert sealed == seal_raw(plain_of(text), topic, sealed[32:48])


def plain_of(text):
    size = 16 - (len(text) + 1) % 16
    return text + b"\0" + bytes([size]) * size


def test_every_message_has_its_own_iv():
    assert len({_ENVELOPE.seal(_TOPIC, b"1")[32:48] for _ in range(100)}) == 100


@given(_TEXTS, st.data())
def test_every_bit_counts(text, data):
    sealed = bytearray(_ENVELOPE.seal(_TOPIC, text))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    assert refusal(_TOPIC, bytes(sealed)) == "hmac"


def test_another_topic_or_key_is_refused():
    sealed = _ENVELOPE.seal(_TOPIC, b"1")
    assert refusal(_TOPIC.replace(b"ping", b"open"), sealed) == "hmac"
    assert refusal(_TOPIC + b"\0", sealed) == "hmac"
    assert refusal(b"", sealed) == "hmac"
    with pytest.raises(EnvelopeError, match="hmac"):
        Envelope(bytes(16)).open(_TOPIC, sealed)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(message):
    assert refusal(_TOPIC, message) in ("length", "hmac")


def test_length_bounds():
    sealed = _ENVELOPE.seal(_TOPIC, bytes(1998))
    assert len(sealed) == 2048
    assert _ENVELOPE.open(_TOPIC, sealed) == b""
    with pytest.raises(EnvelopeError, match="length"):
        _ENVELOPE.seal(_TOPIC, bytes(1999))
    assert refusal(_TOPIC, seal_raw(bytes(2016))) == "length"
    for size in (0, 1, 47):
        assert refusal(_TOPIC, sealed[:size]) == "length"
    for size in range(49, 64):
        assert refusal(_TOPIC, sealed[:size]) == "length"
    assert refusal(_TOPIC, sealed[:48]) == "hmac"


def test_empty_without_its_nul_is_refused():
    assert refusal(_TOPIC, seal_raw(b"\x10" * 16)) == "empty"
    assert refusal(_TOPIC, seal_raw(b"")) == "empty"
    assert _ENVELOPE.open(_TOPIC, seal_raw(b"\0" + b"\x0f" * 15)) == b""


@pytest.mark.parametrize(
    "end", [b"\x11", b"\xff", b"\x02", b"\x01\x03\x03", b"\x0f" * 9 + b"\x10"]
)
def test_wrong_padding_under_a_right_signature(end):
    assert refusal(_TOPIC, seal_raw(b"text\0".ljust(16 - len(end), b"x") + end)) == "padding"


def test_text_ends_at_the_first_nul():
    assert _ENVELOPE.open(_TOPIC, seal_raw(b"one\0two\0".ljust(15, b"x") + b"\1")) == b"one"
    assert _ENVELOPE.open(_TOPIC, seal_raw(b"without a nul" + b"\3" * 3)) == b"without a nul"


@pytest.mark.parametrize("size", [0, 15, 17])
def test_iv_of_another_length(size):
    with pytest.raises(ValueError):
        _ENVELOPE.seal(_TOPIC, b"1", bytes(size))
