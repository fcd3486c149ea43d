# uMeter - from the bytes of a HAN push to a Reading, beside other decoders
# MIT license; Copyright (c) 2026 The uMeter authors

# The frame is the open one of a Kamstrup OMNIPOWER (kamstrup-radius-1) if the captures are there,
# else a made-up list of the same length with the same kind of values. MicroPython runs this file
# as a script with the two keys and the frame on stdin.

import gc
import json
import sys
import time
from binascii import unhexlify

_LEAST_NS = 100_000_000  # how long one figure is measured
_ROUNDS = 3


def _time_us(work):
    work()
    count = 1
    best = None
    while True:
        start = time.time_ns()
        for _ in range(count):
            work()
        took = time.time_ns() - start
        if took >= _LEAST_NS // _ROUNDS:
            break
        count *= 2
    best = took
    for _ in range(_ROUNDS - 1):
        start = time.time_ns()
        for _ in range(count):
            work()
        best = min(best, time.time_ns() - start)
    return best // count / 1000


def _garbage(work):
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    work()
    used = gc.mem_alloc() - before
    gc.enable()
    return used


def _p1_frame():
    lines = ["1-0:%d.7.0(0000.%03d*kW)" % (code, code) for code in range(21, 25)] * 6
    text = "/TST5METER\r\n\r\n0-0:1.0.0(251214160005W)\r\n" + "\r\n".join(lines) + "\r\n!"
    from firmware.crypto.crc import arc

    return (text + "%04X\r\n" % arc(text.encode())).encode()


def measure(key, authentication_key, frame):
    """{name: number} on this engine; live heap and garbage where the engine can tell."""
    counts = hasattr(gc, "mem_alloc")
    gc.collect()
    bare = gc.mem_alloc() if counts else 0
    from firmware.meters.han import HanDecoder

    decoder = HanDecoder(key, authentication_key, replay="warn")

    def push():
        return decoder.feed(frame)[0].reading(0)

    reading = push()
    if len(reading.values) < 30:
        raise ValueError("the push was not decoded")
    figures = {}
    if counts:
        reading = None
        gc.collect()
        figures["live"] = gc.mem_alloc() - bare
        figures["garbage"] = _garbage(push)
    figures["push"] = _time_us(push)
    text = _p1_frame()
    p1 = HanDecoder()
    if p1.feed(text)[0].result != "values":
        raise ValueError("the telegram was not decoded")
    if counts:
        figures["p1_garbage"] = _garbage(lambda: p1.feed(text)[0].reading(0))
    figures["p1"] = _time_us(lambda: p1.feed(text)[0].reading(0))
    damaged = text.replace(b"!", b"!0000\r\n", 1)  # every byte of it may begin the next frame
    figures["p1_damaged"] = _time_us(lambda: p1.feed(damaged))
    return figures


def _open_frame(root):
    # (key, authentication key, frame) and where it is from.
    path = root.parent / "shared" / "data" / "han_encrypted.jsonl"
    if path.exists():
        for line in path.read_text().splitlines():
            record = json.loads(line)
            if record["id"] == "kamstrup-radius-1":
                names = ("encryption_key", "authentication_key", "frame")
                return [unhexlify(record[name]) for name in names], "kamstrup-radius-1"
    key, authentication_key = bytes(range(16)), bytes(range(16, 32))
    return [key, authentication_key, made_up(key, authentication_key, 7)], "made up"


def made_up(key, authentication_key, counter):
    """A frame with a list like that of an OMNIPOWER in Denmark."""
    from sim.meters import han_frames as frames

    items = [(10, b"Kamstrup_V0001"), frames.obis("1-1:0.0.1"), (6, 1)]
    for a, d in ((1, 7), (2, 7), (3, 7), (4, 7), (1, 8), (2, 8), (3, 8), (4, 8), (13, 7)):
        items += [frames.obis("1-1:%d.%d.0" % (a, d)), (6, 123456)]
    for c in (21, 22, 31, 32, 33, 41, 42, 51, 52, 53, 61, 62, 71, 72, 73):
        items += [frames.obis("1-1:%d.7.0" % c), (6, 231)]
    for c in (21, 22, 41, 42, 61, 62):
        items += [frames.obis("1-1:%d.8.0" % c), (6, 123456)]
    time_ = frames.date_time(2025, 12, 14, 16, 0, 5)
    items += [frames.obis("0-1:1.0.0"), (9, time_)]
    apdu = frames.notification((2, items), time_)
    sealed = frames.sealed(apdu, b"KAM\1\2\3\4\5", counter, 0x30, key, authentication_key)
    return frames.hdlc_message(sealed)


