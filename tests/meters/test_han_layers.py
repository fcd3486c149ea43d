# uMeter - HAN and P1 layer by layer: what is refused, and why
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.meters.han import HanDecoder
from firmware.meters.han_latest import Latest
from firmware.meters.scan import BAD, NEED, NOISE, OK
from firmware.meters import hdlc, mbus
from firmware.reading import Quantity, Reading, rescale
from sim.meters import han_frames as frames
from tests.meters.han_cases import KAMSTRUP, WINTER, shown
from tools.decode.capture import CaptureDecoder

KEY = bytes(range(16))
AUTHENTICATION_KEY = bytes(range(16, 32))
OTHER = bytes(range(32, 48))
TITLE = b"KAM\x01\x02\x03\x04\x05"
APDU = frames.notification(KAMSTRUP, WINTER)
LINES = ["0-0:1.0.0(251214160005W)", "0-0:96.1.1(4530303030303031)", "1-0:1.8.1(00012.345*kWh)",
         "1-0:1.8.2(1.005*kWh)", "1-0:1.7.0(0.278*kW)", "0-1:24.2.1(101209112500W)(12785.1*m3)",
         "0-1:96.1.0(4730303030303032)", "1-0:1.8.0*01(1*kWh)"]


def results(data, *keys, **settings):
    decoder = CaptureDecoder(*keys, **settings)
    found = list(decoder.feed(data)) + list(decoder.finish())
    return [(telegram.result, telegram.reason) for telegram in found]


def sealed(counter=7, control=0x30, key=KEY, authentication_key=AUTHENTICATION_KEY, **form):
    return frames.sealed(APDU, TITLE, counter, control, key, authentication_key, **form)


def ciphered(*counters, **how):
    return b"".join(frames.hdlc_message(sealed(counter, **how)) for counter in counters)


GOOD = ("values", "")


def test_hdlc_scan():
    frame = memoryview(frames.hdlc(b"abc", True, b"\x02\x04\x06\x09", b"\x02\x21"))
    for size in range(1, len(frame)):
        assert hdlc.scan(frame, 0, size)[0] == NEED
    state, size, start, stop, segmented, _ = hdlc.scan(frame, 0, len(frame))
    assert (state, size, bytes(frame[start:stop])) == (OK, len(frame) - 1, b"abc") and segmented
    for at, reason in ((3, "hcs"), (len(frame) - 5, "fcs"), (len(frame) - 2, "fcs")):
        bad = bytearray(frame)
        bad[at] ^= 4
        assert hdlc.scan(memoryview(bad), 0, len(bad))[::5] == (BAD, reason)
    for bad in (b"\x7e\x7e", b"\x7e\x10", b"\x7e\xa0\x03", b"\x7e\xa0\x20" + b"\x02" * 30):
        assert hdlc.scan(memoryview(bad), 0, len(bad))[0] == NOISE


def test_hdlc_without_information():
    head = b"\xa0\x07\x41\x03\x93"
    frame = b"\x7e" + head + frames.x25(head) + b"\x7e"
    assert hdlc.scan(memoryview(frame), 0, len(frame))[0] == OK
    assert results(frame + frames.hdlc_message(APDU)) == [GOOD]


def test_mbus_scan():
    for size in (5, 200, 250, 252):
        frame = memoryview(frames.mbus(b"x" * size, 0x10))
        state, length, start, stop, ci, _ = mbus.scan(frame, 0, len(frame))
        assert (state, length, stop - start, ci) == (OK, len(frame), size, 0x10)
    bad = bytearray(frames.mbus(b"abc", 0x10))
    bad[9] ^= 1
    assert mbus.scan(memoryview(bad), 0, len(bad))[0] == BAD
    bad[-1] = 0x17
    assert mbus.scan(memoryview(bad), 0, len(bad))[0] == NOISE


