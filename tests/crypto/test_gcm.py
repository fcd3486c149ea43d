# uMeter - AES-128-GCM: known answers, other implementation, refusals
# MIT license; Copyright (c) 2026 The uMeter authors

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from vectors import GCM, GCM_ENCRYPTION_ONLY

from firmware.crypto.gcm import Gcm, GcmError

_KNOWN = Path(__file__).resolve().parents[3] / "shared" / "data" / "crypto_kat.json"
_KEYS = st.binary(min_size=16, max_size=16)
_IVS = st.binary(min_size=12, max_size=12)


def opened(key, iv, ciphertext, aad, tag):
    """Plaintext; None if refused."""
    try:
        return Gcm(key).open(iv, ciphertext, aad, tag)
    except GcmError:
        return None


@pytest.mark.parametrize("key, iv, plaintext, aad, ciphertext, tag", GCM)
def test_known_answers(key, iv, plaintext, aad, ciphertext, tag):
    key, iv, plaintext, aad, ciphertext, tag = map(
        bytes.fromhex, (key, iv, plaintext, aad, ciphertext, tag)
    )
    for size in (12, 16):
        assert opened(key, iv, ciphertext, aad, tag[:size]) == plaintext
    assert opened(key, iv, ciphertext, aad + b"\0", tag) is None


def test_encryption_only():
    key, iv, plaintext, ciphertext = map(bytes.fromhex, GCM_ENCRYPTION_ONLY)
    assert Gcm(key).crypt(iv, ciphertext) == plaintext
    assert Gcm(key).crypt(iv, plaintext) == ciphertext


def test_published_vectors():
    if not _KNOWN.exists():
        pytest.skip("published vectors are not there: ../shared/data/crypto_kat.json")
    vectors = json.loads(_KNOWN.read_text())["aes128_gcm"]
    for vector in vectors:
        key, iv, ciphertext, aad, tag = (
            bytes.fromhex(vector[name]) for name in ("key", "iv", "ct", "aad", "tag")
        )
        expected = bytes.fromhex(vector["pt"]) if vector["valid"] else None
        assert opened(key, iv, ciphertext, aad, tag) == expected, vector["id"]


@given(_KEYS, _IVS, st.binary(max_size=100), st.binary(max_size=40), st.sampled_from([12, 16]))
def test_same_as_cryptography(key, iv, plaintext, aad, size):
    sealed = AESGCM(key).encrypt(iv, plaintext, aad)
    ciphertext, tag = sealed[:-16], sealed[-16:][:size]
    assert Gcm(key).open(iv, ciphertext, aad, tag) == plaintext
    assert Gcm(key).crypt(iv, ciphertext) == plaintext


@settings(max_examples=30)
@given(st.integers(0, 300), st.data())
def test_every_bit_counts(size, data):
    key, iv, aad = bytes(range(16)), bytes(range(12)), bytes(range(17))
    sealed = AESGCM(key).encrypt(iv, bytes(size), aad)
    parts = [bytearray(part) for part in (iv, sealed[:-16], aad, sealed[-16:][:12])]
    part = data.draw(st.sampled_from([part for part in parts if part]))
    bit = data.draw(st.integers(0, 8 * len(part) - 1))
    part[bit // 8] ^= 1 << bit % 8
    assert opened(key, *parts) is None


def test_one_object_serves_many_frames():
    key = bytes(range(16))
    gcm = Gcm(key)
    for size in (2100, 0, 33, 4096):
        iv = size.to_bytes(12, "big")
        sealed = AESGCM(key).encrypt(iv, bytes(size), b"")
        assert gcm.open(iv, memoryview(sealed)[:-16], b"", sealed[-16:]) == bytes(size)
        with pytest.raises(GcmError, match="tag"):
            gcm.open(iv, sealed[:-16], b"x", sealed[-16:])


@pytest.mark.parametrize("iv, size, reason", [(11, 0, "iv"), (16, 0, "iv"), (12, 4097, "length")])
def test_refused_sizes(iv, size, reason):
    with pytest.raises(GcmError, match=reason):
        Gcm(bytes(16)).open(bytes(iv), bytes(size), b"", bytes(12))


@pytest.mark.parametrize("size", [0, 1, 3, 5, 7, 9, 10, 11, 17])
def test_a_right_tag_of_a_wrong_length_is_refused(size):
    tag = AESGCM(bytes(16)).encrypt(bytes(12), b"", b"")
    with pytest.raises(GcmError, match="tag"):
        Gcm(bytes(16)).open(bytes(12), b"", b"", (tag + b"\0")[:size])


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_key_of_another_length(size):
    with pytest.raises(ValueError, match="16 bytes"):
        Gcm(bytes(size))
