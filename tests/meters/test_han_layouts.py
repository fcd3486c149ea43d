# uMeter - HAN layouts, clocks, multipliers, hints
# MIT license; Copyright (c) 2026 The uMeter authors

import datetime
import random
import struct
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from firmware.meters import axdr_float, cosem_time, obis
from firmware.meters import zone as posix_zone
from firmware.meters.han import HanDecoder
from sim.meters import han_frames as frames
from tests.meters.han_cases import CASES, KAMSTRUP, WINTER, shown


def one(data, **settings):
    found = HanDecoder(**settings).feed(data)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("name, body, time, expected", CASES, ids=[case[0] for case in CASES])
def test_layout(name, body, time, expected):
    telegram = one(frames.hdlc_message(frames.notification(body, time)))
    assert telegram.result == "values"
    assert shown(telegram) == expected


def test_nothing_leaks_into_the_next_telegram():
    decoder = HanDecoder()
    order = CASES * 3
    random.Random(1).shuffle(order)
    for _, body, time, expected in order:
        (telegram,) = decoder.feed(frames.hdlc_message(frames.notification(body, time)))
        assert shown(telegram) == expected


def test_a_layout_of_nobody():
    for body in ((2, [(6, 1), (6, 2)]), (9, b"abc"), (2, [frames.obis("1-0:97.97.0"), (6, 1)])):
        telegram = one(frames.hdlc_message(frames.notification(body, WINTER)))
        assert (telegram.result, telegram.reason) == ("no_values", "layout")
        assert not telegram.values


def test_other_unit_is_left_out():
    body = (1, [(2, [frames.obis("1-0:1.7.0"), (6, 1), (2, [(15, 0), (22, 30)])]),
                (2, [frames.obis("1-0:2.7.0"), (6, 1), (2, [(15, 0), (22, 27)])])])
    telegram = one(frames.hdlc_message(frames.notification(body)))
    assert shown(telegram) == {"active_power_export_w": "1"}
    assert telegram.notes == ["active_power_import_w has unit 30, left out"]


def test_multipliers_come_last():
    data = frames.hdlc_message(frames.notification(KAMSTRUP, WINTER))
    factors = {"W": "2.5", "V": "0.1", "A": "0", "kWh": "1.000"}
    values = shown(one(data, multipliers=factors))
    assert values["active_power_import_w"] == str(4294967295 * 5 / 2)
    assert (values["voltage_l1_v"], values["voltage_l2_v"]) == ("23.1", "23.107")
    assert values["current_l1_a"] == "2.52"
    assert values["active_energy_import_wh"] == "40000000010"


def test_implausible_voltage_is_said_not_changed():
    telegram = one(frames.hdlc_message(frames.notification(KAMSTRUP)), multipliers={"V": "0.1"})
    assert len(telegram.notes) == 2 and "voltage_l1_v" in telegram.notes[0]
    assert shown(telegram)["voltage_l1_v"] == "23.1"


def test_derived_values_are_marked():
    body = next(case[1] for case in CASES if case[0] == "objects")
    telegram = one(frames.hdlc_message(frames.notification(body)))
    assert sorted(telegram.derived) == ["active_energy_import_wh", "reactive_energy_import_varh"]


def test_reading():
    reading = one(frames.hdlc_message(frames.notification(KAMSTRUP))).reading(77, 1752501605)
    assert (reading.kind, reading.serial, reading.uptime) == ("han", "5700000000000001", 77)


@pytest.mark.parametrize("zone, minutes", [("Europe/Oslo", 60), ("Europe/Helsinki", 120)])
def test_local_time_of_a_zone(zone, minutes):
    rng = random.Random(2)
    zone = ZoneInfo(zone)
    edges = [datetime.datetime(2025, 3, 30, 1), datetime.datetime(2025, 10, 26, 1)]
    for _ in range(2000):
        moment = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=rng.randrange(2**31))
        if rng.random() < 0.3:
            moment = rng.choice(edges) + datetime.timedelta(minutes=rng.randrange(-200, 200))
        local = moment.replace(tzinfo=datetime.timezone.utc).astimezone(zone)
        if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
            continue  # the doubled hour says two things
        found = (local.year, local.month, local.day, local.hour, local.minute, local.second)
        unix = int(moment.replace(tzinfo=datetime.timezone.utc).timestamp())
        assert cosem_time.zone_utc(found, minutes) == unix
        summer = bool(local.dst())
        assert cosem_time.zone_utc(found, minutes, summer) == unix