def test_parts_of_messages():
    good = frames.hdlc_message(APDU)
    segments = frames.hdlc_message(APDU, 60)
    first = segments[: 60 + 11]
    assert results(segments) == [GOOD]
    assert results(first) == [("need_more", "incomplete")]
    assert results(first + good) == [("reject", "lost"), GOOD]
    blocks = [frames.hdlc(b"\xe6\xe7\x00" * (i == 0) + block)
              for i, block in enumerate(frames.blocks(APDU, 60))]
    assert results(b"".join(blocks)) == [GOOD]
    assert results(blocks[0]) == [("need_more", "incomplete")]
    assert results(blocks[1]) == [("no_values", "headless")]
    assert results(blocks[0] + blocks[2])[0] == ("reject", "order")
    cuts = ((0, 100, 0), (100, 200, 1), (200, 999, 0x12))
    parts = [frames.mbus(APDU[start:stop], ci) for start, stop, ci in cuts]
    assert results(b"".join(parts)) == [GOOD]
    assert results(parts[0]) == [("need_more", "incomplete")]
    assert results(parts[2]) == [("no_values", "headless")]
    assert results(parts[0] + parts[2]) == [("reject", "order")]


def test_parts_too_late_or_too_long():
    decoder = HanDecoder()
    segments = frames.hdlc_message(APDU, 60)
    assert not decoder.feed(segments[:71]) and not decoder.idle(5000)
    assert "values" not in [telegram.result for telegram in decoder.feed(segments[71:])]
    endless = frames.hdlc(b"\xe6\xe7\x00\x0f" + bytes(300), True)
    endless += frames.hdlc(bytes(300), True) * 8
    assert ("reject", "overflow") in results(endless)


def test_a_segment_that_begins_like_an_llc():
    body = (2, [(9, b"\xe6\xe7\x00\x01\x02\x03" * 3), frames.obis("1-0:1.7.0"), (6, 5)] * 3)
    apdu = frames.notification(body)
    at = (b"\xe6\xe7\x00" + apdu).index(b"\xe6\xe7\x00\x01")
    assert results(frames.hdlc_message(apdu, at)) == [GOOD]


@pytest.mark.parametrize("form", ["\x00", "0c", "19", "090c"])
def test_forms_of_the_push_time(form):
    time = None if form == "\x00" else WINTER
    codes = {"\x00": 0, "0c": 0x0C, "19": 0x19, "090c": 9}
    apdu = frames.notification(KAMSTRUP, time, codes[form])
    (telegram,) = HanDecoder().feed(frames.hdlc_message(apdu))
    assert telegram.values.get("push_time_local") == (time and "2025-12-14T16:00:05")
    bare = CaptureDecoder(bare=True)  # byte by byte: what is not there yet is not wrong
    (alone,) = [found for byte in apdu for found in bare.feed(bytes([byte]))]
    assert alone.values == telegram.values


@pytest.mark.parametrize("control", [0x10, 0x11, 0x20, 0x21, 0x30, 0x31])
def test_security_controls(control):
    data = ciphered(7, control=control)
    assert results(data, KEY, AUTHENTICATION_KEY) == [GOOD]
    (telegram,) = HanDecoder(KEY).feed(data)
    assert telegram.result == "values" and "unauthenticated" in telegram.notes
    assert (telegram.title, telegram.counter) == (TITLE, 7)
    (telegram,) = HanDecoder(KEY, AUTHENTICATION_KEY).feed(data)
    assert ("unauthenticated" in telegram.notes) == (control & 0x10 == 0)
    without = ("need_key", TITLE.hex().upper()) if control & 0x20 else GOOD
    assert results(data) == [without]


def test_refusals_are_told_apart():
    data = ciphered(7)
    assert results(data, OTHER, AUTHENTICATION_KEY) == [("reject", "wrong_key")]
    assert results(data, OTHER) == [("reject", "wrong_key")]
    assert results(data, KEY, OTHER) == [("reject", "tag")]
    assert results(data, AUTHENTICATION_KEY, KEY) == [("reject", "wrong_key")]
    assert results(data[:-3] + b"\0\0\x7e", KEY, AUTHENTICATION_KEY) == [("reject", "fcs")]
    body = sealed()
    for damaged in (body[:-20], body[:1] + b"\x09" + body[2:], body + b"\0", body[:10] + b"\x80"):
        found = results(frames.hdlc_message(damaged), KEY, AUTHENTICATION_KEY)
        assert found == [("reject", "structure")]
    for control in (0x00, 0x32, 0xB0):
        assert results(ciphered(7, control=control | 0x30 if control else 0x30).replace(
            b"\x30\x00\x00\x00\x07", bytes([control]) + b"\0\0\0\x07"), KEY)[0][0] == "reject"


