# uMeter - HAN and P1: legal forms that other meters of the same makers send, and single damages
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.meters.han import HanDecoder
from sim.meters import han_frames as frames
from tests.meters.han_cases import shown
from tools.decode import han
from tools.decode.capture import CaptureDecoder

KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(16, 32))


def triplet(code, tag, number, scaler, unit):
    return (2, [frames.obis(code), (tag, number), (2, [(15, scaler), (22, unit)])])


BODY = (1, [triplet("1-0:1.7.0", 6, 500, 0, 27), triplet("1-0:32.7.0", 18, 2301, -1, 35),
            triplet("1-0:1.8.0", 6, 123456, 0, 30)])  # fmt: skip
VALUES = {"active_power_import_w": "500", "voltage_l1_v": "230.1",
          "active_energy_import_wh": "123456"}  # fmt: skip
APDU = frames.notification(BODY)
LLC = b"\xe6\xe7\x00"
LINES = ["0-0:1.0.0(240117165212W)", "0-0:96.1.1(4530303334303036)", "1-0:1.7.0(00.331*kW)",
         "1-0:1.8.0(00012.345*kWh)"]  # fmt: skip


def decoded(data, *keys):
    decoder = CaptureDecoder(*keys)
    return list(decoder.feed(data)) + list(decoder.finish())


def one(data, *keys):
    (telegram,) = decoded(data, *keys)
    assert telegram.result == "values", telegram.reason
    return telegram


def results(data, *keys):
    return [(telegram.result, telegram.reason) for telegram in decoded(data, *keys)]


def blocks(apdu):
    """Each block is an APDU of its own, so it may have an LLC header of its own."""
    return [LLC + block for block in frames.blocks(apdu, 30)]


def test_blocks_with_an_llc_header_each():
    ciphered = frames.sealed(APDU, b"LGZ12345", 7, 0x30, KEY, AUTHENTICATION_KEY)
    for apdu, keys in ((APDU, ()), (ciphered, (KEY, AUTHENTICATION_KEY))):
        telegram = one(b"".join(map(frames.hdlc, blocks(apdu))), *keys)
        assert shown(telegram) == VALUES
        assert telegram.layers[:3] == ["hdlc", "llc", "gbt"]
    segmented = b"".join(
        frames.hdlc(block[:9], True) + frames.hdlc(block[9:]) for block in blocks(APDU)
    )
    assert shown(one(segmented)) == VALUES


@pytest.mark.parametrize("head", [LLC, b"\xe6\xe6\x00", b""])
def test_layers_of_a_capture_without_a_link(head):
    names = ["llc"] if head else []
    ciphered = frames.sealed(APDU, b"LGZ12345", 7, 0x30, KEY, AUTHENTICATION_KEY)
    keys = {"encryption_key": KEY.hex(), "authentication_key": AUTHENTICATION_KEY.hex()}
    assert han.decode({"frame": (head + APDU).hex()})["layers"] == names + ["dlms"]
    answer = han.decode(dict(keys, frame=(head + ciphered).hex()))
    assert answer["layers"] == names + ["glo-ciphering", "dlms"]
    assert han.decode({"frame": (head + ciphered).hex()})["result"] == "need_key"


def test_blocks_that_are_missing_are_noticed():
    sent = [frames.hdlc(block) for block in blocks(APDU)]
    assert results(sent[0] + sent[2])[0] == ("reject", "order")
    assert results(sent[1]) == [("no_values", "headless")]
    good = ("values", "")
    assert results(sent[0] + b"".join(sent)) == [("reject", "lost"), good]
    assert results(sent[0] + frames.hdlc_message(APDU)) == [("reject", "lost"), good]
    # The rest of a segmented block is missing, and the next block begins.
    cut = frames.hdlc(blocks(APDU)[0][:20], True)
    assert results(cut + sent[1])[0] == ("reject", "lost")


