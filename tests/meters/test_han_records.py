# uMeter - HAN and P1: every published capture, in any pieces, with noise between
# MIT license; Copyright (c) 2026 The uMeter authors

import random

import pytest

from tests.meters import han_records
from tools.decode import han

pytestmark = pytest.mark.skipif(not han_records.available(), reason="no ../shared/data")
RECORDS = list(han_records.records()) if han_records.available() else []
IDS = [record["id"] for record in RECORDS]
# What comes from a line: has a link layer, or is ciphered and carries its length.
REPEATED = [
    record
    for record in RECORDS
    if record["want"]["result"] == "values" and record["frame"][:2] in ("7e", "68", "2f", "db")
    if record.get("entry_layer") != "p1-body"
]


def rng(seed):
    source = random.Random(seed)
    return lambda n: source.randrange(n)


@pytest.mark.parametrize("record", RECORDS, ids=IDS)
def test_record(record):
    size = len(record["frame"]) // 2
    for chunks in (None, [1] * size, han_records.random_chunks(size, rng(record["id"]))):
        found = han.telegrams(record, chunks)
        assert not han_records.differences(record, found)


@pytest.mark.parametrize("record", REPEATED, ids=[record["id"] for record in REPEATED])
def test_back_to_back(record):
    messages = record.get("messages_in_stream") or 1
    for seed in range(3):
        stream = han_records.noisy_stream(record, rng("%s %d" % (record["id"], seed)))
        assert han_records.count_values(record, stream) >= 2 * messages


@pytest.mark.parametrize("record", RECORDS, ids=IDS)
def test_layers_and_explanation(record):
    best = han.decode(record)
    if best["result"] == "values" and record.get("protocol"):
        assert "+".join(best["layers"]) == record["protocol"]
    text = han.explain(record)
    assert best["result"] in text or best["reason"] == "noise"
    assert all(name in text for name in best["values"])


def test_tag_that_nobody_can_check():
    """Without the authentication key that does not fit, the clear text is taken and marked."""
    record = dict(next(r for r in RECORDS if r["id"] == "sagemcom-p1-t210"))
    record["authentication_key"] = None
    best = han.decode(record)
    assert best["result"] == "values"
    assert "unauthenticated" in best["notes"]
    assert best["values"]["active_energy_import_wh"] == 7112944