def test_replay():
    repeated = [("reject", "replay")]
    both = (KEY, AUTHENTICATION_KEY)
    assert results(ciphered(7, 8, 0xFFFFFFFF), *both) == [GOOD] * 3
    assert results(ciphered(7, 7, 6, 8), *both) == [GOOD] + repeated * 2 + [GOOD]
    assert results(ciphered(7, 7), *both, replay="warn") == [GOOD] * 2
    assert results(ciphered(7, 7), KEY) == [GOOD] * 2
    assert results(ciphered(7, 7), KEY, replay="drop") == [GOOD] + repeated
    # Kaifa and Elgama in Poland send neither a title nor a counter that grows.
    nameless = frames.p1_ciphered(LINES, b"", 0, *both)
    assert results(nameless * 2, *both) == [GOOD] * 2
    assert results(nameless * 2, *both, replay="drop") == [GOOD] + repeated
    # Each title has a counter of its own.
    other = frames.sealed(APDU, b"KAM\x01\x02\x03\x04\x06", 7, 0x30, *both)
    assert results(ciphered(9) + frames.hdlc_message(other) + ciphered(9), *both) == [
        GOOD, GOOD, *repeated]  # fmt: skip
    # A forged counter does not lock the meter out.
    forged = ciphered(0xFFFFFFFF, key=OTHER)
    assert results(forged + ciphered(8), *both) == [("reject", "wrong_key"), GOOD]
    decoder = HanDecoder(KEY)
    decoder.feed(ciphered(7))
    (telegram,) = decoder.feed(ciphered(7))
    assert telegram.notes == ["unauthenticated", "counter 7 after 7"]


def test_a_few_titles_are_remembered_and_no_more():
    both = (KEY, AUTHENTICATION_KEY)

    def pushes(count):
        titles = [TITLE[:-1] + bytes([n]) for n in range(count)]
        return b"".join(
            frames.hdlc_message(frames.sealed(APDU, title, 7, 0x30, *both)) for title in titles)

    assert results(pushes(4) + pushes(1), *both) == [GOOD] * 4 + [("reject", "replay")]
    assert results(pushes(200) + pushes(1), *both) == [GOOD] * 201  # the heap has its bounds


def test_a_tag_that_was_cut_off():
    """Whoever has sent one that is authentic is not believed without."""
    both = (KEY, AUTHENTICATION_KEY)
    bare = ciphered(8, control=0x20)
    assert results(bare, *both) == [GOOD]
    assert results(ciphered(7) + bare + ciphered(9), *both) == [GOOD, ("reject", "tag"), GOOD]
    # And what is not authentic does not count for what is.
    assert results(ciphered(0xFFFFFFFF, control=0x20) + ciphered(8), *both) == [GOOD] * 2


@pytest.mark.parametrize("clear", [frames.hdlc_message(APDU), frames.p1(LINES)])
def test_clear_telegrams_of_a_meter_with_keys(clear):
    note = "not ciphered, though a key is set"
    assert note not in HanDecoder().feed(clear)[0].notes
    for keys in (KEY,), (KEY, AUTHENTICATION_KEY):
        assert HanDecoder(*keys).feed(clear)[0].notes == [note]
        assert results(ciphered(7) + clear + ciphered(8), *keys) == [GOOD] * 3


def test_short_titles_and_long_lengths():
    for title in (b"", b"AB", TITLE):
        for form in (0, 2, 4):
            apdu = frames.sealed(APDU, title, 7, 0x30, KEY, AUTHENTICATION_KEY, form)
            assert results(frames.hdlc_message(apdu), KEY, AUTHENTICATION_KEY) == [GOOD]


