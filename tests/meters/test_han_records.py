# uMeter - HAN and P1: every published capture, in any pieces, with noise between
# MIT license; Copyright (c) 2026 The uMeter authors

import random
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.meters import han_records
from tools.decode import han, han_explain

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
    text = han_explain.explain(record)
    assert best["result"] in text
    assert all(name in text for name in best["values"])


def unread():
    """[(pattern of ids, "result reason")] of the table in docs/han.md."""
    text = (Path(__file__).parents[2] / "docs" / "han.md").read_text()
    rows = text.partition("| record | gives | because |")[2].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in row.split("|")[1:3]] for row in rows]


def test_what_is_not_read_stands_in_the_table_and_nothing_else():
    good = [r for r in RECORDS if "link" in r and r.get("expect") != "reject"]
    given = {record["id"]: han.decode(record) for record in good}
    silent = {id for id in given if given[id]["result"] != "values"}
    rows = unread()
    assert len(rows) == 6 and silent
    for pattern, _ in rows:
        assert any(fnmatch(id, pattern) for id in silent), pattern
    for id in silent:
        (gives,) = [gives for pattern, gives in rows if fnmatch(id, pattern)]
        assert gives == "%s %s" % (given[id]["result"], given[id]["reason"])


def test_tag_that_nobody_can_check():
    """Without the authentication key that does not fit, the clear text is taken and marked."""
    record = dict(next(r for r in RECORDS if r["id"] == "sagemcom-p1-t210"))
    record["authentication_key"] = None
    best = han.decode(record)
    assert best["result"] == "values"
    assert "unauthenticated" in best["notes"]
    assert best["values"]["active_energy_import_wh"] == 7112944
