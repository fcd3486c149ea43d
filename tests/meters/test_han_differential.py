# uMeter - HAN and P1: same values as dlms-cosem, gurux_dlms and dsmr-parser
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import random
from decimal import Decimal

from firmware.meters import dlms_notification
from firmware.meters.axdr import Tape
from firmware.meters.han import HanDecoder
from firmware.reading import Quantity, decimal
from sim.meters import han_frames as frames

CASES = int(os.environ.get("UMETER_FUZZ", "2000"))
SLOW_CASES = CASES // 10  # gurux_dlms takes 5 ms each

CODES = {
    "1.7.0": ("active_power_import_w", 27),
    "2.7.0": ("active_power_export_w", 27),
    "3.7.0": ("reactive_power_import_var", 29),
    "24.7.0": ("reactive_power_export_l1_var", 29),
    "61.7.0": ("active_power_import_l3_w", 27),
    "1.8.0": ("active_energy_import_wh", 30),
    "2.8.2": ("active_energy_export_t2_wh", 30),
    "42.8.0": ("active_energy_export_l2_wh", 30),
    "4.8.0": ("reactive_energy_export_varh", 32),
    "32.7.0": ("voltage_l1_v", 35),
    "72.7.0": ("voltage_l3_v", 35),
    "51.7.0": ("current_l2_a", 33),
    "13.7.0": ("power_factor", 255),
    "14.7.0": ("frequency_hz", 44),
    "99.7.0": (None, 27),
    "16.7.0": (None, 27),
}
RANGES = {5: (-(2**31), 2**31 - 1), 6: (0, 2**32 - 1), 15: (-128, 127), 16: (-32768, 32767)}
RANGES.update({17: (0, 255), 18: (0, 65535), 20: (-(2**63), 2**63 - 1), 21: (0, 2**64 - 1)})
RANGES.update({22: (0, 255), 3: (0, 1)})


def random_time(rng):
    return frames.date_time(
        rng.randrange(2015, 2040), rng.randrange(1, 13), rng.randrange(1, 29), rng.randrange(24),
        rng.randrange(60), rng.randrange(60), rng.choice((-0x8000, -60, -120, 0)), 0,
    )


def random_scalar(rng):
    tag = rng.choice((0, 3, 4, 5, 6, 9, 10, 12, 15, 16, 17, 18, 20, 21, 22))
    if tag in RANGES:
        return tag, rng.choice((*RANGES[tag], rng.randint(*RANGES[tag])))
    if tag == 4:
        return 4, "".join(rng.choice("01") for _ in range(rng.randrange(40)))
    if tag == 9:
        return 9, rng.randbytes(rng.choice((0, 5, 6, 12, 130, 300)))
    if tag in (10, 12):
        return tag, bytes(rng.randrange(32, 127) for _ in range(rng.randrange(200)))
    return 0, None


def random_tree(rng, depth=4):
    if depth and rng.random() < 0.35:
        content = [random_tree(rng, depth - 1) for _ in range(rng.randrange(1, 7))]
        return rng.choice((1, 2)), content
    return random_scalar(rng)


