# uMeter - one list of values for every HAN layout, with what it says
# MIT license; Copyright (c) 2026 The uMeter authors

# Made up, in the form of the makers' lists. (name, body, push time, {name: text of the value}).

from sim.meters.han_frames import date_time, obis

WINTER = date_time(2025, 12, 14, 16, 0, 5, -60)
NO_ZONE = date_time(2025, 7, 14, 16, 0, 5, status=0x80)


def text(content):
    return (9, content)


def u16(*numbers):
    return [(18, number) for number in numbers]


def u32(*numbers):
    return [(6, number) for number in numbers]


def scaled(code, number, scaler, unit):
    return (2, [obis(code), number, (2, [(15, scaler), (22, unit)])])


KAMSTRUP = (2, [
    (10, b"Kamstrup_V0001"),
    obis("1-1:0.0.5"), (10, b"5700000000000001"),
    obis("1-1:96.1.1"), (10, b"6841121BN243101040"),
    obis("1-1:1.7.0"), (6, 4294967295),
    obis("1-1:31.7.0"), (6, 252),
    obis("1-1:32.7.0"), (18, 231),
    obis("1-1:52.7.0"), (18, 23107),
    obis("1-1:72.7.0"), (0, None),
    obis("1-1:13.7.0"), (18, 98),
    obis("0-1:1.0.0"), (9, NO_ZONE),
    obis("1-1:1.8.0"), (6, 4000000001),
] + [obis("1-1:2.7.0"), (6, 0)] * 4)

AIDON = (1, [
    (2, [obis("1-1:0.2.129"), (10, b"AIDON_V0001")]),
    (2, [obis("0-0:96.1.0"), (10, b"7359990000000001")]),
    (2, [obis("0-0:96.1.7"), (10, b"6525")]),
    scaled("1-0:1.7.0", (6, 4027), 0, 27),
    scaled("1-0:31.7.0", (16, -5), -1, 33),
    scaled("1-0:32.7.0", (18, 2334), -1, 35),
    scaled("1-0:3.7.0", (6, 1), 0, 27),
    (2, [obis("0-0:1.0.0"), (9, date_time(2025, 7, 14, 16, 0, 0, 0))]),
    scaled("1-0:1.8.0", (6, 10955225), 1, 30),
])

KAIFA = (2, [text(b"KFM_001"), text(b"6970630000000001"), text(b"MA304H3E")]
         + u32(948, 0, 64, 1) + u32(1416, 3241, 3119, 2385, 0, 2389)
         + [(9, date_time(2021, 10, 1, 19, 0, 10))] + u32(137166, 1, 2, 435653))

ISKRA_33 = (2, [text(b"92000001"), text(b"\x0f\x35\x1e\x00"), text(b"\x07\xe9\x0c\x03\x03")]
            + u32(6844432, 4770804, 2073628, 5759375, 5708359, 51016, 1, 2, 3, 4, 499, 0)
            + u16(746) + u32(27, 295, 176, 0, 0, 0) + u16(2336, 2354, 2355, 29, 172, 109)
            + u32(17250) + [(1, u16(9400))] * 3 + [(3, 1)])

ISKRA_15 = (2, u32(10, 6, 4, 20, 15, 5) + [text(b""), (9, WINTER)] + u32(0, 700)
            + u16(100, 200, 300, 2300, 2340))

OBJECTS = (2, [(1, [
    (2, [(18, 40), obis("0-8:25.9.0"), (15, 2), (18, 0)]),
    (2, [(18, 40), obis("0-8:25.9.0"), (15, 1), (18, 0)]),
    (2, [(18, 1), obis("0-0:96.1.0"), (15, 2), (18, 0)]),
    (2, [(18, 3), obis("1-0:1.7.0"), (15, 2), (18, 0)]),
    (2, [(18, 3), obis("1-0:1.7.0"), (15, 3), (18, 0)]),
    (2, [(18, 3), obis("1-1:5.8.0"), (15, 2), (18, 0)]),
    (2, [(18, 3), obis("1-1:6.8.0"), (15, 2), (18, 0)]),
    (2, [(18, 3), obis("1-0:1.8.1"), (15, 2), (18, 0)]),
    (2, [(18, 3), obis("1-0:1.8.2"), (15, 2), (18, 0)]),
    (2, [(18, 3), obis("1-0:32.7.0"), (15, 2), (18, 0)]),
    (2, [(18, 3), obis("1-0:31.7.0"), (15, 2), (18, 0)]),
]), (9, b"\0\x08\x19\x09\0\xff"), text(b"63000001"), (6, 362), (2, [(15, 0), (22, 27)]),
    (6, 34671), (6, 2), (6, 4000000000), (6, 4000000000), (18, 2341), (18, 51)])

