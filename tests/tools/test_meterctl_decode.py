# uMeter - meterctl decode: one answer for every line, v2 records, both engines
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meterctl_surroundings import KEY, command_line

from firmware.crypto.envelope import Envelope
from sim.meters.han_frames import p1
from tests.crypto.vectors import ENVELOPES, MASTER, OLD_ENVELOPE, payload
from tools.decode import run

TOPIC = "/ssid/v2/1234567/1700000000"
ENGINES = ["cpython", "micropython"]


@pytest.fixture(params=ENGINES)
def decode(request):
    """Lines (objects, or bytes as they are) -> answers, all by one process."""
    request.getfixturevalue("micropython")

    def decoded(lines):
        done = subprocess.run(
            command_line("decode", "--engine", request.param),
            input=b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines),
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0 and done.stderr == b""
        return [json.loads(line) for line in done.stdout.splitlines()]

    return decoded


def record(identity, **changes):
    sealed = Envelope(bytes.fromhex(KEY)).seal(TOPIC.encode(), "café".encode())
    good = {"id": identity, "protocol": "v2", "key": KEY, "topic": TOPIC, "payload": sealed.hex()}
    return {**good, **changes}


def test_known_envelopes(decode):
    lines = []
    for number, (topic, _, iv, mac, ciphertext) in enumerate([*ENVELOPES, OLD_ENVELOPE]):
        sealed = payload(iv, mac, ciphertext).hex()
        lines.append(record(number, key=MASTER, topic=topic.decode(), payload=sealed))
    answers = decode(lines)
    assert [answer["text"] for answer in answers] == [
        text.decode() for _, text, _, _, _ in [*ENVELOPES, OLD_ENVELOPE]
    ]
    assert {answer["result"] for answer in answers} == {"values"}
    assert [answer["id"] for answer in answers] == list(range(len(lines)))


def test_rejected_records(decode):
    no_text = Envelope(bytes.fromhex(KEY)).seal(TOPIC.encode(), b"\xff\xfe").hex()
    cases = [
        (record("good"), None),
        (record("topic", topic=TOPIC + "0"), "hmac"),
        (record("key", key=KEY[::-1]), "hmac"),
        (record("short", payload="00" * 47), "length"),
        (record("no hex", payload="0x00"), "payload: hex digits needed"),
        (record("odd", payload="000"), "payload: hex digits needed"),
        (record("no key", key=None), "key: text needed"),
        (record("bad key", key=KEY[1:]), "key: 32 hex digits needed, not 31 characters"),
        (record("no text", payload=no_text), "utf-8"),
        (record("other", protocol="os"), "unknown protocol"),
        ({"id": "nothing"}, "unknown protocol"),
    ]
    answers = decode([line for line, _ in cases])
    assert [answer["id"] for answer in answers] == [line["id"] for line, _ in cases]
    assert [answer["reason"] for answer in answers] == [reason for _, reason in cases]
    assert [answer["result"] for answer in answers] == ["values"] + ["reject"] * (len(cases) - 1)
    assert answers[0]["text"] == "café"


KEYS = {
    "kmp": {"cid", "serial", "meter_type", "registers", "unstuffed"}, "v2": {"text"},
    "han": {"layers", "values"}, "en61107": {"fields", "values"},
}  # fmt: skip


def test_every_answer_has_all_keys_of_its_protocol(decode):
    ack = {"frame": "06"}
    lines = [{"id": (protocol, i), "protocol": protocol, **fields}
             for protocol in sorted(KEYS)
             for i, fields in enumerate([{}, ack, {"frame": "xx"}, {"frame": 7}, {"frame": ""}])]
    for line, answer in zip(lines, decode(lines)):
        assert KEYS[line["protocol"]] | {"id", "result", "reason"} <= set(answer), (line, answer)
        for name in ("registers", "values"):
            assert not answer.get(name)


def test_energies_with_decimals_are_exact(decode):
    """MicroPython's floats have 24 bits: 12345678.9 would come out as 12345680."""
    text = p1(["1-0:1.8.0(0012345.6789*kWh)", "1-0:2.8.0(99.9999*kWh)", "1-0:32.7.0(230.1*V)"])
    (answer,) = decode([{"id": 1, "protocol": "han", "frame": text.hex()}])
    values = answer["values"]
    assert values["active_energy_import_wh"] == 12345678.9
    assert abs(values["active_energy_export_wh"] - 99999.9) < 0.01
    assert values["voltage_l1_v"] == 230.1


def test_lines_that_are_no_records(decode):
    broken = [b"nonsense", b"[1]", b"{", b"\xff\xfe", b"[" * 100000, b"null", b'{"id":"x"}}']
    answers = decode([*broken, b"", b"   ", record("last")])
    assert [answer["result"] for answer in answers] == ["reject"] * len(broken) + ["values"]
    assert all(answer["reason"] for answer in answers[:-1])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_FIELDS = ["id", "key", "topic", "payload", "frame", "request", "encryption_key"]


@settings(max_examples=200)
@given(st.sampled_from(run.PROTOCOLS), st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_any_record_has_an_answer(protocol, fields):
    answer = run.decode_line(json.dumps({**fields, "protocol": protocol}).encode())
    assert answer["id"] == fields.get("id")
    assert answer["result"] != "values" or protocol != "v2"
    json.dumps(answer)


@given(st.binary(max_size=60))
def test_any_line_has_an_answer(line):
    assert run.decode_line(line)["result"] == "reject"


def test_no_micropython(tmp_path):
    done = subprocess.run(
        command_line("decode", "--engine", "micropython"),
        env={"MICROPYTHON": str(tmp_path / "none"), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "make setup" in done.stderr
