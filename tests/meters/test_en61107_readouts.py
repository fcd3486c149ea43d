# uMeter - EN 61107 readouts as meterctl decodes them: legal forms, damage, parts
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from tools.decode import en61107 as decoder

BLOCK = (b"/KAM 0 MC\r\n\x020.0(00007210086)6.8(0056726*kWh)6.26(01321.27*m3)6.31(0073327*h)!"
         b"\r\n\x03\x73")  # fmt: skip


def readout(text, check="sum", head=b""):
    body = text.encode() + b"\x03"
    parity = 0
    for byte in body:
        parity ^= byte
    bcc = parity if check == "xor" else sum(body) & 0x7F
    frame = (head + b"\x02" + body + bytes([bcc])).hex()
    return decoder.decode({"request": "/?!\r\n", "frame": frame})


@pytest.mark.parametrize("check", ["sum", "xor"])
@pytest.mark.parametrize("bracket, value", [
    ("0012*kWh", [12, "kWh"]), ("-00,50*kW", [-0.5, "kW"]), ("+1.250", [1.25, ""]),
    ("000", [0, ""]), ("", ""), ("R", "R"), ("2013-11-28", "2013-11-28"), ("12;5", "12;5"),
    (":12*kWh", [":12", "kWh"]), ("1.5*kW)(0501010000", [1.5, "kW"]),
    ("95.5*C&93.8*C", [[95.5, "C"], [93.8, "C"]])])  # fmt: skip
def test_legal_forms_of_a_value(check, bracket, value):
    for code in ("6.8", "1-0:1.8.0*255", "F.F", "6.26*01", "C.1"):
        for end in ("!", "\r\n!\r\n"):
            answer = readout("%s(%s)%s" % (code, bracket, end), check)
            assert (answer["result"], answer["values"]) == ("values", {code: value})


def test_a_good_block_behind_a_bad_one_in_one_capture():
    want = decoder.decode({"request": "/?!\r\n", "frame": BLOCK.hex()})["values"]
    bare = BLOCK[BLOCK.index(2) :]
    for at in range(12, len(BLOCK)):
        damaged = bytearray(BLOCK)
        damaged[at] ^= 1
        for bad in (bytes(damaged), BLOCK[:at]):
            for between in (b"", b"\r\n", b"\0x"):
                frame = (bad + between + BLOCK).hex()
                out = decoder.decode({"request": "/?!\r\n", "frame": frame})
                assert out["values"] == want, (at, between)
        if at == BLOCK.index(3):
            continue  # no end: what follows may be a part of the same
        out = decoder.decode({"request": "/?!\r\n", "frame": (bytes(damaged) + bare).hex()})
        assert out["result"] == "values" and out["values"]["6.31"] == [73327, "h"]


def test_a_reply_in_parts_is_whole_or_nothing():
    part = b"\x0299.1.0(2)(1.0.0)()(1.8.0)(kWh)\r\n(01050101000000)(1.5)\r\n"
    parts = [part + b"\x04", part.replace(b"1.5", b"2.5") + b"\x03"]
    frame = b""
    for body in parts:
        parity = 0
        for byte in body[1:]:
            parity ^= byte
        frame += body + bytes([parity])
    for at in range(len(frame)):
        damaged = bytearray(frame)
        damaged[at] ^= 0x10
        for data, good in ((frame, True), (bytes(damaged), False)):
            out = decoder.decode({"request": "\x01R6\x0299.1.0()\x03", "frame": data.hex()})
            assert good == (out["values"] == [
                {"ts": "2005-01-01 00:00:00", "kWh": 1.5},
                {"ts": "2005-01-01 00:00:00", "kWh": 2.5}]), at  # fmt: skip
            assert good or not out["values"], at


@pytest.mark.parametrize("head, ident", [
    ("", {}), ("/?!\r\n", {}), ("/KAM MC\r\n", {"ident": "KAM MC"}),
    ("/?!\r\n/KAM MC\r\n", {"ident": "KAM MC"})])  # fmt: skip
def test_a_readout_without_control_characters(head, ident):
    frame = (head + "6.8(0056726*kWh)\r\n6.31(12*h)!\r\n").encode()
    answer = decoder.decode({"request": "/?!\r\n", "frame": frame.hex()})
    assert answer["values"] == dict(ident, **{"6.8": [56726, "kWh"], "6.31": [12, "h"]})
    noisy = decoder.decode({"request": "/?!\r\n", "frame": (frame + b"\0~x").hex()})
    assert noisy["values"] == answer["values"]
    for damaged in (frame.replace(b")\r", b"!\r"), frame + b"\x03>"):  # its STX was lost
        assert not decoder.decode({"request": "/?!\r\n", "frame": damaged.hex()})["values"]
    for cut in range(len(frame) - 3):
        answer = decoder.decode({"request": "/?!\r\n", "frame": frame[:cut].hex()})
        assert answer["result"] == "no_values"


def test_an_echo_is_no_identification():
    assert readout("6.8(1)!", head=b"/?!\r\n")["values"] == {"6.8": [1, ""]}
    values = readout("6.8(1)!", head=b"/?!\r\n/LUGCUH50\r\n")["values"]
    assert values == {"ident": "LUGCUH50", "6.8": [1, ""]}


@pytest.mark.parametrize("end", [b"!", b"!\r\n", b"!\r\n\x03", b"!\x03"])
def test_a_block_whose_check_was_not_captured(end):
    frame = b"/KAM MC\r\n\x026.8(0056726*kWh)6.31(12*h)" + end
    answer = decoder.decode({"request": "/?!\r\n", "frame": frame.hex()})
    assert (answer["result"], answer["reason"]) == ("values", "no block check")
    assert answer["values"] == {"ident": "KAM MC", "6.8": [56726, "kWh"], "6.31": [12, "h"]}
    for bad in (b"00567:6", b"", b"005-6", b"0056(6"):  # then the form is all that there is
        damaged = frame.replace(b"0056726", bad)
        for data in (damaged, damaged.replace(b"\x02", b"").replace(b"\x03", b"")):
            answer = decoder.decode({"request": "/?!\r\n", "frame": data.hex()})
            assert (answer["result"], answer["reason"]) == ("reject", "malformed")