POSITIONAL = (2, u16(236, 237, 236, 0, 4, 26) + u32(29, 0, 31358606, 7619) + u16(400, 53, 295)
              + [text(b"30000001")])

SAGEMCOM = (2, [
    (9, WINTER),
    obis("1-0:1.8.0"), (6, 12937), (2, [(15, 0), (22, 30)]),
    obis("1-0:32.7.0"), (18, 2337), (2, [(15, -1), (22, 35)]),
    obis("1-0:13.7.0"), (16, 975), (2, [(15, -3), (22, 255)]),
    text(b"181000000001"),
])

TRIPLETS = (2, [
    (2, [obis("0-0:42.0.0"), (9, b"ISK1030775212859")]),
    (2, [obis("0-0:96.1.0"), (9, b"12345678")]),
    (2, [obis("0-0:96.1.1"), (9, b"A-17")]),
    (2, [obis("0-0:1.0.0"), (9, WINTER)]),
    scaled("1-0:1.8.0", (6, 12937), 0, 30),
    scaled("1-0:32.7.0", (18, 2337), -1, 35),
    scaled("1-0:31.7.0", (18, 172), -2, 33),
])

WIENER_NETZE = (2, [(9, WINTER)] + u32(4490428, 1342, 65611, 1843441, 374, 0, 0, 244))

FLAT = (2, [obis("1-0:1.8.0"), (6, 5), obis("1-0:1.7.0"), (20, 2**40), obis("1-0:31.7.0"),
            (23, 2.5), obis("1-0:2.8.0"), (13, 0x42), obis("1-0:97.1.2"), (4, "1011"),
            obis("1-0:97.1.3"), (255, None), obis("0-0:1.0.0"), (25, WINTER)])

