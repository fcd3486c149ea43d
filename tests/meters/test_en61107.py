# uMeter - EN 61107 blocks, MULTICAL 66 fields, their decode on both engines
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import os
import random
import subprocess

import en61107_records
import pytest

from firmware.meters import en61107, mc66
from sim.meters.mc66 import Mc66
from tests.sources import ROOT
from tools.decode import en61107 as decoder

CASES = int(os.environ.get("UMETER_FUZZ", 2000))
BLOCK = (b"/KAM 0 MC\r\n\x020.0(00007210086)6.8(0056726*kWh)6.26(01321.27*m3)6.31(0073327*h)!"
         b"\r\n\x03\x73")  # fmt: skip
ONE = b"0005672 0013212 0073327 0006543 0003210 0003333 0000123 0000317 0000150 0000000 "
TWO = b"00007210086" + b" 0000000" * 6 + b" 0034119 2101300 0230615 "


def test_every_block_check_arrives():
    """One in 128 is a NUL, which is noise anywhere else."""
    checks = set()
    chance = random.Random(1)
    for _ in range(800):
        number, serial = chance.randrange(10**7), chance.randrange(10**11)
        body = b"0.0(%011d)6.8(%07d*kWh)6.26(01321.27*m3)!\r\n\x03" % (serial, number)
        block = b"/KAM 0 MC\r\n\x02" + body + bytes([sum(body) & 0x7F])
        for size in (1, 7, 500):
            heard = en61107.Collector()
            heard.begin(b"/?!\r\n")
            found = None
            for at in range(0, len(block), size):
                heard.feed(b"\0" * (at == 0) + block[at : at + size])
                found = heard.block() or found
            assert found and en61107.parse_block(found)[1]["6.8"] == ("%07d" % number, "kWh")
        checks.add(block[-1])
    assert 0 in checks and len(checks) > 50


def test_block_of_the_66b():
    ident, sets = en61107.parse_block(b"/?!\r\n" + BLOCK)
    assert ident == "KAM 0 MC"
    assert sets == {"0.0": ("00007210086", ""), "6.8": ("0056726", "kWh"),
                    "6.26": ("01321.27", "m3"), "6.31": ("0073327", "h")}  # fmt: skip


@pytest.mark.parametrize("body, reason", [
    (b"0.0(1)6.8(2", "malformed"), (b"0.0(1)(2)6.8", "malformed"), (b"(1)", "malformed"),
    (b"0.0((1)", "malformed"), (b"0.0(1\r\n)", "malformed"), (b"0,0(1)", "malformed"),
    (b"0.0(\x011)", "malformed"), (b"nothing", "malformed"), (b"0.0(1", "malformed")])  # fmt: skip
def test_malformed_data_sets(body, reason):
    body += b"\x03"
    block = b"\x02" + body + bytes([sum(body) & 0x7F])
    with pytest.raises(en61107.BlockError, match=reason):
        en61107.parse_block(block)


def test_either_check_and_partial_blocks():
    parts = [(b"1.8.0(1*kWh)\r\n", b"\x04"), (b"(2)!\r\n", b"\x03")]
    frame = b""
    for text, end in parts:
        parity = 0
        for byte in text + end:
            parity ^= byte
        frame += b"\x02" + text + end + bytes([parity])
    head, bodies, right = en61107.split(frame)
    assert (head, right) == (b"", en61107.XOR) and len(bodies) == 2
    with pytest.raises(en61107.BlockError, match="bcc"):
        en61107.parse_block(frame)
    assert en61107.parse_block(frame, en61107.XOR)[1] == {"1.8.0": ("1", "kWh")}
    for at in range(1, len(frame)):
        with pytest.raises(en61107.BlockError, match="incomplete"):
            en61107.split(frame[:at])