def test_times_that_are_none():
    bad = [frames.date_time(2025, 13, 1, 1, 1, 1), frames.date_time(2025, 1, 0, 1, 1, 1),
           frames.date_time(0xFFFF, 1, 1, 1, 1, 1), frames.date_time(2025, 1, 1, 24, 1, 1)]
    for data in bad:
        assert cosem_time.fields(data, 0) is None
    assert cosem_time.deviation(frames.date_time(2025, 1, 1, 1, 1, 1, 841), 0) is None
    assert cosem_time.fields(frames.date_time(2025, 1, 1, 1, 1, 255), 0)[5] == 0


def test_the_status_alone_tells_summer_time():
    seconds = [
        cosem_time.utc(frames.date_time(2025, 7, 1, 12, 0, 0, status=status), 0,
                       cosem_time.BY_STATUS, 60)
        for status in (0x80, 0, 0xFF)]  # summer, winter, not specified
    assert seconds == [1751364000, 1751367600, 1751367600]


@pytest.mark.parametrize("double", [False, True])
def test_floats_become_decimals(double):
    rng = random.Random(3)
    for _ in range(500):
        value = rng.choice((0.0, -1.5, rng.uniform(-1e6, 1e6), rng.uniform(-1, 1)))
        raw = struct.pack(">d" if double else ">f", value)
        exact = Decimal(struct.unpack(">d" if double else ">f", raw)[0])
        mantissa, exponent = axdr_float.float_decimal(int.from_bytes(raw, "big"), double)
        assert abs(Decimal(mantissa).scaleb(exponent) - exact) <= Decimal("0.0000005")
    for value in (float("inf"), float("nan")):
        raw = struct.pack(">d" if double else ">f", value)
        assert axdr_float.float_decimal(int.from_bytes(raw, "big"), double) is None


def test_obis_names():
    names = {
        (1, 8, 0): "active_energy_import_wh", (2, 8, 4): "active_energy_export_t4_wh",
        (41, 8, 0): "active_energy_import_l2_wh", (7, 8, 0): "reactive_energy_q3_varh",
        (64, 7, 0): "reactive_power_export_l3_var", (33, 7, 0): "power_factor_l1",
        (14, 7, 0): "frequency_hz", (71, 7, 0): "current_l3_a", (52, 7, 0): "voltage_l2_v",
    }
    for (c, d, e), name in names.items():
        assert obis.lookup(c << 16 | d << 8 | e)[0] == name
    for c, d, e in ((1, 6, 0), (1, 8, 9), (21, 8, 1), (12, 7, 0), (5, 7, 0), (99, 8, 0)):
        assert obis.lookup(c << 16 | d << 8 | e) is None


@pytest.mark.parametrize("text, minutes", [
    ("CET-1CEST,M3.5.0,M10.5.0/3", 60), ("GMT0BST,M3.5.0/1,M10.5.0", 0), ("EET-2EEST", 120),
    ("<+0330>-3:30", 210), ("EST5EDT", -300), ("UTC", 0), ("<-03>+3", -180),
])  # fmt: skip
def test_standard_time_of_a_zone(text, minutes):
    assert posix_zone.standard_min(text) == minutes


def test_local_time_of_the_set_zone():
    body = next(case[1] for case in CASES if case[0] == "kaifa")
    data = frames.hdlc_message(frames.notification(body))
    for zone_min in (60, 120):
        assert shown(one(data, zone_min=zone_min))["meter_time_utc"] == str(
            1633111210 - 60 * zone_min
        )


@pytest.mark.parametrize("name, serial", [
    (b"5700000000000001", "5700000000000001"), (b" 12/#+&=34 \0", "1234"), (b"+/#", ""),
    (b"LGZ-1_2.3", "LGZ-1_2.3"), (b"7" * 200, "7" * 32),
])  # fmt: skip
def test_serial_can_be_part_of_a_topic(name, serial):
    body = (1, [(2, [frames.obis("0-0:96.1.0"), (9, name)]),
                (2, [frames.obis("1-0:1.7.0"), (6, 5)])])  # fmt: skip
    assert one(frames.hdlc_message(frames.notification(body))).reading(0).serial == serial


def test_more_values_than_there_is_room_for():
    codes = [frames.obis("1-0:%d.7.0" % (1 + n % 2)) for n in range(100)]
    body = (1, [part for n, code in enumerate(codes) for part in (code, (18, n))])
    telegram = one(frames.hdlc_message(frames.notification(body)))
    assert telegram.notes == ["values behind the first 80 are left out"]
    assert shown(telegram)["active_power_export_w"] == "79"
