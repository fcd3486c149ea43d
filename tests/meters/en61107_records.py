# uMeter - published EN 61107 replies as test cases, on both engines
# MIT license; Copyright (c) 2026 The uMeter authors

# Replies of real homes are not part of the project: they are read where they lie.

import json
from binascii import hexlify

from firmware.meters.en61107 import Collector
from tools.decode import en61107

FILE = __file__.rsplit("/", 4)[0] + "/shared/data/en61107.jsonl"


def available():
    try:
        with open(FILE):
            return True
    except OSError:
        print("SKIP: no captures at ../shared/data")
        return False


def records():
    """Each record as meterctl takes it, and "want": (result, values)."""
    with open(FILE) as file:
        for line in file:
            record = json.loads(line)
            record["data"] = bytes([ord(char) for char in record["reply"]])
            record["frame"] = hexlify(record["data"]).decode()
            record["want"] = ("reject", {})
            if record["decoded"] is not None:
                record["want"] = ("values", _want(record["decoded"]))
            yield record


def _want(decoded):
    """The texts of the OMNIPOWER readout as numbers and units, like those of all readouts."""
    if not isinstance(decoded, dict) or decoded.get("0.0.1") != ["12345678"]:
        return decoded
    want = {}
    for code in decoded:
        digits, _, unit = decoded[code][0].partition("*")
        want[code] = [float(digits) if "." in digits else int(digits), unit]
    return want


def outcome(record, data):
    """(result, values) of the record with these bytes, through JSON as meterctl prints it."""
    answer = en61107.decode({"request": record["request"], "frame": hexlify(data).decode()})
    answer = json.loads(json.dumps(answer))
    return answer["result"], answer["values"]


def over_the_line(record, stream, chunks):
    """What a Collector makes of a stream: replies whole again, as bytes."""
    heard = Collector(8192)
    heard.begin((record["request"] or "").encode())
    take = heard.block if b"\x02" in record["data"] else heard.line
    replies = []
    at = 0
    for size in chunks:
        heard.feed(stream[at : at + size])
        at += size
        while True:
            reply = take()
            if reply is None:
                break
            replies.append(reply)
    return replies


def same(wanted, got):
    if isinstance(wanted, dict):
        return (
            isinstance(got, dict)
            and set(wanted) == set(got)
            and all(same(wanted[name], got[name]) for name in wanted)
        )
    if isinstance(wanted, (list, tuple)):
        return len(wanted) == len(got) and all(same(*pair) for pair in zip(wanted, got))
    if isinstance(wanted, float):
        return abs(wanted - got) <= abs(wanted) * 1e-6  # floats of 24 bits after json.loads
    return wanted == got


def check(record, rng):
    """Fed whole, with parity bits, byte by byte, in chunks, after noise and damage."""
    data = record["data"]
    assert same(record["want"], outcome(record, data)), record["id"]
    assert same(record["want"], outcome(record, with_parity(data))), record["id"]
    if record["request"] is None:
        return  # P1: no protocol of questions and answers
    echo = (record["request"] or "").encode()
    block = b"\x02" in data
    damaged = data[:40] + b"(" + data[42:]
    streams = [data, echo + data, b"\0\0" + echo + data]
    if block:
        streams += [b"?!\r\n" + data, echo + data[:-9] + data, damaged + b"\0x" + data]
    for stream in streams:
        for chunks in ([len(stream)], [1] * len(stream), _chunks(len(stream), rng)):
            replies = over_the_line(record, stream, chunks)
            if not block:
                replies = [b"\r".join(replies) + b"\r"]
            results = [outcome(record, reply) for reply in replies]
            assert any(same(record["want"], result) for result in results), record["id"]


def _chunks(size, rng):
    sizes = []
    while sum(sizes) < size:
        sizes.append(1 + rng(30))
    return sizes


def with_parity(data):
    """As a UART of 8 bits sees 7E1."""
    out = []
    for byte in data:
        out.append(byte | (bin(byte).count("1") & 1) << 7)
    return bytes(out)
