# uMeter - crypto under MicroPython: known answers, viper against its twin, flat heap
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 160k

import gc
import random
import sys
from binascii import unhexlify

from firmware.crypto import _crc_fast, _crc_slow, _gcm_fast, _gcm_slow, crc, gcm, gcm_tables
from firmware.crypto.envelope import Envelope, EnvelopeError
from firmware.crypto.gcm import Gcm, GcmError
from firmware.crypto.keys import derive, parse_key
from firmware.crypto.mac import HmacSha256
from tests.crypto import vectors

LIMIT = 3000 if sys.maxsize == 0x7FFFFFFF else 6000  # bytes


def random_bytes(size):
    return bytes([random.getrandbits(8) for _ in range(size)])


def test_fast_paths_are_in_use():
    assert crc.crc_left is _crc_fast.crc_left
    assert gcm.ghash is _gcm_fast.ghash


def test_crc_check_values():
    check = b"123456789"
    assert (crc.xmodem(check), crc.x25(check), crc.arc(check)) == (0x31C3, 0x906E, 0xBB3D)
    assert crc.xmodem(memoryview(b"x" + check)[1:]) == 0x31C3


def test_crc_like_its_twin():
    for size in range(60):
        data = random_bytes(size)
        start = random.getrandbits(16)
        for name in ("crc_left", "crc_right"):
            for table in (crc._CCITT, crc._CCITT_REFLECTED, crc._IBM_REFLECTED):
                fast = getattr(_crc_fast, name)(table, data, size, start)
                assert fast == getattr(_crc_slow, name)(table, data, size, start)


def test_gcm_loops_like_their_twins():
    for size in range(70):
        table = gcm_tables.products(random_bytes(16))
        data = random_bytes(size)
        fast = bytearray(random_bytes(16))
        slow = bytearray(fast)
        _gcm_fast.ghash(table, gcm_tables.reductions(), fast, data, size)
        _gcm_slow.ghash(table, gcm_tables.reductions(), slow, data, size)
        assert fast == slow
        fast = bytearray(16 * size)
        slow = bytearray(16 * size)
        for first in (1, 2, 0x10000 - size, 0x1FFFFFF):
            _gcm_fast.counters(fast, data + bytes(12), size, first)
            _gcm_slow.counters(slow, (data + bytes(12))[:12], size, first)
            assert fast == slow
        _gcm_fast.xor(fast, data, size)
        _gcm_slow.xor(slow, data, size)
        assert fast == slow


def test_envelope_known_answers():
    master = parse_key(vectors.MASTER)
    assert derive(master) == (vectors.AES_KEY, vectors.MAC_KEY)
    envelope = Envelope(master)
    for topic, text, iv, mac, ciphertext in vectors.ENVELOPES:
        sealed = vectors.payload(iv, mac, ciphertext)
        assert envelope.seal(topic, text, unhexlify(iv)) == sealed
        assert envelope.open(topic, sealed) == text
    topic, text, iv, mac, ciphertext = vectors.OLD_ENVELOPE
    assert envelope.open(topic, vectors.payload(iv, mac, ciphertext)) == text


def test_envelope_refuses():
    envelope = Envelope(bytes(16))
    for size in (0, 1, 15, 16, 447, 1998):
        sealed = bytearray(envelope.seal(b"topic", b"x" * size))
        assert envelope.open(b"topic", sealed) == b"x" * size
        sealed[random.getrandbits(30) % len(sealed)] ^= 1 << random.getrandbits(3)
        for message, reason in ((sealed, "hmac"), (sealed[:-1], "length"), (b"", "length")):
            try:
                envelope.open(b"topic", message)
            except EnvelopeError as error:
                assert error.args[0] == reason
            else:
                raise AssertionError("a damaged message was opened")


def check_gcm(key, iv, ciphertext, aad, tag, plaintext):
    try:
        found = Gcm(unhexlify(key)).open(*map(unhexlify, (iv, ciphertext, aad, tag)))
    except GcmError:
        found = None
    assert found == (None if plaintext is None else unhexlify(plaintext))


def test_gcm_known_answers():
    for key, iv, plaintext, aad, ciphertext, tag in vectors.GCM:
        check_gcm(key, iv, ciphertext, aad, tag, plaintext)
        check_gcm(key, iv, ciphertext, aad, tag[:24], plaintext)
        check_gcm(key, iv, ciphertext, aad + "00", tag, None)
        check_gcm(key, iv, ciphertext + "00", aad, tag, None)
        check_gcm(key, iv, ciphertext, aad, tag[2:] + tag[:2], None)
        check_gcm(key, iv, ciphertext, aad, tag[:4], None)
    key, iv, plaintext, ciphertext = vectors.GCM_ENCRYPTION_ONLY
    assert Gcm(unhexlify(key)).crypt(unhexlify(iv), unhexlify(ciphertext)) == unhexlify(plaintext)


def published():
    import json

    path = __file__[: __file__.rindex("/tests/")] + "/../shared/data/crypto_kat.json"
    try:
        with open(path) as file:
            return json.load(file)
    except OSError:
        print("SKIP: published vectors are not there: ../shared/data/crypto_kat.json")
        raise SystemExit


def test_published_vectors():
    known = published()
    for v in known["aes128_gcm"]:
        plaintext = v["pt"] if v["valid"] else None
        check_gcm(v["key"], v["iv"], v["ct"], v["aad"], v["tag"], plaintext)
    for v in known["hmac_sha256"]:
        mac = HmacSha256(unhexlify(v["key"])).mac(unhexlify(v["msg"]))[: v["mac_len"]]
        assert (mac == unhexlify(v["mac"])) == v.get("valid", True), v["id"]


def growth(work):
    """Bytes that are still allocated after 1000 calls, beyond those after the first 10."""
    for _ in range(10):
        work()
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(1000):
        work()
    gc.collect()
    return gc.mem_alloc() - before


def garbage(work):
    work()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    work()
    after = gc.mem_alloc()
    gc.enable()
    return after - before


def test_envelopes_leave_nothing_behind():
    envelope = Envelope(bytes(16))
    topic = b"/sample/v2/7210086/1466572820"
    text = b"x" * 111

    def work():
        assert envelope.open(topic, envelope.seal(topic, text)) == text

    assert growth(work) <= 0
    assert garbage(work) <= LIMIT


def test_ciphered_frame_makes_little_garbage():
    key = Gcm(bytes(16))
    frame = bytes(500)
    aad = bytes(17)

    def work():
        try:
            key.open(bytes(12), frame, aad, bytes(12))
        except GcmError:
            return key.crypt(bytes(12), frame)
        raise AssertionError("a false tag was accepted")

    assert growth(work) <= 0
    assert garbage(work) <= LIMIT