CASES = [
    ("kamstrup", KAMSTRUP, NO_ZONE, {
        "list_id": "Kamstrup_V0001", "meter_id": "5700000000000001",
        "meter_model": "6841121BN243101040", "active_power_import_w": "4294967295",
        "current_l1_a": "2.52", "voltage_l1_v": "231", "voltage_l2_v": "231.07",
        "power_factor": "0.98", "active_energy_import_wh": "40000000010",
        "active_power_export_w": "0", "meter_time_local": "2025-07-14T16:00:05",
        "push_time_local": "2025-07-14T16:00:05", "meter_time_utc": "1752501605"}),
    ("aidon", AIDON, None, {
        "list_id": "AIDON_V0001", "meter_id": "7359990000000001", "meter_model": "6525",
        "active_power_import_w": "4027", "current_l1_a": "-0.5", "voltage_l1_v": "233.4",
        "meter_time_local": "2025-07-14T16:00:00", "meter_time_deviation_min": "0",
        "meter_time_utc": "1752505200", "active_energy_import_wh": "109552250"}),
    ("kaifa", KAIFA, None, {
        "list_id": "KFM_001", "meter_id": "6970630000000001", "meter_model": "MA304H3E",
        "active_power_import_w": "948", "active_power_export_w": "0",
        "reactive_power_import_var": "64", "reactive_power_export_var": "1",
        "current_l1_a": "1.416", "current_l2_a": "3.241", "current_l3_a": "3.119",
        "voltage_l1_v": "238.5", "voltage_l2_v": "0.0", "voltage_l3_v": "238.9",
        "meter_time_local": "2021-10-01T19:00:10", "meter_time_utc": "1633107610",
        "active_energy_import_wh": "137166", "active_energy_export_wh": "1",
        "reactive_energy_import_varh": "2", "reactive_energy_export_varh": "435653"}),
    ("kaifa-1", (2, u32(4117)), None, {"active_power_import_w": "4117"}),
    ("iskra-33", ISKRA_33, WINTER, {
        "push_time_local": "2025-12-14T16:00:05", "push_time_deviation_min": "-60",
        "meter_time_local": "2025-12-03T15:53:30", "meter_id": "92000001",
        "active_energy_import_wh": "6844432", "active_energy_import_t1_wh": "4770804",
        "active_energy_import_t2_wh": "2073628", "active_energy_export_wh": "5759375",
        "active_energy_export_t1_wh": "5708359", "active_energy_export_t2_wh": "51016",
        "reactive_energy_q1_varh": "1", "reactive_energy_q2_varh": "2",
        "reactive_energy_q3_varh": "3", "reactive_energy_q4_varh": "4",
        "active_power_import_w": "499", "active_power_export_w": "0", "power_factor": "0.746",
        "active_power_import_l1_w": "27", "active_power_import_l2_w": "295",
        "active_power_import_l3_w": "176", "active_power_export_l1_w": "0",
        "active_power_export_l2_w": "0", "active_power_export_l3_w": "0",
        "voltage_l1_v": "233.6", "voltage_l2_v": "235.4", "voltage_l3_v": "235.5",
        "current_l1_a": "0.29", "current_l2_a": "1.72", "current_l3_a": "1.09",
        "limiter_threshold_w": "17250", "breaker_state": "1"}),
    ("iskra-15", ISKRA_15, None, {
        "active_energy_import_wh": "10", "active_energy_import_t1_wh": "6",
        "active_energy_import_t2_wh": "4", "active_energy_export_wh": "20",
        "active_energy_export_t1_wh": "15", "active_energy_export_t2_wh": "5",
        "meter_time_local": "2025-12-14T16:00:05", "meter_time_deviation_min": "-60",
        "meter_time_utc": "1765724405", "active_power_export_w": "0",
        "active_power_import_w": "700", "current_l1_a": "1.00", "current_l2_a": "2.00",
        "current_l3_a": "3.00", "voltage_l1_v": "230.0", "voltage_l3_v": "234.0",
        "voltage_l2_v": "232.03"}),
    ("objects", OBJECTS, None, {
        "meter_id": "63000001", "active_power_import_w": "362",
        "reactive_energy_q1_varh": "34671", "reactive_energy_q2_varh": "2",
        "reactive_energy_import_varh": "34673", "active_energy_import_t1_wh": "4000000000",
        "active_energy_import_t2_wh": "4000000000", "active_energy_import_wh": "8000000000",
        "voltage_l1_v": "234.1", "current_l1_a": "0.51"}),
    ("positional", POSITIONAL, None, {
        "voltage_l1_v": "236", "voltage_l2_v": "237", "voltage_l3_v": "236",
        "current_l1_a": "0.00", "current_l2_a": "0.04", "current_l3_a": "0.26",
        "active_power_import_w": "29", "active_power_export_w": "0",
        "active_energy_import_wh": "31358606", "active_energy_export_wh": "7619",
        "phase_angle_l2_deg": "53", "phase_angle_l3_deg": "295", "meter_id": "30000001"}),
    ("sagemcom", SAGEMCOM, WINTER, {
        "push_time_local": "2025-12-14T16:00:05", "push_time_deviation_min": "-60",
        "meter_time_local": "2025-12-14T16:00:05", "meter_time_deviation_min": "-60",
        "meter_time_utc": "1765724405", "active_energy_import_wh": "12937",
        "voltage_l1_v": "233.7", "power_factor": "0.975", "meter_id": "181000000001"}),
    ("triplets", TRIPLETS, None, {
        "logical_device_name": "ISK1030775212859", "meter_id": "12345678", "asset_number": "A-17",
        "meter_time_local": "2025-12-14T16:00:05", "meter_time_deviation_min": "-60",
        "meter_time_utc": "1765724405", "active_energy_import_wh": "12937",
        "voltage_l1_v": "233.7", "current_l1_a": "1.72"}),
    ("wiener-netze", WIENER_NETZE, None, {
        "meter_time_local": "2025-12-14T16:00:05", "meter_time_deviation_min": "-60",
        "meter_time_utc": "1765724405", "active_energy_import_wh": "4490428",
        "active_energy_export_wh": "1342", "reactive_energy_import_varh": "65611",
        "reactive_energy_export_varh": "1843441", "active_power_import_w": "374",
        "active_power_export_w": "0", "reactive_power_import_var": "0",
        "reactive_power_export_var": "244"}),
    ("every-type", FLAT, None, {
        "active_energy_import_wh": "5", "active_power_import_w": "1099511627776",
        "current_l1_a": "0.025", "active_energy_export_wh": "42",
        "meter_time_local": "2025-12-14T16:00:05", "meter_time_deviation_min": "-60",
        "meter_time_utc": "1765724405"}),
]


def shown(telegram):
    """{name: text} of a Telegram's values."""
    from firmware.reading import Quantity, decimal

    values = {}
    for name in telegram.values:
        value = telegram.values[name]
        exact = isinstance(value, Quantity)
        values[name] = decimal(value.mantissa, value.exponent) if exact else value
    return values
