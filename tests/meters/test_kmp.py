# uMeter - KMP: frames, stuffing, registers, damage
# MIT license; Copyright (c) 2026 The uMeter authors

import datetime
import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.meters import kmp, kmp_frame
from firmware.meters.kmp_highres import merge
from firmware.reading import Quantity
from sim.meters.multical import Multical
from tests.sources import ROOT
from tools.decode import kmp_explain
from tools.decode.kmp import decode

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "kmp.jsonl"
FUZZ = int(os.environ.get("UMETER_FUZZ", 1500))
SERIAL_REPLY = bytes.fromhex("403f0200692d32cd5d0d")
FULL_REPLY = bytes.fromhex(
    "403f10003c0304430000dd9600442804420002041f03ec2e040000011e6f00562504420000093900572504420000"
    "08ab00592604420000008e004a2904000000000000501604410000000005cc0d"
)


def frames(data):
    return [value for kind, value in kmp_frame.Framer().feed(data) if kind == kmp_frame.FRAME]


def test_requests_are_those_of_the_specification():
    assert kmp.request(kmp.GET_TYPE).hex() == "803f01058a0d"
    assert kmp.request(kmp.GET_SERIAL).hex() == "803f0235e90d"
    ids = (60, 68, 1004, 86, 87, 89, 74, 80)
    wire = "803f1008003c004403ec005600570059004a0050b6c50d"
    assert kmp.get_registers(ids).hex() == wire
    assert kmp.get_registers((128,)).hex() == "803f1001001b7fd4080d"  # 80 is stuffed


READS = b"\x01\x02\x10\xa0\xa1\xa2\xa3\xaa\xb8"


@pytest.mark.parametrize("cid", sorted(set(range(256)) - set(READS)))
def test_only_reads_can_be_built(cid):
    with pytest.raises(ValueError):
        kmp.request(cid)


def test_sample_of_eight_registers():
    found = kmp.registers(frames(FULL_REPLY)[0])
    out = decode({"request": None, "frame": FULL_REPLY.hex()})
    assert len(found) == 8
    assert [(r["id"], r["value"], r["unit"]) for r in out["registers"]] == [
        (60, "56.726", "MWh"), (68, "1321.27", "m3"), (1004, "73327", "h"), (86, "23.61", "C"),
        (87, "22.19", "C"), (89, "1.42", "K"), (74, "0", "l/h"), (80, "0.0", "kW"),
    ]  # fmt: skip


def test_echo_and_noise_are_passed_over():
    line = b"\x00\x7f" + kmp.request(kmp.GET_SERIAL) + b"\x00" + SERIAL_REPLY
    out = decode({"request": "803f0235e90d", "frame": line.hex()})
    assert (out["result"], out["serial"]) == ("values", 6892850)


@pytest.mark.parametrize("cut", range(1, len(FULL_REPLY)))
def test_a_good_frame_after_a_cut_one_is_found(cut):
    assert frames(FULL_REPLY[:cut] + FULL_REPLY)[-1][2:4] == b"\x00\x3c"


