# uMeter - HAN and P1: damaged frames neither escape nor cost the frame behind them
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import random

import pytest

from firmware.meters import _axdr_slow
from firmware.meters.axdr import Tape
from firmware.meters.han import HanDecoder
from sim.meters import han_frames as frames
from tools.decode.capture import CaptureDecoder

CASES = int(os.environ.get("UMETER_FUZZ", "400"))  # per layer
LIMIT = 2048
KEY = bytes(range(16))
AUTHENTICATION_KEY = bytes(range(16, 32))
TITLE = b"KAM\x01\x02\x03\x04\x05"
TIME = frames.date_time(2025, 12, 14, 16, 0, 5, -60)

PUSH = frames.notification(
    (2, [
        (10, b"Kamstrup_V0001"),
        frames.obis("1-1:0.0.5"), (10, b"5700000000000001"),
        frames.obis("1-1:1.7.0"), (6, 1234),
        frames.obis("1-1:32.7.0"), (18, 231),
        frames.obis("0-1:1.0.0"), (9, TIME),
        frames.obis("1-1:1.8.0"), (6, 99999),
    ]),
    TIME,
)
TRIPLETS = frames.notification(
    (1, [
        (2, [frames.obis("1-0:1.7.0"), (6, 77), (2, [(15, 0), (22, 27)])]),
        (2, [frames.obis("1-0:31.7.0"), (16, -5), (2, [(15, -1), (22, 33)])]),
        (2, [frames.obis("0-0:96.1.0"), (9, b"1234567890\0\0")]),
    ])
)
KAIFA = frames.notification(
    (2, [(9, b"KFM_001"), (9, b"6970000000000001"), (9, b"MA304H3E")]
     + [(6, 100 + i) for i in range(10)] + [(9, TIME)] + [(6, 5)] * 4), TIME, 9)
ISKRA = frames.notification(
    (2, [(9, b"ISK1030000000001"), (9, b"16820005")] + [(6, 5)] * 4 + [(18, 2300)] * 3
     + [(18, 100)] * 3 + [(6, 9)] * 6), TIME)
OBJECTS = frames.notification(
    (2, [(1, [(2, [(18, 3), frames.obis("1-0:%d.7.0" % i), (15, 2), (18, 0)]) for i in (1, 2, 3)]),
         (6, 1), (6, 2)]), TIME)
APDUS = [PUSH, TRIPLETS, KAIFA, ISKRA, OBJECTS]
LINES = ["0-0:1.0.0(251214160005W)", "1-0:1.8.0(00012.345*kWh)", "1-0:32.7.0(231.0*V)"]


def glo(apdu, control=0x30):
    return frames.sealed(apdu, TITLE, 7, control, KEY, AUTHENTICATION_KEY)


def over_hdlc(apdu):
    return frames.hdlc_message(apdu)


# layer -> (bytes to damage, what makes a line image of them)
LAYERS = {
    "hdlc": (lambda rng: frames.hdlc_message(rng.choice(APDUS), rng.choice((0, 60))), None),
    "mbus": (lambda rng: frames.mbus_message(rng.choice(APDUS), rng.choice((60, 900))), None),
    "p1": (lambda rng: frames.p1(LINES, crc=rng.random() < 0.8), None),
    "p1-ciphered": (
        lambda rng: frames.p1_ciphered(
            LINES, b"", 7, KEY, AUTHENTICATION_KEY, tag=rng.choice((b"", b"\xdb"))
        ), None,
    ),
    "p1-in-glo": (lambda rng: glo(frames.p1(LINES)), None),
    "gbt-frames": (lambda rng: frames.hdlc_blocks(rng.choice(APDUS), 50), None),
    "gbt": (lambda rng: rng.choice(frames.blocks(rng.choice(APDUS), 120)), over_hdlc),
    "glo": (lambda rng: glo(rng.choice(APDUS), rng.choice((0x10, 0x20, 0x30))), over_hdlc),
    "notification": (lambda rng: rng.choice(APDUS), over_hdlc),
    "sealed-notification": (lambda rng: rng.choice(APDUS), lambda apdu: over_hdlc(glo(apdu))),
    "noise": (lambda rng: rng.randbytes(rng.randrange(200)), None),
}


def damaged(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        way = rng.randrange(5)
        if way == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif way == 1 and at < len(data):
            data[at] = rng.choice((0, 1, 2, 9, 0x0F, 0x68, 0x7E, 0x7F, 0x80, 0x82, 0x84, 0xFF))
        elif way == 2:
            del data[at : at + rng.randrange(1, 9)]
        elif way == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        else:
            data[at:at] = data[rng.randrange(len(data) + 1) :][: rng.randrange(1, 30)]
    return bytes(data)


def good(layer):
    if layer.startswith("p1-c"):
        return frames.p1_ciphered(LINES, b"", 8, KEY, AUTHENTICATION_KEY)
    if layer == "p1-in-glo":
        return glo(frames.p1(LINES))
    if layer == "p1":
        return frames.p1(LINES)
    if layer == "mbus":
        return frames.mbus_message(PUSH, 60)
    return frames.hdlc_message(PUSH)


@pytest.mark.parametrize("layer", LAYERS)
def test_damage(layer):
    make, wrap = LAYERS[layer]
    rng = random.Random(layer)
    last = good(layer)
    for _ in range(CASES):
        keys = rng.choice(((KEY, AUTHENTICATION_KEY), (KEY, None), (None, None)))
        if layer.startswith("p1-"):
            keys = (KEY, AUTHENTICATION_KEY)
        decoder = CaptureDecoder(*keys, replay="warn", limit=LIMIT)
        data = damaged(rng, make(rng))
        if wrap:
            data = wrap(data)
        size = rng.choice((1, 17, 5000))
        for i in range(0, len(data), size):
            decoder.feed(data[i : i + size])
            assert decoder._finder.end <= LIMIT
        found = list(decoder.feed(last)) + list(decoder.finish())
        assert [t for t in found if t.result == "values"], (layer, data.hex())
        for telegram in found:
            assert telegram.result == "values" or not telegram.values


def test_tape_keeps_its_bounds():
    rng = random.Random(7)
    small = Tape(10)
    tape = Tape()
    for _ in range(CASES * 4):
        data = damaged(rng, frames.axdr((2, [(9, b"123456"), (1, [(6, 1)] * 3), (16, -5)])))
        for each in (small, tape):
            stop = each.read(data, 0, len(data))
            assert -3 <= stop <= len(data)
            for i in range(each.count):
                each.number(i), each.text(i), each.children(i)
            _axdr_slow.codes(each.cells, data, each.codes)
    deep = b"\x02\x01" * 9 + b"\0"
    assert tape.read(deep, 0, len(deep)) == -3
    assert small.read(b"\x01\x20" + b"\0" * 32, 0, 34) == -3
    assert tape.read(b"\x01\x82\xff\xff" + b"\0" * 32, 0, 36) == -1


def test_endless_noise_keeps_the_buffer():
    rng = random.Random(8)
    decoder = HanDecoder(limit=512)
    for _ in range(60):
        decoder.feed(rng.choice((b"/ABC5", b"\x7e\xa7\xff\x41\x03", b"\x68\xfa\xfa\x68")) * 30)
        assert decoder._finder.end <= 512
    decoder.idle(100)
    assert decoder.feed(frames.hdlc_message(PUSH))[-1].result == "values"