def test_asset_number_and_model():
    """96.1.1 of 0-0 (Iskraemeco, Landis+Gyr) is an asset number, of 1-1 (Kamstrup) the model."""
    found = {}
    for code in ("0-0:96.1.1", "1-1:96.1.1"):
        body = (1, [(2, [frames.obis(code), (9, b"A17")]), *BODY[1]])
        found.update(shown(one(frames.hdlc_message(frames.notification(body)))))
    assert found == {**VALUES, "asset_number": "A17", "meter_model": "A17"}


def test_text_of_another_meter_at_the_end():
    body = (2, [frames.obis("1-0:1.7.0"), (6, 5), frames.obis("7-1:96.1.0"), (9, b"GAS12345")])
    telegram = one(frames.hdlc_message(frames.notification(body)))
    assert shown(telegram) == {"active_power_import_w": "5"}


@pytest.mark.parametrize("missing", [1, 2])
def test_object_list_with_fewer_entries_than_elements(missing):
    """Which value is whose is not told: the attribute's number must not become a value."""
    codes = [frames.obis("1-0:%d.8.0" % c) for c in range(1, 6)]
    entries = [(2, [(18, 3), code, (15, 2), (18, 0)]) for code in codes]
    body = (2, [(1, entries)] + [(6, 7)] * (4 + missing))
    data = frames.hdlc_message(frames.notification(body))
    assert results(data) == [("no_values", "layout")]


def test_description_of_an_object_is_no_value():
    """{class, code, attribute, ...}: the attribute's number says nothing about the power."""
    rows = [(2, [(18, 3), frames.obis("1-0:%d.7.0" % c), (15, 2), (6, 500)]) for c in (1, 2)]
    data = frames.hdlc_message(frames.notification((1, rows)))
    assert results(data) == [("no_values", "layout")]
    data = frames.hdlc_message(frames.notification((1, rows + BODY[1])))
    assert shown(one(data)) == VALUES


def test_more_elements_than_there_is_room_for():
    body = (1, BODY[1] * 20)
    assert results(frames.hdlc_message(frames.notification(body))) == [("reject", "overflow")]


@pytest.mark.parametrize("one_v, three_v", [(2300, 2340), (2418, 2397), (0, 2310), (2310, 2310)])
def test_computed_voltage_between_two_phases(one_v, three_v):
    body = (2, [(6, 1)] * 6 + [(9, b""), (9, frames.date_time(2025, 12, 14, 16, 0, 5, -60)),
                               (6, 0), (6, 700), (18, 1), (18, 2), (18, 3), (18, one_v),
                               (18, three_v)])  # fmt: skip
    telegram = one(frames.hdlc_message(frames.notification(body)))
    square = (one_v**2 + three_v**2 - one_v * three_v) / 100
    assert abs(float(shown(telegram)["voltage_l2_v"]) - square**0.5) <= 0.0051
    assert "voltage_l2_v" in telegram.derived


@pytest.mark.parametrize("tag", [5, 6, 20, 21])
def test_lists_that_begin_with_a_clock_or_counters(tag):
    """Iskraemeco in Vienna and in Switzerland: counters of any integer type."""
    clock = (9, frames.date_time(2025, 12, 14, 16, 0, 5, -60))
    vienna = (2, [clock] + [(tag, n) for n in range(1, 9)])
    values = shown(one(frames.hdlc_message(frames.notification(vienna))))
    assert values["active_energy_import_wh"] == "1"
    assert values["reactive_power_export_var"] == "8"
    swiss = (2, [(tag, n) for n in range(1, 7)] + [(9, b""), clock] + [(tag, 7), (tag, 8)]
             + [(18, 100)] * 3 + [(18, 2300)] * 2)  # fmt: skip
    values = shown(one(frames.hdlc_message(frames.notification(swiss))))
    assert values["active_energy_export_t2_wh"] == "6" and values["active_power_import_w"] == "8"


def test_other_link_after_a_cut_frame_and_silence():
    decoder = HanDecoder()
    good = frames.hdlc_message(APDU)
    assert len(decoder.feed(good + good[:60])) == 1
    assert not decoder.idle(300)
    assert [telegram.result for telegram in decoder.feed(frames.p1(LINES))] == ["values"]


