# uMeter - the v2 envelope: encrypted, signed message of one MQTT topic
# MIT license; Copyright (c) 2026 The uMeter authors

# payload = HMAC (32) | IV (16) | ciphertext (16 n). The HMAC covers topic, IV and
# ciphertext, the topic as published, without a NUL. Plaintext is the text, one NUL and
# PKCS#7 padding (RFC 5652 section 6.3); until July 2025 devices filled with zeros instead.
# MAC before padding: what a stranger sends never reaches the padding check.

from os import urandom

from cryptolib import aes
from micropython import const

from firmware.crypto.keys import derive
from firmware.crypto.mac import HmacSha256, equal

_CBC = const(2)
_BLOCK = const(16)
_IV = const(32)  # offsets in the payload
_CIPHERTEXT = const(48)
_MAX_PAYLOAD = const(2048)  # bytes; the MQTT buffer of MeterLogger


class EnvelopeError(ValueError):
    """What is not opened or sealed; args[0] is "length", "hmac", "padding" or "empty"."""


class Envelope:
    """Seals and opens messages under one master key (16 bytes)."""

    def __init__(self, master):
        self._key, mac_key = derive(master)
        self._hmac = HmacSha256(mac_key)

    def seal(self, topic, text, iv=None):
        """topic, text: bytes, the text without its NUL -> payload (bytes).

        iv: only for known answers; every real message needs a random one of its own.
        EnvelopeError("length") when the payload would be longer than 2048 bytes.
        """
        size = len(text) + 1
        padding = _BLOCK - size % _BLOCK
        if _CIPHERTEXT + size + padding > _MAX_PAYLOAD:
            raise EnvelopeError("length")
        iv = urandom(_BLOCK) if iv is None else iv
        cipher = aes(self._key, _CBC, iv)
        payload = bytearray(_CIPHERTEXT + size + padding)
        view = memoryview(payload)
        payload[_IV:_CIPHERTEXT] = iv
        payload[_CIPHERTEXT : _CIPHERTEXT + len(text)] = text
        for i in range(_CIPHERTEXT + size, len(payload)):
            payload[i] = padding
        cipher.encrypt(view[_CIPHERTEXT:], view[_CIPHERTEXT:])
        payload[:_IV] = self._hmac.mac(topic, view[_IV:])
        return bytes(payload)

    def open(self, topic, payload):
        """topic, payload: bytes -> text (bytes) up to its NUL; EnvelopeError otherwise.

        The text may be empty, the plaintext not: without even the NUL it is refused.
        """
        size = len(payload) - _CIPHERTEXT
        if size < 0 or size % _BLOCK or len(payload) > _MAX_PAYLOAD:
            raise EnvelopeError("length")
        view = memoryview(payload)
        if not equal(self._hmac.mac(topic, view[_IV:]), view[:_IV]):
            raise EnvelopeError("hmac")
        if not size:
            raise EnvelopeError("empty")
        plain = aes(self._key, _CBC, view[_IV:_CIPHERTEXT]).decrypt(view[_CIPHERTEXT:])
        return _text(plain)


def _text(plain):
    """Plaintext without padding, cut at the first NUL as a receiver in C would."""
    padding = plain[-1]
    if 1 <= padding <= _BLOCK:
        size = len(plain) - padding
        for i in range(size, len(plain)):
            if plain[i] != padding:
                raise EnvelopeError("padding")
        if not size:
            raise EnvelopeError("empty")
    elif padding == 0:  # the old form: the NUL and perhaps more zeros
        size = len(plain)
    else:
        raise EnvelopeError("padding")
    nul = plain.find(b"\0", 0, size)
    return plain[: nul if nul >= 0 else size]
