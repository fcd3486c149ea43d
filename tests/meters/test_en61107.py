# uMeter - EN 61107 blocks, MULTICAL 66 fields, their decode on both engines
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.meters import en61107, mc66
from sim.meters.mc66 import Mc66
from tests.sources import ROOT

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "en61107.jsonl"
FUZZ = int(os.environ.get("UMETER_FUZZ", 1500))
# Readouts that are not decoded: mode C with programming, and P1 text (protocol "han").
NOT_DECODED = {"omnipower-doc-readout", "omnipower-doc-loadprofile", "omnipower-doc-time",
               "k162-p1-ka6u"}  # fmt: skip
BLOCK = (b"/KAM 0 MC\r\n\x020.0(00007210086)6.8(0056726*kWh)6.26(01321.27*m3)6.31(0073327*h)!"
         b"\r\n\x03\x73")  # fmt: skip


def test_block_of_the_66b():
    ident, sets = en61107.parse_block(b"/?!\r\n" + BLOCK)
    assert ident == "KAM 0 MC"
    assert sets == {"0.0": ("00007210086", ""), "6.8": ("0056726", "kWh"),
                    "6.26": ("01321.27", "m3"), "6.31": ("0073327", "h")}  # fmt: skip


@settings(max_examples=FUZZ, deadline=None)
@given(st.data())
def test_damaged_blocks_are_refused_or_whole(data):
    bad = bytearray(BLOCK)
    for _ in range(data.draw(st.integers(1, 4))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 127))
    try:
        _, sets = en61107.parse_block(bytes(bad[: data.draw(st.integers(0, len(bad)))]))
    except en61107.BlockError as error:
        assert error.args[0] in ("incomplete", "bcc", "malformed")
    else:
        assert sets is not None


@pytest.mark.parametrize("reply", [
    b"", b"0000001 0000002", b"0000001 :000002 0000003", b"0000001 000002 0000003",
    b"0000001 00-0002 0000003"])  # fmt: skip
def test_fields_that_are_no_numbers(reply):
    with pytest.raises(mc66.FieldError):
        mc66.fields(reply, 3)


@pytest.mark.parametrize("ccc, scale", [
    ("119", ("l/h", 0, "kW", 1)), ("158", ("m3/h", 2, "kW", 0)), ("170", ("m3/h", 2, "MW", 3)),
    ("006", ("m3/h", 0, "MW", 1)), ("999", None)])  # fmt: skip
def test_scaling(ccc, scale):
    assert mc66.scaling(ccc) == scale


def test_simulated_block_check_is_right():
    for model in ("66c", "66b"):
        meter = Mc66(model)
        meter.feed(b"/?!\r\n", 0)
        assert en61107.parse_block(meter._block())[1]["0.0"][0] == "00007210086"


@pytest.mark.parametrize("engine", ["cpython", "micropython"])
def test_published_replies(engine, micropython):
    if not DATA.exists():
        pytest.skip("no ../shared/data/en61107.jsonl beside the project")
    records = [json.loads(line) for line in DATA.read_text().splitlines()]
    records = [record for record in records if record["id"] not in NOT_DECODED]
    lines = [json.dumps({"id": record["id"], "protocol": "en61107", "request": record["request"],
                         "frame": record["reply"].encode("latin-1").hex()})
             for record in records]  # fmt: skip
    command = [ROOT / ".venv/bin/meterctl", "decode", "--engine", engine]
    done = subprocess.run(command, input="\n".join(lines) + "\n", text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    outs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outs) == len(records) > 10
    for record, out in zip(records, outs):
        if record["decoded"] is None:
            assert out["result"] == "reject" and out["values"] == {}
        else:
            assert out["result"] == "values", record["id"]
            assert same(record["decoded"], out["values"]), record["id"]


def same(wanted, got):
    if isinstance(wanted, dict):
        return wanted.keys() == got.keys() and all(same(wanted[k], got[k]) for k in wanted)
    if isinstance(wanted, list):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    if isinstance(wanted, float):
        return abs(wanted - got) <= abs(wanted) * 1e-6  # floats of 24 bits
    return wanted == got