def test_p1_without_a_blank_line():
    data = frames.p1(LINES)
    head = data.index(b"\r\n\r\n")
    text = data[:head] + data[head + 2 : data.index(b"!") + 1]
    for short in (text, text.replace(b"\r\n", b"\n")):
        telegram = one(short + frames.arc(short) + b"\r\n")
        assert shown(telegram) == shown(one(data))
    for noise in (b"/TST5\r\nx", b"/TST5\r\n(", b"/TST5\r\n\x7e"):
        assert results(noise + data) == [("values", "")]


@pytest.mark.parametrize("text, name", [
    ("204B413655303031353835353735303131", "KA6U001585575011"), ("4530303334303036", "E0034006"),
    ("3153414733313030303037313434363033", "1SAG3100007144603"), ("9902759013", "9902759013"),
    ("00000000000000", "00000000000000"), ("4B203030", "4B203030"),
])  # fmt: skip
def test_p1_equipment_identifier(text, name):
    telegram = one(frames.p1(["0-0:96.1.1(%s)" % text, "1-0:1.7.0(1*kW)"]))
    assert telegram.values["meter_id"] == name


def test_p1_logical_device_name():
    text = "0-0:42.0.0(53414731303330373030303030303030)"
    values = one(frames.p1([text, "0-0:96.1.0(12345678)"] + LINES)).values
    assert (values["meter_id"], values["logical_device_name"]) == ("12345678", "SAG1030700000000")
    assert one(frames.p1([text, "1-0:1.7.0(1*kW)"])).values["meter_id"] == "SAG1030700000000"


ENDS = {"!\r\n": 1, "!\n": 1, "!\r": 1, "!": 1, "\r\n": 1, "\n": 1, "": 1, "\r": 0, "!1": 0,
        "!12F": 0, "\r\n1-0:2.7.0(0": 0, "\r\n1-0:2.7.0(0\r\n": 0}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_p1_without_a_checksum_that_ends_with_a_whole_line(end):
    body = frames.p1(LINES)
    text = body[: body.index(b"!")].strip() + end.encode()
    capture = CaptureDecoder(bare=True)
    found = list(capture.feed(text)) + list(capture.finish())
    assert [telegram.result == "values" for telegram in found] == [ENDS[end] == 1]
    for control, keys in ((0x30, (KEY, AUTHENTICATION_KEY)), (0x20, (KEY, None))):
        ciphered = frames.sealed(text, b"SAG12345", 1, control, *keys)
        found = decoded(ciphered, *keys)
        if ENDS[end]:
            assert [shown(telegram) for telegram in found] == [shown(one(body))]
        elif end != "\r":  # the length around it tells that nothing is missing
            assert found[0].result == "reject"


@pytest.mark.parametrize("crc", [True, False])
@pytest.mark.parametrize("step", [1, 2, 5, 4096])
def test_exclamation_mark_in_a_text_line(crc, step):
    texts = ["0-0:96.13.0(Hi! there!)", "0-0:96.13.1(!ABCDE)", "0-0:96.13.2(x!12)"]
    data = frames.p1(texts + LINES, crc=crc)
    decoder = HanDecoder()
    found = []
    for at in range(0, len(data), step):
        found += decoder.feed(data[at : at + step])
    assert [telegram.result for telegram in found] == ["values"]
    assert shown(found[0]) == shown(one(frames.p1(LINES)))


def test_no_bit_that_flips_changes_a_value():
    """A ")" is one bit from a "!": behind it a line end, as if there were no checksum."""
    data = frames.p1(LINES)
    good = shown(one(data))
    accepted = 0
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            for telegram in decoded(bytes(damaged)):
                if telegram.result == "values":
                    accepted += 1
                    assert shown(telegram) == good and at > data.index(b"!")
    assert accepted  # what stands behind the "!" is the line's end and the case of the digits