@settings(max_examples=FUZZ)
@given(st.data())
def test_a_good_frame_after_a_damaged_one_is_found(data):
    bad = bytearray(data.draw(st.sampled_from((SERIAL_REPLY, FULL_REPLY))))
    for _ in range(data.draw(st.integers(1, 4))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    record = {"request": None, "frame": bytes(bad).hex()}
    assert decode(record)["result"] in ("values", "ack", "reject", "no_values")
    assert SERIAL_REPLY[1:-3] in frames(bytes(bad) + SERIAL_REPLY)


@settings(max_examples=FUZZ)
@given(st.binary(max_size=300))
def test_any_bytes_after_a_good_check_are_decoded_or_refused(body):
    wire = b"\x40" + kmp_frame.build(b"\x3f" + body)[1:]
    assert decode({"request": None, "frame": wire.hex()})["result"] in ("values", "reject")


def reply(body):
    return b"\x40" + kmp_frame.build(bytes.fromhex(body))[1:]


LOG = "3fa0010100050044280102070006080007090007000900"  # entries 5, 6, 7 of volume_v1, then 7 9 0
LOGGER = "3fb806040003010000000500000009004000442804010000000700000008000000090a"


def test_entries_of_a_log():
    out = decode({"request": None, "frame": reply(LOG).hex()})
    assert [(r["record_id"], r["registers"][0]["value"]) for r in out["records"]] == [
        (5, "700"), (6, "800"), (7, "900")]  # fmt: skip
    assert (out["last_read_record"], out["newest_record"], out["info"]) == (7, 9, 0)
    assert [r["name"] for r in out["registers"]] == ["volume_v1"] * 3
    out = decode({"request": None, "frame": reply(LOGGER).hex()})
    assert [(r["log_id"], r["registers"][0]["value"]) for r in out["records"]] == [
        (5, "70"), (4, "80"), (3, "90")]  # fmt: skip


@settings(max_examples=FUZZ // 3)
@given(st.sampled_from((LOG, LOGGER)), st.integers(4, 34), st.integers(0, 255), st.integers(4, 40))
def test_damaged_logs_are_decoded_or_refused(body, place, byte, length):
    data = bytearray(bytes.fromhex(body)[:length])
    data[min(place, len(data) - 1)] = byte
    out = decode({"request": None, "frame": reply(data.hex()).hex()})
    assert out["result"] == "values" or (out["result"], out["reason"]) == ("reject", "malformed")


def test_a_damaged_request_without_an_answer():
    bad = "803f0235ea0d"
    for record in ({"request": bad, "frame": ""}, {"request": None, "frame": "00" + bad}):
        out = decode(record)
        assert (out["result"], out["reason"]) == ("reject", "crc_error")
    out = decode({"request": bad, "frame": bad + SERIAL_REPLY.hex()})
    assert (out["result"], out["serial"]) == ("values", 6892850)
    out = decode({"request": "803f0235e90d", "frame": "803f0235e90d"})
    assert (out["result"], out["reason"]) == ("reject", "not_a_response")
    for noise in ("80fffe7f0d", "80800d", "801b000d", "80ffff1d0f0d", "007f80e0e00d80e0e00d"):
        for request in ("803f0235e90d", None):
            out = decode({"request": request, "frame": noise})
            assert (out["result"], out["reason"]) == ("reject", "not_a_response"), noise
    out = decode({"request": "803f0235e90d", "frame": "00"})
    assert (out["result"], out["reason"]) == ("no_values", "no reply")


@settings(max_examples=200)
@given(st.binary(min_size=1, max_size=200), st.integers(1, 40))
def test_stuffing_round_trip_in_chunks(body, step):
    wire = b"\x40" + kmp_frame.build(b"\x3f" + body)[1:]
    framer, found = kmp_frame.Framer(), []
    for at in range(0, len(wire), step):
        found += framer.feed(wire[at : at + step])
    assert found == [(kmp_frame.FRAME, b"\x3f" + body)]


def test_endless_frame_stays_bounded():
    framer = kmp_frame.Framer()
    events = framer.feed(b"\x40" + b"\x01" * 100000)
    assert events == [(kmp_frame.BAD, "too_long")]
    assert framer.feed(SERIAL_REPLY)[-1][0] == kmp_frame.FRAME


@pytest.mark.parametrize(
    "energy, fine, exact",
    [
        ((1234567, 0, "kWh"), (45678901, -1, "Wh"), 12345678901),  # MULTICAL 403 manual
        ((60, 0, "GJ"), (66558070, -1, "Wh"), 166558070),
        ((10000, -3, "MWh"), (3, -1, "Wh"), 100000003),  # just rolled over
        ((9999, -3, "MWh"), (99999999, -1, "Wh"), 99999999),
    ],
)
def test_high_resolution_is_merged(energy, fine, exact):
    assert merge(Quantity(*energy), Quantity(*fine)) == Quantity(exact, -1, "Wh")


def test_simulator_and_decoder_agree():
    meter = Multical(live=False)
    (_, reply), = meter.feed(kmp.get_registers((60, 86, 4711)), 0)
    found = kmp.registers(frames(reply)[0])
    assert [(r.id, r.mantissa, r.exponent, r.unit) for r in found] == [
        (60, 56726, -3, "MWh"), (86, 6543, -2, "C")]  # fmt: skip


def records():
    if not DATA.exists():
        return []
    return [json.loads(line) for line in DATA.read_text().splitlines()]


def days_as_stamps(days):
    """Register 1047 of unit 72: a status byte and seconds since 2000-01-01."""
    for day in days:
        seconds = (86400 * day + 86399).to_bytes(4, "big").hex()
        yield day, reply("3f1004174805 00 00" + seconds)


def test_seconds_since_2000_are_a_date():
    days = sorted({0, 58, 59, 60, 365, 366, 36583, 36584, 36585, 49709} | set(range(1, 49710, 41)))
    for day, frame in days_as_stamps(days):
        (register,) = decode({"request": None, "frame": frame.hex()})["registers"]
        date = datetime.date(2000, 1, 1) + datetime.timedelta(day)
        assert register["value"] == date.isoformat() + " 23:59:59"
        assert register["unit"] == "unit72"


@pytest.mark.parametrize("unit, number, text", [
    (47, 200243, "20:02:43"), (47, 5, "00:00:05"), (48, 120827, "2012-08-27"),
    (49, 20120827, "2012-08-27"), (50, 601, "06-01"),
])  # fmt: skip
def test_clocks_and_dates_are_numbers_with_a_text(unit, number, text):
    frame = reply("3f1003ea%02x0400%08x" % (unit, number)).hex()
    (register,) = decode({"request": None, "frame": frame})["registers"]
    assert (register["value"], register["text"]) == (str(number), text)
    assert text in kmp_explain.explain({"request": None, "frame": frame})


SERIAL, VOLUME = "3f0200692d32", "3f1000442804420002041f"
ASKED = kmp.get_registers((68,)).hex()


@pytest.mark.parametrize("before", [
    SERIAL, "3f9b00", "3fff", "3a1000442804420002041f", "7f1000442804420002041f",
    "3f10004428044200"])  # fmt: skip
def test_the_right_reply_behind_a_wrong_one(before):
    wrong, right = reply(before), reply(VOLUME)
    for line in (wrong + right, wrong + b"\0" + right, right + wrong):
        out = decode({"request": ASKED, "frame": line.hex()})
        assert (out["result"], out["registers"][0]["value"]) == ("values", "1321.27")
        assert out["unstuffed"].startswith(VOLUME)
    assert decode({"request": ASKED, "frame": wrong.hex()})["result"] == "reject"


@pytest.mark.parametrize("asked", [0x3F, 0x7F, 0xBF])
@pytest.mark.parametrize("answers", [0x3F, 0x7F, 0xBF, 0x00])
def test_the_one_who_was_asked_answers(asked, answers):
    request = kmp.request(kmp.GET_SERIAL, address=asked).hex()
    frame = reply("%02x" % answers + SERIAL[2:]).hex()
    out = decode({"request": request, "frame": frame})
    assert (out["reason"] is None) == (asked == answers)
    assert out["reason"] in (None, "wrong_address")
    known = answers != 0  # when nobody knows who was asked
    assert (decode({"request": None, "frame": frame})["result"] == "values") == known


def test_an_empty_log():
    out = decode({"request": None, "frame": reply("7fa001020000" + "0000000000").hex()})
    assert (out["result"], out["records"], out["newest_record"]) == ("values", [], 0)


def engines_decode(engine, micropython):
    lines = []
    for record in records():
        if record["protocol"] != "kmp":
            continue
        request = (record.get("request") or {}).get("wire")
        reply = (record.get("response") or {}).get("wire", "")
        lines.append(json.dumps({"id": record["id"], "protocol": "kmp", "request": request,
                                 "frame": reply}))  # fmt: skip
    command = [ROOT / ".venv/bin/meterctl", "decode", "--engine", engine]
    done = subprocess.run(command, input="\n".join(lines) + "\n", text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return {out["id"]: out for out in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("engine", ["cpython", "micropython"])
def test_published_frames(engine, micropython):
    if not DATA.exists():
        pytest.skip("no ../shared/data/kmp.jsonl beside the project")
    outs = engines_decode(engine, micropython)
    assert len(outs) > 60
    for record in records():
        if record["protocol"] == "kmp":
            check_published(record, outs[record["id"]])


def check_published(record, out):
    expect, response = record["expect"], record.get("response")
    if expect == "physical_only":
        assert out["unstuffed"] == response["unstuffed"]
    elif expect not in ("ok", "echo", "request_crc_error"):
        assert (out["result"], out["reason"]) == ("reject", expect), out
    elif response is None:  # a request alone
        assert (out["result"], out["reason"]) == ("no_values", "no reply"), out
    else:
        assert out["result"] == ("ack" if response.get("ack") else "values"), out
        compare(response.get("decoded") or {}, out)


def compare(decoded, out):
    for name in ("serial", "meter_type"):
        if name in decoded:
            assert out[name] == decoded[name]
    compare_registers(decoded.get("registers", []), out["registers"], decoded)
    for name in ("log_id", "sub", "logger_type", "register_ids", "last_log_id_in_meter",
                 "last_read_record", "newest_record", "info"):  # fmt: skip
        if name in out:
            assert out[name] == decoded[name], name
    for wanted, got in zip(decoded.get("records", ()), out["records"] if "records" in out else ()):
        for name in ("record_id", "log_id"):
            assert wanted.get(name) == got.get(name)
        compare_registers(wanted["registers"], got["registers"])
    assert len(out.get("records", ())) == len(decoded.get("records", ()))


def compare_registers(registers, outs, log=()):
    assert len(outs) == len(registers) or "records" in log
    for wanted, got in zip(registers, outs):
        assert (got["id"], got["unit"]) == (wanted["id"], wanted["unit"])
        assert got.get("text") == wanted.get("text")
        if wanted["value"] is None:
            assert got["value"] == wanted["text"]
        else:
            assert Decimal(got["value"]) == Decimal(wanted["value"])