def test_p1():
    for newline in ("\r\n", "\n"):
        (telegram,) = HanDecoder().feed(frames.p1(LINES, newline=newline))
        values = telegram.values
        assert values["meter_id"] == "E0000001" and values["meter_time_dst"] is False
        assert values["active_energy_import_wh"] == Quantity(13350, 0, "Wh")
        assert telegram.derived == ["active_energy_import_wh"]
        assert values["active_power_import_w"] == Quantity(278, 0, "W")
        assert telegram.reading(5).kind == "p1"
    (telegram,) = HanDecoder().feed(frames.p1(LINES, crc=False))
    assert telegram.result == "values" and telegram.notes == ["no checksum"]
    assert results(frames.p1(LINES).replace(b"278", b"279")) == [("reject", "crc")]
    assert results(frames.p1(LINES)[:-8]) == [("no_values", "incomplete")]


@pytest.mark.parametrize(
    "text, local",
    [("20240111 09:35:00", "2024-01-11T09:35:00"), ("2024-01-11 09:35:00", "2024-01-11T09:35:00"),
     ("240711093500S", "2024-07-11T09:35:00"), ("241311093500S", None), ("24071109", None)],
)
def test_p1_clocks(text, local):
    (telegram,) = HanDecoder().feed(frames.p1(["0-0:1.0.0(%s)" % text, "1-0:1.7.0(1*W)"]))
    assert telegram.values.get("meter_time_local") == local


@pytest.mark.parametrize("text, value", [
    ("1-0:1.7.0(00.278*kW)", "278"), ("1-0:1.7.0( -1.5 * KW )", "-1500"), ("1.7.0(.5*kw)", "500"),
    ("1-0:1.7.0*255(7*W)", "7"), (" 1-3:1.7.0 (+7*w)", "7"), ("1-0:1.7.0(1*MW)", "1000000"),
    ("1-0:1.7.0(123456789012.125*kW)", "123456789012125"), ("1-0:1.7.0(7*W)(8*W)", "7"),
    ("1-0:1.7.0*01(7*W)", None), ("2-0:1.7.0(7*W)", None), ("0-1:1.7.0(7*W)", None),
    ("1-0:1.7.0(7*kWh)", "unit kWh"), ("1-0:1.7.0(7)", "unit "),
    ("1-0:1.7.0(7*kilowatts)", "unit kilowatt,"),
    ("1-0:1.7.0(*W)", "no number"), ("1-0:1.7.0(1.*W)", "no number"),
    ("1-0:1.7.0(-*W)", "no number"),
    ("1-0:1.7.0(1.2.3*W)", "no number"), ("1-0:1.7.0(0x7*W)", "no number"),
    ("1-0:1.7(7*W)", None), ("1-0:1.7.0.0(7*W)", None), ("1-0:256.7.0(7*W)", None),
    ("1-0:1.7.0 7*W", None), ("1-:1.7.0(7*W)", None), ("1-0:.7.0(7*W)", None), ("(7*W)", None),
    ("1-0:1.7.0*(7*W)", None), ("C.1.0(7*W)", None),
])  # fmt: skip
def test_p1_lines(text, value):
    (telegram,) = HanDecoder().feed(frames.p1(["1-0:32.7.0(230.1*V)", text]))
    found = telegram.values.get("active_power_import_w")
    if value is None or " " in value:
        assert found is None and len(telegram.notes) == (value is not None)
        if value:
            word = "is not a number" if value == "no number" else "has " + value
            assert word in telegram.notes[0]
    else:
        assert rescale(found.mantissa, found.exponent, 0) == int(value)
        assert found.unit == "W" and not telegram.notes


@pytest.mark.parametrize("code", ["0-0:96.1.1", "0-0:1.0.0", "1-0:2.7.0", "0-0:96.13.0"])
@pytest.mark.parametrize("bracket", ["\u00e9", "\u0663", "1*\u00e9"])
def test_p1_with_characters_that_are_no_ascii(code, bracket):
    """They cost the value of their line; both engines say the same."""
    lines = ["%s(%s)" % (code, bracket), "1-0:1.7.0(1*W)"]
    for coding in ("latin-1", "utf-8"):
        if bracket == "\u0663" and coding == "latin-1":
            continue
        text = ("/TST5METER\r\n\r\n" + "\r\n".join(lines) + "\r\n!").encode(coding)
        (telegram,) = HanDecoder().feed(text + frames.arc(text) + b"\r\n")
        assert shown(telegram) == {"p1_ident": "TST5METER", "active_power_import_w": "1"}


