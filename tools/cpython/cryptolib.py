# uMeter - stand-in for MicroPython's module cryptolib, for pure cores on CPython
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: MicroPython documentation "cryptolib", and extmod/modcryptolib.c for what it leaves open.

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 16


class aes:  # noqa: N801
    """AES as an ESP32 offers it: mode 1 (ECB) or 2 (CBC), 16- or 32-byte key; no mode 6 (CTR).

    An object encrypts or decrypts, whatever is asked first; ValueError if then asked for the
    other. CBC goes on from one call to the next.
    """

    def __init__(self, key, mode, iv=None):
        if mode not in (1, 2):
            raise ValueError("mode")
        if len(key) not in (16, 32):
            raise ValueError("key")
        if mode == 2 and (iv is None or len(iv) != _BLOCK):
            raise ValueError("IV")
        chaining = modes.CBC(bytes(iv)) if mode == 2 else modes.ECB()
        self._cipher = Cipher(algorithms.AES(bytes(key)), chaining)
        self._context = None
        self._encrypts = None  # True, False; None: not decided yet

    def _process(self, encrypts, data, out=None):
        if len(data) % _BLOCK:
            raise ValueError("blksize % 16")
        if out is not None and len(out) < len(data):
            raise ValueError("output too small")
        if self._context is None:
            self._encrypts = encrypts
            self._context = self._cipher.encryptor() if encrypts else self._cipher.decryptor()
        if self._encrypts != encrypts:
            raise ValueError("can't encrypt & decrypt")
        result = self._context.update(bytes(data))
        if out is None:
            return result
        memoryview(out)[: len(result)] = result
        return out

    def encrypt(self, data, *out):  # (data) -> bytes, (data, out) -> out
        return self._process(True, data, *out)

    def decrypt(self, data, *out):
        return self._process(False, data, *out)
