# uMeter - HMAC-SHA256 and a comparison in constant time
# MIT license; Copyright (c) 2026 The uMeter authors

# RFC 2104, RFC 4231. The chip has no module `hmac`; the two padded key blocks are
# kept, as every message of a device uses the same key.

from hashlib import sha256
from micropython import const

_BLOCK = const(64)  # bytes, of SHA-256
_INNER = const(0x36)
_OUTER = const(0x5C)


class HmacSha256:
    def __init__(self, key):
        """key: bytes of any length."""
        if len(key) > _BLOCK:
            key = sha256(key).digest()
        key = key + bytes(_BLOCK - len(key))
        self._inner = bytes([byte ^ _INNER for byte in key])
        self._outer = bytes([byte ^ _OUTER for byte in key])

    def mac(self, *parts):
        """32 bytes over all parts one after the other."""
        digest = sha256(self._inner)
        for part in parts:
            digest.update(part)
        outer = sha256(self._outer)
        outer.update(digest.digest())
        return outer.digest()


def equal(a, b):
    """True if both have the same bytes; the time taken tells only their lengths."""
    if len(a) != len(b):
        return False
    differences = 0
    for i in range(len(a)):
        differences |= a[i] ^ b[i]
    return differences == 0
