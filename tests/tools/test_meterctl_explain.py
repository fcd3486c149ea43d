# uMeter - meterctl decode --explain: every protocol for a person, both engines
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meterctl_surroundings import KEY, command_line

from firmware.crypto.envelope import Envelope
from firmware.meters import kmp
from sim.meters import han_frames as frames
from sim.meters.multical import Multical
from tools.decode import run

TOPIC = "/sample/v2/7210086/1700000000"
METER_KEY, OTHER_KEY = bytes(range(16)), bytes(range(16, 32))
TITLE = b"KAM\x01\x02\x03\x04\x05"
BODY = (2, [(10, b"Kamstrup_V0001"), frames.obis("1-1:1.7.0"), (6, 1234),
            frames.obis("0-1:1.0.0"), (9, frames.date_time(2025, 12, 14, 16, 0, 5))])  # fmt: skip
APDU = frames.notification(BODY, frames.date_time(2025, 12, 14, 16, 0, 5, -60))
SEALED = frames.sealed(APDU, TITLE, 7, 0x30, METER_KEY, OTHER_KEY)
LINES = ["0-0:1.0.0(251214160005W)", "1-0:1.7.0(0.278*kW)"]


def han(frame, keys=(METER_KEY, OTHER_KEY)):
    record = {"id": "a", "protocol": "han", "frame": frame.hex()}
    for name, key in zip(("encryption_key", "authentication_key"), keys):
        record[name] = key.hex()
    return record


def exchange(request):
    reply = b"".join(data for _, data in Multical(live=False).feed(request, 0))
    return {"id": "a", "protocol": "kmp", "request": request.hex(), "frame": reply.hex()}


def envelope(text, **changes):
    sealed = Envelope(bytes.fromhex(KEY)).seal(TOPIC.encode(), text)
    return {"id": "a", "protocol": "v2", "key": KEY, "topic": TOPIC, "payload": sealed.hex(),
            **changes}  # fmt: skip


READOUT = b"/KAM\r\n\x020.0(00)6.8(0000.123*MWh)!\r\n\x03"
READOUT += bytes([sum(READOUT[READOUT.index(2) + 1 :]) & 0x7F])
NO_TEXT = b"/TST5METER\r\n\r\n0-0:96.13.0(\xe9)\r\n1-0:1.7.0(0.278*kW)\r\n!"
BAD_FCS = bytearray(frames.hdlc_message(APDU))
BAD_FCS[60] ^= 1

CASES = {
    "hdlc": (han(frames.hdlc_message(SEALED, 60)), [
        "HDLC     format A8", "more segments follow", "HCS right, FCS right", "LLC      E6E700",
        "title 4B414D0102030405 (KAM)  security 30: suite 0, authenticated and encrypted",
        "counter 7", "hdlc-seg > llc > glo-ciphering > dlms", "02 5 elements",
        '0A "Kamstrup_V0001"', "09 1-1:1.7.0*255", "06 1234", "09 2025-12-14T16:00:05",
        "active_power_import_w",
        "1234 W"]),
    "gbt": (han(frames.hdlc_blocks(SEALED, 60)), ["GBT      control 40: block 1, 60 bytes",
                                                  "control C0: block 2, the last"]),
    "mbus": (han(frames.mbus_message(SEALED, 90)), [
        "M-Bus    L 5F  C 53  A FF  CI 00: frame 0, to 67 from 01  checksum right",
        "CI 11: frame 1, the last", "mbus > glo-ciphering > dlms"]),
    "p1": (han(frames.p1(LINES)), ["P1       /TST5METER", "CRC right", "| 1-0:1.7.0(0.278*kW)",
                                   "278 W"]),
    "p1 ciphered": (han(frames.p1_ciphered(LINES, TITLE, 9, METER_KEY, OTHER_KEY)), [
        "P1       /TST5METER", "counter 9", "| 1-0:1.7.0(0.278*kW)"]),
    "p1 ciphered with DB": (
        han(frames.p1_ciphered(LINES, TITLE, 9, METER_KEY, OTHER_KEY, tag=b"\xdb")), [
            "P1       /TST5METER", "counter 9", "| 1-0:1.7.0(0.278*kW)"]),
    "p1 with a byte that is no text": (han(NO_TEXT + frames.arc(NO_TEXT)), [
        "CRC right", "| 0-0:96.13.0(?)", "| 1-0:1.7.0(0.278*kW)", "278 W"]),
    "no key": (han(frames.hdlc_message(SEALED), ()), ["need_key 4B414D0102030405"]),
    "wrong tag": (han(frames.hdlc_message(SEALED), (METER_KEY, METER_KEY)), ["reject tag"]),
    "wrong fcs": (han(bytes(BAD_FCS)), ["HCS right, FCS wrong", "reject fcs"]),
    "kmp": (exchange(kmp.request(kmp.GET_SERIAL)), [
        "request      6 bytes  80 3F 02", "CRC right  address 3F  CID 02 GetSerialNo",
        "serial       7210086"]),
    "kmp registers": (exchange(kmp.get_registers([60, 86])), [
        "CID 10 GetRegister", "60 energy_e1", " MWh", "86 temp_t1", " C"]),
    "en61107": ({"id": "a", "protocol": "en61107", "request": "/?!", "frame": READOUT.hex()}, [
        "7-bit characters", "block check  sum of 7 bits", "6.8", "0000.123*MWh"]),
    "v2": (envelope(b"t1=25.00 C&heap=100&"), [
        "topic        " + TOPIC, "HMAC-SHA256", "right", "IV ", "t1=25.00 C", "heap=100"]),
    "v2 forged": (envelope(b"x", key="f" * 32), ["a: reject hmac", "HMAC-SHA256"]),
    "nothing": ({"id": "a", "protocol": "none"}, ["a: reject unknown protocol"]),
    "bad hex": ({"id": "a", "protocol": "han", "frame": "xx"}, ["a: reject "]),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["cpython", "micropython"])
def test_every_protocol(engine, micropython):
    given = "\n".join(json.dumps(record) for record, _ in CASES.values())
    done = subprocess.run(command_line("decode", "--engine", engine, "--explain"),
                          input=given.encode(), capture_output=True, timeout=60)  # fmt: skip
    assert done.returncode == 0 and done.stderr == b""
    found = done.stdout.decode().rstrip().split("\n\n")
    assert len(found) == len(CASES)
    for (name, (_, wanted)), text in zip(CASES.items(), found):
        assert text.startswith("a: "), name
        missing = [part for part in wanted if part not in text]
        assert not missing, "%s: %s not in\n%s" % (name, missing, text)


@settings(max_examples=150)
@given(st.sampled_from(run.PROTOCOLS), st.sampled_from(sorted(CASES)), st.data())
def test_whatever_was_captured(protocol, name, data):
    record = dict(CASES[name][0], protocol=protocol)
    if "frame" in record and protocol != "v2":
        frame = bytearray.fromhex(record["frame"]) if record["frame"] != "xx" else bytearray()
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(frame)))
            frame[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        record["frame"] = frame.hex()
    text = run.explain_record(record)
    assert text.startswith("a: ") and run.decode_record(record)["result"] in text