def mutated(frame, rng):
    bad = bytearray(frame)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(bad))
        kind = rng.randrange(4)
        if kind == 0:
            bad[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            bad[at] = rng.randrange(256)
        elif kind == 2 and len(bad) > 1:
            del bad[at]
        else:
            bad.insert(at, rng.randrange(128))
    return bytes(bad)


def test_a_good_block_after_a_bad_one():
    rng = random.Random(1)
    lost = 0
    for _ in range(CASES):
        heard = en61107.Collector()
        heard.feed(mutated(BLOCK, rng))
        heard.feed(b"\r\n" + BLOCK)  # a meter does not begin anew in the midst of a byte
        blocks = []
        while True:
            block = heard.block()
            if block is None:
                break
            try:
                blocks.append(en61107.parse_block(block))
            except en61107.BlockError as error:
                assert error.args[0] in ("incomplete", "bcc", "malformed")
        lost += not any(found[1].get("6.26") == ("01321.27", "m3") for found in blocks)
        assert len(heard.data) <= 400
    assert lost == 0


def test_damaged_records_never_escape():
    rng = random.Random(2)
    frames = [("/?!\r\n", BLOCK), ("/#1\r", ONE + b"\r"), ("/#2\r", TWO + b"\r"),
              ("/#J\r", b"0000012 0090121 0120010 0236824 \r" * 3), ("/#Z", ONE + b"\r")]
    for _ in range(CASES):
        request, frame = rng.choice(frames)
        answer = decoder.decode({"request": request, "frame": mutated(frame, rng).hex()})
        assert answer["result"] in ("values", "reject", "no_values")
        assert bool(answer["values"]) == (answer["result"] == "values")
        assert decoder.explain({"request": request, "frame": mutated(frame, rng).hex()})


def test_damaged_fields_are_refused_or_still_numbers():
    rng = random.Random(3)
    for _ in range(CASES):
        reply = bytes(byte & 0x7F for byte in mutated(ONE, rng))
        try:
            words = mc66.fields(reply, mc66.REQUESTS[b"/#1\r"])
        except mc66.FieldError:
            continue
        assert len(words) == 10 and all(str(int(w)).lstrip("-") in w for w in words)


def test_a_flood_is_bounded():
    heard = en61107.Collector(100)
    for _ in range(50):
        heard.feed(b"x" * 33)
        assert len(heard.data) <= 100
    heard.feed(BLOCK)
    assert en61107.parse_block(heard.block())[0] == "KAM 0 MC"


@pytest.mark.parametrize("reply", [
    b"", b"0000001 0000002", b"0000001 :000002 0000003", b"0000001 000002 0000003",
    b"0000001 00-0002 0000003", b"0000001  0000002 0000003", b"0000001 0000002 00000003",
    b"10000001 0000002 0000003", b"0000001 0000002 0000003 x", b"0000001 ?000002 0000003",
    b"0000001 0000002 ------3"])  # fmt: skip
def test_fields_that_are_no_numbers(reply):
    with pytest.raises(mc66.FieldError):
        mc66.fields(reply, (7, 7, 7))


def test_fields():
    assert mc66.fields(b"#C-000001 0000002 0000003  ", (7, 7, 7)) == ["-000001", "0000002",
                                                                    "0000003"]  # fmt: skip


@pytest.mark.parametrize("codes, scale", [
    ("116 197 119 198 136 138 183 185", ("l/h", 0, "kW", 1)),
    ("151 137 178 120 179 184 199 107", ("l/h", 0, "kW", 1)),
    ("158 186", ("m3/h", 2, "kW", 0)),
    ("170 180 147 181 148 175 176 177 187 188 189 000 001 009", ("m3/h", 2, "MW", 3)),
    ("171 172 182 166 167 191 192 193 002 003 004 005", ("m3/h", 1, "MW", 2)),
    ("006 007 008", ("m3/h", 0, "MW", 1)), ("999 109 010", None)])  # fmt: skip
def test_scaling(codes, scale):
    for ccc in codes.split():
        assert mc66.scaling(ccc) == scale


def test_scaling_of_mechanical_meters():
    assert mc66.scaling("109", is_66b=True) == ("l/h", 0, "kW", 1)
    assert mc66.scaling("158", is_66b=True) == ("m3/h", 2, "kW", 0)
    assert mc66.scaling("169", is_66b=True) is None


def make_values(two=TWO, block=None):
    sets = {"0.0": ("00007210086", ""), "6.8": ("0056726", ""), "6.26": ("01321.27", "")}
    return mc66.values(block or sets, ONE.decode().split(), two.decode().split(), None, True)


@pytest.mark.parametrize("b, unit", [("2", "GJ"), ("3", "kWh"), ("4", "MWh"), ("5", "Gcal")])
def test_a_missing_unit_comes_from_the_program_number(b, unit):
    values, notes = make_values(TWO.replace(b"0034119", b"003%s119" % b.encode()))
    assert values["energy_e1"] == (56726, 0, unit) and values["volume_v1"] == (132127, -2, "m3")
    assert notes == () and values["program"] == "3%s1192101300" % b


def test_no_unit_at_all():
    with pytest.raises(mc66.FieldError):
        make_values(TWO.replace(b"0034119", b"0039119"))


def test_an_unknown_code_leaves_power_out():
    values, notes = make_values(TWO.replace(b"119", b"999"))
    assert "power_1" not in values and "flow_1" not in values and "999" in notes[0]


def test_the_customer_must_be_the_same_everywhere():
    block = en61107.parse_block(BLOCK)[1]
    assert mc66.serial(block, TWO.decode().split()) == "7210086"
    for digits, two in (("00000000000", TWO), ("0000721008:", TWO),
                        ("00007210086", TWO.replace(b"86", b"87"))):  # fmt: skip
        with pytest.raises(mc66.FieldError):
            mc66.serial({"0.0": (digits, "")}, two.decode().split())


def test_simulated_block_check_is_right():
    for model in ("66c", "66b"):
        meter = Mc66(model)
        meter.feed(b"/?!\r\n", 0)
        assert en61107.parse_block(meter._block())[1]["0.0"][0] == "00007210086"


@pytest.mark.parametrize("frame, result, reason", [
    (ONE[:-30] + b"\r", "reject", "7 fields"), (ONE[:-2], "no_values", "incomplete"),
    (ONE.replace(b"3327", b"33:7") + b"\r", "reject", "not decimal"),
    (ONE.replace(b" 0006543", b" 006543") + b"\r", "reject", "6 digits, not 7"),
    (b"", "no_values", "incomplete")])  # fmt: skip
def test_replies_that_are_not_whole(frame, result, reason):
    answer = decoder.decode({"request": "/#1\r", "frame": frame.hex()})
    assert answer["result"] == result and reason in answer["reason"] and answer["values"] == {}


def test_a_reply_without_its_end():
    want = decoder.decode({"request": "/#1\r", "frame": (ONE + b"\r").hex()})
    for reply in (ONE, ONE[:-1], b"/#1\r\n" + ONE):
        assert decoder.decode({"request": "/#1\r", "frame": reply.hex()}) == want
    for at in range(len(ONE) - 1):
        answer = decoder.decode({"request": "/#1\r", "frame": ONE[:at].hex()})
        assert answer["result"] == "no_values"


@pytest.mark.parametrize("before", [
    b"7~\r", b"1\r", ONE[8:] + b"\r", ONE.replace(b"3327", b"33:7") + b"\r", b"/#1\r7~\r"])
def test_a_good_line_behind_a_bad_one(before):
    answer = decoder.decode({"request": "/#1\r", "frame": (before + ONE + b"\r").hex()})
    assert answer["values"]["energy_MWh"] == 5.672 and answer["values"]["flow_lph"] == 317


def test_parity_is_checked_where_it_is_there():
    frame = bytearray(en61107_records.with_parity(ONE + b"\r"))
    assert decoder.decode({"request": "/#1\r", "frame": frame.hex()})["result"] == "values"
    frame[3] ^= 1
    answer = decoder.decode({"request": "/#1\r", "frame": frame.hex()})
    assert (answer["result"], answer["reason"]) == ("reject", "parity")


@pytest.mark.parametrize("noise", [b"\xff", b"\x80\x13z", b"\xfe/?!", b"\xe1\xb2x\0"])
@pytest.mark.parametrize("reply, request_, changed", [
    (ONE + b"\r", "/#1\r", 3), (ONE.replace(b"0", b"-", 1) + b"\r", "/#1\r", 40),
    (BLOCK, "/?!\r\n", 20)])  # fmt: skip
def test_noise_around_a_reply(noise, reply, request_, changed):
    def values(data):
        return decoder.decode({"request": request_, "frame": data.hex()})["values"]

    want = values(reply)
    assert want
    with_parity = en61107_records.with_parity(reply)
    for whole in (reply, with_parity):
        for data in (noise + whole, whole + noise, noise + whole + noise + whole + noise):
            assert values(data) == want
    for bit in range(8):  # of a character in the reply: with parity nothing of it is taken
        damaged = bytearray(with_parity)
        damaged[changed] ^= 1 << bit
        assert values(noise + damaged) == {}


def test_the_captures_in_every_manner():
    if not en61107_records.available():
        pytest.skip("no ../shared/data/en61107.jsonl beside the project")
    rng = random.Random(4)
    for record in en61107_records.records():
        en61107_records.check(record, rng.randrange)


@pytest.mark.parametrize("engine", ["cpython", "micropython"])
def test_captures_through_meterctl(engine, micropython):
    if not en61107_records.available():
        pytest.skip("no ../shared/data/en61107.jsonl beside the project")
    records = list(en61107_records.records())
    lines = [json.dumps({"id": record["id"], "protocol": "en61107", "request": record["request"],
                         "frame": record["frame"]}) for record in records]  # fmt: skip
    command = [ROOT / ".venv/bin/meterctl", "decode", "--engine", engine]
    done = subprocess.run(command, input="\n".join(lines) + "\n", text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    outs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outs) == len(records) > 10
    for record, out in zip(records, outs):
        assert (out["result"], out["values"]) == record["want"], record["id"]  # to the last digit