def element(tape, i):
    """Python value of an element, as dlms-cosem gives it."""
    tag = tape.tag(i)
    if tag in (1, 2):
        return [element(tape, child) for child in tape.children(i)]
    if tag == 4:
        raw = bytes(tape.data[tape.start(i) : tape.start(i) + (tape.size(i) + 7) // 8])
        return "".join(f"{byte:08b}" for byte in raw)[: tape.size(i)]
    if tag in (9, 10, 12):
        return tape.octets(i)
    return tape.number(i)


def plain(value):
    """What the generator was given, in the same form."""
    tag, content = value
    return [plain(part) for part in content] if tag in (1, 2) else content


def test_tree_like_dlms_cosem():
    from dlms_cosem.utils import parse_as_dlms_data

    def comparable(value):
        # dlms-cosem gives text as str, booleans as bool, bit strings as bytes: see below.
        if isinstance(value, list):
            return [comparable(part) for part in value]
        return bytes(value) if isinstance(value, (bytearray, memoryview)) else value

    rng = random.Random(1)
    tape = Tape()
    compared = 0
    for _ in range(CASES):
        tree = (2, [random_tree(rng) for _ in range(rng.randrange(1, 12))])
        data = frames.axdr(tree)
        if len(data) > 2000:
            continue
        assert tape.read(data, 0, len(data)) == len(data)
        assert element(tape, 0) == plain(tree)
        if 4 not in tags(tree) and not {10, 12} & tags(tree):
            # The version at hand leaves out the length of bit strings and decodes no text.
            assert comparable(parse_as_dlms_data(data)) == element(tape, 0)
            compared += 1
    assert compared > CASES // 20


def tags(value):
    tag, content = value
    return {tag}.union(*map(tags, content)) if tag in (1, 2) else {tag}


def random_push(rng):
    """(list of values for A-XDR, {name: Decimal}) of an OBIS list with scalers."""
    items = []
    expected = {}
    for code in rng.sample(sorted(CODES), rng.randrange(1, len(CODES))):
        name, unit = CODES[code]
        tag = rng.choice((5, 6, 15, 16, 17, 18, 20, 21))
        number = rng.randint(*RANGES[tag])
        scaler = rng.randrange(-5, 5)
        items += [
            frames.obis("1-0:" + code), (tag, number), (2, [(15, scaler), (22, unit)]),
        ]
        if name:
            expected[name] = Decimal(number).scaleb(scaler)
    if not expected:
        return random_push(rng)
    # More elements than any list without codes has, so that no length means anything.
    items += [frames.obis("1-0:97.97.0"), (0, None)] * (0 if len(items) > 33 else 17)
    return items, expected


def in_triplets(items):
    """The same as structures in an array, as Aidon nests them."""
    out = []
    i = 0
    while i < len(items):
        size = 3 if i + 2 < len(items) and items[i + 2][0] == 2 else 2
        out.append((2, items[i : i + size]))
        i += size
    return 1, out


def transported(rng, apdu):
    """(bytes on the line, keys of the decoder) by a random way."""
    key, authentication_key = rng.randbytes(16), rng.randbytes(16)
    control = rng.choice((0, 0x10, 0x20, 0x21, 0x30, 0x31))
    if control:
        title = rng.randbytes(rng.choice((8, 8, 8, 0, 3)))
        apdu = frames.sealed(apdu, title, rng.randrange(1, 2**32), control, key,
                             authentication_key, rng.choice((0, 2, 4)))
    size = rng.randrange(40, 250)
    address = {"address": rng.choice((b"\x41", b"\xce\xff", b"\x02\x04\x06\x09")),
               "source": rng.choice((b"\x03", b"\x02\x21"))}
    way = rng.randrange(4)
    if way == 0:
        return frames.hdlc_message(apdu, 0, **address), (key, authentication_key)
    if way == 1:
        return frames.hdlc_message(apdu, size, **address), (key, authentication_key)
    if way == 2:
        form = rng.choice((0, 1, 2))
        return frames.hdlc_blocks(apdu, size, form, **address), (key, authentication_key)
    return frames.mbus_message(apdu, max(size, len(apdu) // 15 + 1)), (key, authentication_key)


def exact(telegram):
    return {
        name: Decimal(decimal(value.mantissa, value.exponent))
        for name, value in telegram.values.items()
        if isinstance(value, Quantity) and "time" not in name and name not in telegram.derived
    }


def pushed(rng):
    items, expected = random_push(rng)
    body = (2, items) if rng.random() < 0.5 else in_triplets(items)
    time = random_time(rng) if rng.random() < 0.8 else None
    apdu = frames.notification(body, time, rng.choice((0x0C, 0x09, 0x19)))
    return apdu, expected


def test_push_over_every_transport():
    rng = random.Random(2)
    for _ in range(CASES):
        apdu, expected = pushed(rng)
        if len(apdu) > 1600:
            continue
        data, keys = transported(rng, apdu)
        decoder = HanDecoder(*keys, keep_apdu=True)
        found = []
        while data:
            size = rng.randrange(1, 200)
            found += decoder.feed(data[:size])
            data = data[size:]
        assert [telegram.result for telegram in found] == ["values"], found[0].reason
        assert found[0].apdu == apdu
        assert exact(found[0]) == expected


def reference_values(parsed):
    """{name: Decimal} from a list of values as the other packages give it."""
    flat = []

    def flatten(value):
        for part in value:
            if isinstance(part, (list, tuple)):
                flatten(part)
            else:
                flat.append(part)

    flatten(parsed)
    values = {}
    for i, code in enumerate(flat[:-3]):
        if isinstance(code, (bytes, bytearray)) and len(code) == 6 and code[5] == 255:
            name = CODES.get("%d.%d.%d" % tuple(code[2:5]), (None,))[0]
            if name:
                values[name] = Decimal(int(flat[i + 1])).scaleb(int(flat[i + 2]))
    return values


def test_ciphered_push_like_dlms_cosem():
    from dlms_cosem.protocol.xdlms import DataNotification, GeneralGlobalCipher
    from dlms_cosem.utils import parse_as_dlms_data

    rng = random.Random(3)
    for _ in range(CASES):
        items, expected = random_push(rng)
        body = (2, items) if rng.random() < 0.5 else in_triplets(items)
        apdu = frames.notification(body, random_time(rng))
        key, authentication_key = rng.randbytes(16), rng.randbytes(16)
        data = frames.sealed(apdu, rng.randbytes(8), rng.randrange(2**32), 0x30, key,
                             authentication_key, 2)
        theirs = GeneralGlobalCipher.from_bytes(data).to_plain_apdu(key, authentication_key)
        parsed = parse_as_dlms_data(DataNotification.from_bytes(theirs).body)
        (telegram,) = HanDecoder(key, authentication_key).feed(frames.hdlc_message(data))
        assert telegram.result == "values" and "unauthenticated" not in telegram.notes
        assert exact(telegram) == reference_values(parsed) == expected


def test_push_like_gurux():
    from gurux_dlms import GXByteBuffer, GXReplyData
    from gurux_dlms.enums import Authentication, InterfaceType
    from gurux_dlms.secure import GXDLMSSecureClient

    rng = random.Random(4)
    for _ in range(SLOW_CASES):
        items, expected = random_push(rng)
        apdu = frames.notification((2, items), random_time(rng))
        data = frames.hdlc_message(apdu)
        client = GXDLMSSecureClient(True, 1, 0x10, Authentication.NONE, None, InterfaceType.HDLC)
        notification = GXReplyData()
        client.getData(GXByteBuffer(data), GXReplyData(), notification)
        (telegram,) = HanDecoder().feed(data)
        assert exact(telegram) == reference_values(notification.value) == expected


def test_p1_like_dsmr_parser():
    from dsmr_parser import obis_references as codes
    from dsmr_parser import telegram_specifications
    from dsmr_parser.parsers import TelegramParser

    lines = {
        "1-0:1.8.1": ("active_energy_import_t1_wh", "kWh", 3, codes.ELECTRICITY_USED_TARIFF_1),
        "1-0:1.8.2": ("active_energy_import_t2_wh", "kWh", 3, codes.ELECTRICITY_USED_TARIFF_2),
        "1-0:1.7.0": ("active_power_import_w", "kW", 3, codes.CURRENT_ELECTRICITY_USAGE),
        "1-0:2.7.0": ("active_power_export_w", "kW", 3, codes.CURRENT_ELECTRICITY_DELIVERY),
        "1-0:32.7.0": ("voltage_l1_v", "V", 0, codes.INSTANTANEOUS_VOLTAGE_L1),
        "1-0:51.7.0": ("current_l2_a", "A", 0, codes.INSTANTANEOUS_CURRENT_L2),
        "1-0:61.7.0": (
            "active_power_import_l3_w", "kW", 3,
            codes.INSTANTANEOUS_ACTIVE_POWER_L3_POSITIVE,
        ),
    }
    parser = TelegramParser(telegram_specifications.V5)
    rng = random.Random(5)
    for _ in range(CASES):
        text = ["0-0:1.0.0(%s)" % rng.choice(("250714081500S", "251214201348W"))]
        chosen = rng.sample(sorted(lines), rng.randrange(1, len(lines)))
        for code in chosen:
            places = rng.randrange(0, 4)
            digits = "%0*d" % (places + rng.randrange(1, 7), rng.randrange(10**6))
            number = digits[:-places] + "." + digits[-places:] if places else digits
            text.append("%s(%s*%s)" % (code, number.lstrip(".") or "0", lines[code][1]))
        data = frames.p1(text)
        theirs = parser.parse(data.decode())
        (telegram,) = HanDecoder().feed(data)
        ours = exact(telegram)
        for code in chosen:
            name, _, shift, reference = lines[code]
            assert ours[name] == theirs[reference].value.scaleb(shift), text


def test_header_without_body_is_no_push():
    tape = Tape()
    for apdu in (b"", b"\x0f", b"\x0f\0\0\0\0", b"\x0f\0\0\0\0\0", b"\x0f\0\0\0\0\x0c\x07"):
        assert not dlms_notification.parses(tape, apdu, 0, len(apdu))