def test_p1_clock_in_two_lines():
    lines = ["1-0:0.9.1(093500)", "1-0:0.9.2(240111)", "1-0:1.7.0(1*W)"]
    (telegram,) = HanDecoder().feed(frames.p1(lines))
    assert telegram.values["meter_time_local"] == "2024-01-11T09:35:00"


def test_p1_ciphered():
    keys = (KEY, AUTHENTICATION_KEY)
    for title, tag in ((b"", b""), (TITLE, b""), (TITLE, b"\xdb")):
        data = frames.p1_ciphered(LINES, title, 7, *keys, tag=tag)
        (telegram,) = HanDecoder(*keys).feed(data)
        assert telegram.values["p1_ident"] == "TST5METER"
        assert telegram.values["active_power_import_w"] == Quantity(278, 0, "W")
        assert results(data)[0][0] == "need_key"
        assert results(data, OTHER)[0] == ("reject", "wrong_key")
    whole = frames.sealed(frames.p1(LINES), TITLE, 7, 0x30, *keys)
    assert results(whole * 2, *keys, replay="warn") == [GOOD] * 2
    wrong = frames.sealed(frames.p1(LINES).replace(b"278", b"279"), TITLE, 7, 0x30, *keys)
    assert results(wrong, *keys)[0] == ("reject", "crc")


def test_settings_are_checked():
    with pytest.raises(ValueError, match="replay"):
        HanDecoder(replay="no")
    with pytest.raises(ValueError, match="authentication key"):
        HanDecoder(KEY, b"short")


def reading(uptime, power=None, energy=None):
    values = {}
    if power is not None:
        values["active_power_import_w"] = Quantity(power, 0, "W")
    if energy is not None:
        values["active_energy_import_wh"] = Quantity(energy, 1, "Wh")
    return Reading("han", "1", uptime, values)


@pytest.mark.parametrize("step, hint", [(100, "10 times"), (10, ""), (1, "a tenth"), (0, "")])
def test_latest_values_and_the_energy(step, hint):
    latest = Latest()
    assert latest.update(reading(0, 100, 5000)) == ""
    said = [latest.update(reading(t, 100)) for t in range(10, 3600, 10)]
    said.append(latest.update(reading(3600, 100, 5000 + step)))
    assert [text for text in said if text] == ([] if not hint else [said[-1]])
    assert hint in said[-1]
    short = reading(3610, 200)
    latest.update(short)
    whole = latest.whole(short)
    assert whole.values["active_power_import_w"].mantissa == 200 and whole.uptime == 3610
    assert whole.age("active_energy_import_wh", 3612) == 12
    for each in (whole, short):
        assert each.age("active_power_import_w", 3612) == 2
    assert sorted(latest.since(short, 3600).values) == sorted(whole.values)
    assert list(latest.since(short, 3601).values) == ["active_power_import_w"]


def test_derived_for_as_long_as_the_value_is():
    latest = Latest()
    values = reading(0, 1, 2).values
    first = Reading("han", "1", 0, values, derived=("active_energy_import_wh",))
    latest.update(first)
    assert "active_energy_import_wh" in latest.whole(reading(1, 5)).derived
    latest.update(reading(2, 1, 2))
    assert "active_energy_import_wh" not in latest.whole(reading(2, 1)).derived


def test_longest_frames():
    """All that 11 bits of length can say; a P1 telegram with a text of 1024 characters."""
    filler = b"x" * (2047 - 2 - 2 - 1 - 4 - 3 - len(APDU) - 4)
    body = (2, [*KAMSTRUP[1], (9, filler)])
    data = frames.hdlc_message(frames.notification(body, WINTER))
    assert len(data) == 2049 and results(data + ciphered(7), KEY) == [GOOD] * 2
    text = frames.p1(LINES + ["0-0:96.13.0(%s)" % ("30" * 1024)])
    assert len(text) > 2052 and results(text * 2, limit=4096) == [GOOD] * 2
