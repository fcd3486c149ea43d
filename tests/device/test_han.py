# uMeter - HAN and P1 under MicroPython: layouts, viper against its twin, flat heap
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 160k

import gc
import random
from array import array
from binascii import unhexlify

from firmware.meters import _axdr_fast, _axdr_slow, axdr
from firmware.meters.han import HanDecoder
from sim.meters import han_frames
from tests.meters import han_cases

GARBAGE_MOST = 6 * 1024  # bytes per frame


def rng(n):
    return random.getrandbits(24) % n


def push(body, time=None):
    return han_frames.hdlc_message(han_frames.notification(body, time))


def test_layouts():
    decoder = HanDecoder()
    for name, body, time, expected in han_cases.CASES:
        for telegram in decoder.feed(push(body, time)):
            assert telegram.result == "values", (name, telegram.reason)
            assert han_cases.shown(telegram) == expected, (name, han_cases.shown(telegram))


def test_index_like_its_twin():
    assert axdr._index is _axdr_fast.index
    tape = axdr.Tape(40)
    bodies = [han_frames.axdr(case[1]) for case in han_cases.CASES]
    for _ in range(1500):
        data = bytearray(bodies[rng(len(bodies))])
        for _ in range(rng(4)):
            data[rng(len(data))] = (0, 1, 2, 9, 0x80, 0x82, 0x84, 0xFF, rng(256))[rng(9)]
        results = []
        for module in (_axdr_fast, _axdr_slow):
            cells = array("H", tape.cells)
            codes = array("H", bytes(2 + 12 * 10))
            codes[0] = 10
            stop = module.index(cells, data, 0, len(data))
            found = module.codes(cells, data, codes) if stop >= 0 else 0
            used = 20 + 4 * (cells[1] if stop >= 0 else 0)
            results.append((stop, found, list(cells)[20:used], list(codes)[: 6 * found + 1]))
        assert results[0] == results[1], (bytes(data), results)


def test_heap_stays_flat():
    decoder = HanDecoder()
    frame = push(han_cases.KAMSTRUP, han_cases.WINTER)
    for _ in range(3):
        decoder.feed(frame)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    decoder.feed(frame)
    garbage = gc.mem_alloc() - before
    gc.enable()
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(50):
        decoder.feed(frame)
    gc.collect()
    assert gc.mem_alloc() - before < 256
    assert garbage < GARBAGE_MOST, garbage


def test_long_telegram_fits_into_a_small_heap():
    # 40 triplets, 800 bytes, in segments of 100.
    body = (1, [han_cases.scaled("1-0:1.8.%d" % (i % 9), (6, i), 0, 30) for i in range(40)])
    data = han_frames.hdlc_message(han_frames.notification(body), 100)
    telegram = HanDecoder().feed(data)[0]
    assert telegram.result == "values" and telegram.layers == ["hdlc-seg", "llc", "dlms"]


def test_ciphered_push():
    from firmware.crypto.gcm import Gcm

    key = unhexlify("000102030405060708090a0b0c0d0e0f")
    apdu = han_frames.notification(han_cases.SAGEMCOM, han_cases.WINTER)
    title = b"SAGY\x01\x02\x03\x04"
    body = b"\x20\x00\x00\x00\x07" + Gcm(key).crypt(title + b"\0\0\0\x07", apdu)
    sealed = b"\xdb\x08" + title + han_frames.ber(len(body)) + body
    data = han_frames.mbus_message(sealed, 100)
    telegram = HanDecoder(key).feed(data)[0]
    assert telegram.result == "values" and telegram.notes == ["unauthenticated"]
    assert HanDecoder().feed(data)[0].result == "need_key"
    wrong = HanDecoder(bytes(16)).feed(data)[0]
    assert (wrong.result, wrong.reason) == ("reject", "wrong_key")
