# uMeter - master key and the two keys made of it
# MIT license; Copyright (c) 2026 The uMeter authors

# MeterLogger's scheme: SHA-256 of the 16-byte master key, first half AES, second HMAC.

from binascii import unhexlify
from hashlib import sha256
from micropython import const

_HEX_DIGITS = const(32)


def parse_key(text):
    """32 hex digits (str), in either case -> 16 bytes. ValueError says what is wrong."""
    if len(text) != _HEX_DIGITS:
        raise ValueError("key: %d hex digits needed, not %d characters" % (_HEX_DIGITS, len(text)))
    for character in text:
        if character not in "0123456789abcdefABCDEF":
            raise ValueError("key: a character that is no hex digit")
    return unhexlify(text)


def derive(master):
    """16-byte master key -> (AES key, HMAC key), 16 bytes each."""
    if len(master) != 16:
        raise ValueError("key: 16 bytes needed, not %d" % len(master))
    digest = sha256(master).digest()
    return digest[:16], digest[16:]
