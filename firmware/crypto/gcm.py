# uMeter - AES-128-GCM for ciphered meter telegrams
# MIT license; Copyright (c) 2026 The uMeter authors

# NIST SP 800-38D; DLMS UA Green Book section 9.2.3.3 (suite 0). The chip's cryptolib
# has ECB and CBC only: counter mode is one ECB call over all counter blocks, GHASH is
# done with 16 products of H per key (256 bytes; larger tables gain nothing that a
# meter's pace needs, and a new key costs 1 ms this way).

from cryptolib import aes
from micropython import const

from firmware.crypto.mac import equal

# No viper: CPython, a build for plain bytecode, or machine code for another chip.
try:
    from firmware.crypto._gcm_fast import counters, ghash, xor
except (ImportError, SyntaxError, ValueError):
    from firmware.crypto._gcm_slow import counters, ghash, xor

_ECB = const(1)
_MAX_DATA = const(4096)  # bytes; the longest telegrams of the field have about 2 kB
_TAG_SIZES = (4, 8, 12, 13, 14, 15, 16)  # SP 800-38D section 5.2.1.2; meters: 12


class GcmError(ValueError):
    """What cannot be opened; args[0] is "iv", "length" or "tag"."""


class Gcm:
    """One key. Keeps the key's tables, so make it once and reuse it for every frame."""

    def __init__(self, key):
        """key: 16 bytes (suite 0 and 1 of DLMS)."""
        if len(key) != 16:
            raise ValueError("GCM key: 16 bytes needed")
        from firmware.crypto import gcm_tables

        self._ecb = aes(key, _ECB)
        self._table = gcm_tables.products(self._ecb.encrypt(bytes(16)))
        self._reduce = gcm_tables.reductions()
        self._state = bytearray(16)
        self._lengths = bytearray(16)

    def open(self, iv, ciphertext, aad, tag):
        """Plaintext of an authentic message; GcmError otherwise.

        iv: 12 bytes. tag: as long as the protocol says; the caller must fix its length,
        never the message, as a short tag is easily guessed.
        """
        if len(tag) not in _TAG_SIZES:
            raise GcmError("tag")
        stream = self._stream(iv, len(ciphertext), 1)
        state = self._digest(ciphertext, aad)
        xor(state, stream, 16)
        if not equal(memoryview(state)[: len(tag)], tag):
            raise GcmError("tag")
        plain = memoryview(stream)[16 : 16 + len(ciphertext)]
        xor(plain, ciphertext, len(ciphertext))
        return bytes(plain)

    def crypt(self, iv, data):
        """Counter mode alone (DLMS security control 20): nothing vouches for the result."""
        stream = self._stream(iv, len(data), 2)
        xor(stream, data, len(data))
        return bytes(memoryview(stream)[: len(data)])

    def _stream(self, iv, length, first):
        """Encrypted counter blocks from number first to cover length bytes of data.

        Number 1 masks the tag, the data's begin with number 2 (SP 800-38D section 7.1).
        """
        if len(iv) != 12:
            raise GcmError("iv")
        if length > _MAX_DATA:
            raise GcmError("length")
        blocks = (length + 15) // 16 + 2 - first
        stream = bytearray(16 * blocks)
        counters(stream, iv, blocks, first)
        self._ecb.encrypt(stream, stream)
        return stream

    def _digest(self, ciphertext, aad):
        """GHASH over both, each zero-padded, and their lengths in bits."""
        state = self._state
        lengths = self._lengths
        for i in range(16):
            state[i] = 0
        lengths[5:8] = (8 * len(aad)).to_bytes(3, "big")
        lengths[13:16] = (8 * len(ciphertext)).to_bytes(3, "big")
        ghash(self._table, self._reduce, state, aad, len(aad))
        ghash(self._table, self._reduce, state, ciphertext, len(ciphertext))
        ghash(self._table, self._reduce, state, lengths, 16)
        return state