def _on_micropython(root, given):
    import os
    import subprocess

    command = [str(root / "build" / "micropython"), "-X", "heapsize=160k", __file__]
    environment = dict(os.environ, MICROPYPATH=str(root) + ":.frozen")
    done = subprocess.run(
        command,
        env=environment,
        input=json.dumps([part.hex() for part in given]) + "\n",
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def _dlms_cosem(key, authentication_key, frame):
    # From the APDU: the package's HDLC layer wants a connection. C does its crypto. The version
    # that dsmr-parser asks for knows no visible strings (0A): the list's name is made an octet
    # string (09) for it, in a frame ciphered anew.
    from dlms_cosem.protocol.xdlms import DataNotification, GeneralGlobalCipher
    from dlms_cosem.utils import parse_as_dlms_data
    from sim.meters.han_frames import sealed

    apdu = frame[frame.index(b"\xe6\xe7\x00") + 3 : -3]
    cipher = GeneralGlobalCipher.from_bytes(apdu)
    clear = cipher.to_plain_apdu(key, authentication_key)
    text = clear.index(b"\x0a\x0eKamstrup_V0001")
    clear = clear[:text] + b"\x09" + clear[text + 1 :]
    counter = int.from_bytes(apdu[14:18], "big")
    apdu = sealed(clear, bytes(cipher.system_title), counter, 0x30, key, authentication_key)

    def push():
        clear = GeneralGlobalCipher.from_bytes(apdu).to_plain_apdu(key, authentication_key)
        return parse_as_dlms_data(DataNotification.from_bytes(clear).body)

    return push


def _gurux(key, authentication_key, frame):
    from gurux_dlms import GXByteBuffer, GXReplyData
    from gurux_dlms.enums import Authentication, InterfaceType, Security
    from gurux_dlms.secure import GXDLMSSecureClient

    def push():
        client = GXDLMSSecureClient(True, 1, 0x10, Authentication.NONE, None, InterfaceType.HDLC)
        client.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
        client.ciphering.blockCipherKey = bytearray(key)
        client.ciphering.authenticationKey = bytearray(authentication_key)
        reply = GXReplyData()
        client.getData(GXByteBuffer(frame), GXReplyData(), reply)
        return reply.value

    return push


def run():
    """[(name, value, unit, note)] for `make bench`."""
    import contextlib
    import io
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    given, origin = _open_frame(root)
    note = "%s, %d bytes" % (origin, len(given[2]))
    twin = measure(*given)
    with contextlib.redirect_stdout(io.StringIO()):  # gurux_dlms prints
        theirs = _dlms_cosem(*given)
        client = _gurux(*given)
        parts, gurux_parts = len(theirs()), len(client())
        # In turns, the best of each: other work on the machine hits all of them alike.
        rounds = [
            (_on_micropython(root, given), _time_us(theirs), _time_us(client))
            for _ in range(2 * _ROUNDS)
        ]
    ours = {name: min(each[0][name] for each in rounds) for name in rounds[0][0]}
    dlms_cosem = min(each[1] for each in rounds)
    gurux = min(each[2] for each in rounds)
    if parts != gurux_parts:
        raise ValueError("the packages do not agree on the push")
    return [
        ("HAN push to Reading", round(ours["push"], 1), "us", "micropython, " + note),
        ("HAN push to Reading", round(twin["push"], 1), "us", "cpython"),
        ("HAN push, dlms-cosem", round(dlms_cosem, 1), "us", "cpython, no link layer, C crypto"),
        ("HAN push, gurux_dlms", round(gurux, 1), "us", "cpython"),
        ("HAN push: ours / dlms-cosem", round(ours["push"] / dlms_cosem, 2), "x", "goal <= 1"),
        ("HAN push: gurux_dlms / ours", round(gurux / ours["push"], 1), "x", "goal >= 20"),
        ("HAN push, garbage", ours["garbage"], "bytes", "micropython, goal <= 6144"),
        ("HAN live heap, from source", ours["live"], "bytes", "micropython, with crypto"),
        ("P1 telegram to Reading", round(ours["p1"], 1), "us", "micropython, 700 bytes"),
        ("P1 telegram to Reading", round(twin["p1"], 1), "us", "cpython"),
        ("P1 telegram, damaged, skipped", round(ours["p1_damaged"], 1), "us", "micropython"),
        ("P1 telegram, garbage", ours["p1_garbage"], "bytes", "micropython, goal <= 6144"),
    ]


if __name__ == "__main__" and sys.implementation.name == "micropython":
    print(json.dumps(measure(*[unhexlify(part) for part in json.loads(sys.stdin.readline())])))
