# uMeter - every list without codes, place by place: no two values alike
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.meters.han import HanDecoder
from firmware.reading import Quantity, decimal
from sim.meters import han_frames as frames
from tests.meters.han_cases import CASES

TIME = frames.date_time(2025, 12, 14, 16, 0, 5, -60)
LDN = b"ISK1030775212859"
# name of the value -> (tag on the wire, decimals)
KINDS = {"p": (6, 0), "q": (6, 0), "u": (18, 1), "i": (18, 2), "e": (6, 0), "r": (6, 0)}
KINDS["pf"] = (18, 3)
NAMES = {
    "p+": "active_power_import_w", "p-": "active_power_export_w",
    "q+": "reactive_power_import_var", "q-": "reactive_power_export_var",
    "e+": "active_energy_import_wh", "e-": "active_energy_export_wh",
    "r+": "reactive_energy_import_varh", "r-": "reactive_energy_export_varh",
}  # fmt: skip


def name_of(short):
    """ "p+2" -> active_power_import_l2_w, "e-t1" -> active_energy_export_t1_wh, "u3", "i1" """
    if short[0] == "u":
        return "voltage_l%s_v" % short[1]
    if short[0] == "i":
        return "current_l%s_a" % short[1]
    if short == "pf":
        return "power_factor"
    if short[:2] == "rq":
        return "reactive_energy_q%s_varh" % short[2]
    name = NAMES[short[:2]]
    part = short[2:]
    if not part:
        return name
    base, unit = name.rsplit("_", 1)
    return "%s_%s_%s" % (base, part if part[0] == "t" else "l" + part, unit)


def listed(plan, powers=6):
    """(elements, {name: text}) of a plan; words in capitals are elements of their own."""
    elements, expected = [], {}
    for place, word in enumerate(plan.split(), 1):
        if word in FIXED:
            element, found = FIXED[word]
            elements.append(element)
            expected.update(found)
            continue
        kind = "pf" if word == "pf" else word[0]
        tag, places = KINDS[kind]
        number = (2200 if kind == "u" else 100) + place
        elements.append((powers if kind in "pq" else tag, number))
        expected[name_of(word)] = decimal(number, -places)
    return elements, expected


FIXED = {
    "LDN": ((9, LDN), {"logical_device_name": LDN.decode(), "meter_id": LDN.decode()}),
    "ID": ((9, b"16820005"), {"device_id": "16820005"}),
    "SERIAL": ((9, b"92000001"), {"meter_id": "92000001"}),
    "ISK": ((9, b"ISK84605887"), {"meter_id": "ISK84605887", "device_id": "ISK84605887"}),
    "BREAKER": ((22, 1), {"breaker_state": "1"}),
    "CLOSED": ((3, 1), {"breaker_state": "1"}),
    "TARIFF": ((9, b"\x02"), {"tariff": "2"}),
    "ANY": ((9, b"x"), {}),
    "EMPTY": ((9, b""), {}),
    "NUMBER": ((18, 77), {}),
    "LIMIT": ((6, 17250), {"limiter_threshold_w": "17250"}),
    "ARRAY": ((1, [(18, 9400)]), {}),
    "TIME": ((9, b"\x0f\x35\x1e\x00"), {}),
    "DATE": ((9, b"\x07\xe9\x0c\x03\x03"), {"meter_time_local": "2025-12-03T15:53:30"}),
    "CLOCK": ((9, TIME), {"meter_time_local": "2025-12-14T16:00:05",
                          "meter_time_deviation_min": "-60", "meter_time_utc": "1765724405"}),
    "SETUP": ((9, b"\x00\x06\x19\x09\x00\xff"), {}),
    "KFM": ((9, b"KFM_001"), {"list_id": "KFM_001"}),
    "MODEL": ((9, b"MA304H3E"), {"meter_model": "MA304H3E"}),
    "ANGLES": ((18, 400), {}),
    "ANGLE": ((18, 53), {"phase_angle_l2_deg": "53"}),
}  # fmt: skip
ACTIVE = " e+ e+t1 e+t2 e- e-t1 e-t2"
PHASES = " p+1 p+2 p+3 p-1 p-2 p-3"
UI = " u1 u2 u3 i1 i2 i3"
LISTS = {
    "4": ("ISK ANY e+ e-", 6),
    "4 digits": ("SERIAL ANY e+ e-", 6),
    "8": ("LDN ID u1 i1 p+ p- q+ q-", 18),
    "9 powers": ("LDN ID p+ p- q+ q- u1 NUMBER NUMBER", 18),
    "9 energies": ("LDN p+ p-" + ACTIVE, 6),
    "9 clock": ("CLOCK e+ e- r+ r- p+ p- q+ q-", 6),
    "10 powers": ("LDN ID p+ p- q+ q- u1 i1 p+1 p-1", 18),
    "10 energies": ("LDN ID e+t1 e+t2 e-t1 e-t2 r+t1 r+t2 r-t1 r-t2", 6),
    "12 enum": ("LDN ID BREAKER TARIFF" + ACTIVE + " r+ r-", 6),
    "12 boolean": ("LDN ID CLOSED TARIFF" + ACTIVE + " r+ r-", 6),
    "12 powers": ("LDN ID" + UI + " p+ p- q+ q-", 18),
    "12 setup": ("SETUP SERIAL TIME DATE e+ e- r+ r- p+ p- EMPTY EMPTY", 6),
    "18": ("LDN ID p+ p- q+ q-" + UI + PHASES, 18),
    "28": ("SERIAL TIME DATE" + ACTIVE + " p+ p-" + PHASES + UI
           + " LIMIT ARRAY ARRAY ARRAY BREAKER", 6),
    "33": ("SERIAL TIME DATE" + ACTIVE + " rq1 rq2 rq3 rq4 p+ p- pf" + PHASES + UI
           + " LIMIT ARRAY ARRAY ARRAY CLOSED", 6),
}  # fmt: skip


def decoded(elements, time=TIME, body=2):
    apdu = frames.notification((body, elements), time)
    (telegram,) = HanDecoder().feed(frames.hdlc_message(apdu))
    assert telegram.result == "values", telegram.reason
    return telegram


def shown(telegram):
    """{name: text} of what was measured."""
    found = {}
    for name, value in telegram.values.items():
        if name not in telegram.derived and not name.startswith("push_time"):
            quantity = isinstance(value, Quantity)
            found[name] = decimal(value.mantissa, value.exponent) if quantity else value
    return found


@pytest.mark.parametrize("key", LISTS)
def test_iskraemeco(key):
    elements, expected = listed(*LISTS[key])
    assert len(elements) == int(key.split()[0])
    if key == "4 digits":
        expected["device_id"] = "92000001"
    found = shown(decoded(elements))
    if "SERIAL" in LISTS[key][0] and "meter_time_utc" not in expected:
        found.pop("meter_time_utc", None)
    assert found == expected


@pytest.mark.parametrize("powers", [5, 6, 16, 18, 20, 21])
def test_powers_of_any_integer_type(powers):
    elements, expected = listed(LISTS["18"][0], powers)
    assert shown(decoded(elements)) == expected


def kaifa(numbers, energies, phases):
    elements = [FIXED["KFM"][0], FIXED["SERIAL"][0], FIXED["MODEL"][0]] + [(6, n) for n in numbers]
    if energies:
        elements += [(9, frames.date_time(2021, 10, 1, 19, 0, 10))] + [(6, n) for n in energies]
    return elements


@pytest.mark.parametrize("phases", [1, 3])
@pytest.mark.parametrize("energies", [(), (1, 2, 3, 4)])
def test_kaifa(phases, energies):
    numbers = [11, 12, 13, 14]
    numbers += [1000 + n for n in range(phases)] + [2300 + n for n in range(phases)]
    elements = kaifa(numbers, energies, phases)
    assert len(elements) == {(1, 0): 9, (3, 0): 13, (1, 4): 14, (3, 4): 18}[phases, len(energies)]
    expected = {"list_id": "KFM_001", "meter_id": "92000001", "meter_model": "MA304H3E",
                "active_power_import_w": "11", "active_power_export_w": "12",
                "reactive_power_import_var": "13", "reactive_power_export_var": "14"}  # fmt: skip
    for n in range(phases):
        expected["current_l%d_a" % (n + 1)] = "1.00%d" % n
        expected["voltage_l%d_v" % (n + 1)] = "230.%d" % n
    if energies:
        for n, short in enumerate(("e+", "e-", "r+", "r-"), 1):
            expected[NAMES[short]] = str(n)
        expected["meter_time_local"] = "2021-10-01T19:00:10"
        expected["meter_time_utc"] = "1633107610"
    assert shown(decoded(elements)) == expected


@pytest.mark.parametrize("form", ["pairs in structures", "flat"])
def test_kaifa_in_sweden(form):
    """The same values behind codes, without scalers: mA and 0.1 V."""
    pairs = [("1-1:0.2.129", (9, b"KFM_001")), ("0-0:96.1.0", (9, b"73501")),
             ("0-0:96.1.7", (9, b"MA304H4D")), ("1-0:1.7.0", (6, 1500)),
             ("1-0:31.7.0", (6, 5222)), ("1-0:32.7.0", (6, 2322)),
             ("0-0:1.0.0", (9, frames.date_time(2021, 10, 1, 19, 0, 10))),
             ("1-0:1.8.0", (6, 137166))]  # fmt: skip
    items = [[frames.obis(code), value] for code, value in pairs]
    flat = form == "flat"
    found = shown(decoded(sum(items, []) if flat else [(2, item) for item in items], body=1))
    assert found == {
        "list_id": "KFM_001", "meter_id": "73501", "meter_model": "MA304H4D",
        "active_power_import_w": "1500", "current_l1_a": "5.222", "voltage_l1_v": "232.2",
        "meter_time_local": "2021-10-01T19:00:10", "meter_time_utc": "1633107610",
        "active_energy_import_wh": "137166"}  # fmt: skip


@pytest.mark.parametrize("angles", [False, True])
def test_landis_gyr(angles):
    elements = [(18, 231), (18, 232), (18, 233), (18, 101), (18, 102), (18, 103), (6, 29), (6, 30),
                (6, 31358606), (6, 7619)]  # fmt: skip
    elements += [(18, 400), (18, 53), (18, 295)] if angles else []
    elements.append((9, b"30000001"))
    assert len(elements) == (14 if angles else 11)
    expected = {"voltage_l1_v": "231", "voltage_l2_v": "232", "voltage_l3_v": "233",
                "current_l1_a": "1.01", "current_l2_a": "1.02", "current_l3_a": "1.03",
                "active_power_import_w": "29", "active_power_export_w": "30",
                "active_energy_import_wh": "31358606", "active_energy_export_wh": "7619",
                "meter_id": "30000001"}  # fmt: skip
    if angles:
        expected.update({"phase_angle_l2_deg": "53", "phase_angle_l3_deg": "295"})
    assert shown(decoded(elements)) == expected


@pytest.mark.parametrize("case", ["kaifa", "positional", "wiener-netze", "iskra-33"])
def test_null_in_a_list_without_codes(case):
    """What a meter does not measure is null; the other values stay."""
    (items, time), = [(body[1], time) for name, body, time, _ in CASES if name == case]
    whole = shown(decoded(items, time))
    lost = set()
    for place in range(1, len(items)):
        if items[place][0] in (6, 18):
            null = [*items[:place], (0, None), *items[place + 1 :]]
            left = shown(decoded(null, time))
            assert left.items() <= whole.items() and len(left) >= len(whole) - 1
            lost |= whole.keys() - left.keys()
    assert len(lost) >= 8


def test_what_stands_in_the_place_of_a_clock():
    """A size may count bits: they are no time, and nothing is read behind them."""
    elements, expected = listed("ANY e+")
    bits = (4, "1" * 12)
    objects_ = objects([(3, "1-0:1.8.0", 2), (8, "0-0:1.0.0", 2)], [elements[1], bits])
    assert shown(decoded(objects_)) == expected
    null = (0, None)
    numbers = [(6, number) for number in range(10)]
    kaifa_ = [FIXED["KFM"][0], FIXED["SERIAL"][0], FIXED["MODEL"][0], *numbers, bits] + [null] * 4
    assert "meter_time_local" not in shown(decoded(kaifa_))
    iskra = [FIXED["SERIAL"][0], (4, "1010"), (4, "10101")] + [null] * 25
    assert shown(decoded(iskra)) == {"meter_id": "92000001"}


def test_time_and_date_of_their_own_types():
    elements = [FIXED["SERIAL"][0], (27, FIXED["TIME"][0][1]), (26, FIXED["DATE"][0][1])]
    found = shown(decoded(elements + [(0, None)] * 25))
    assert found == {"meter_id": "92000001", **FIXED["DATE"][1]}


def triplet(code, tag, number, scaler, unit):
    return (2, [frames.obis(code), (tag, number), (2, [(15, scaler), (22, unit)])])


def test_landis_gyr_in_norway():
    elements = [(2, [frames.obis("1-1:0.2.129"), (10, b"EMBRIQ_V1_1")]),
                (2, [frames.obis("0-0:96.1.0"), (10, b"6970000000000001")]),
                (2, [frames.obis("0-0:96.1.7"), (10, b"MA304")]),
                triplet("1-0:1.7.0", 6, 1234, 0, 27), triplet("1-0:52.7.0", 18, 0, 0, 35),
                triplet("1-0:32.7.0", 18, 2331, -1, 35), triplet("1-0:31.7.0", 16, -12, -1, 33),
                triplet("1-0:1.8.0", 6, 5013821, 1, 30)]  # fmt: skip
    assert shown(decoded(elements, None, 1)) == {
        "list_id": "EMBRIQ_V1_1", "meter_id": "6970000000000001", "meter_model": "MA304",
        "active_power_import_w": "1234", "voltage_l2_v": "0", "voltage_l1_v": "233.1",
        "current_l1_a": "-1.2", "active_energy_import_wh": "50138210"}  # fmt: skip


def test_aidon_in_sweden():
    """One list of all, without the list's name and the meter's."""
    elements = [(2, [frames.obis("0-0:1.0.0"), (9, frames.date_time(2025, 1, 14, 16, 0, 0, -60))]),
                triplet("1-0:1.8.0", 6, 109552, 0, 30), triplet("1-0:21.7.0", 6, 55, 0, 27),
                triplet("1-0:32.7.0", 18, 2330, -1, 35)]  # fmt: skip
    assert shown(decoded(elements, None, 1)) == {
        "meter_time_local": "2025-01-14T16:00:00", "meter_time_deviation_min": "-60",
        "meter_time_utc": "1736866800", "active_energy_import_wh": "109552",
        "active_power_import_l1_w": "55", "voltage_l1_v": "233.0"}  # fmt: skip


def test_kamstrup_single_phase_and_decimals():
    """Null for phases that are not there; volts of Bornholm have two decimals."""
    pairs = [("1-1:1.7.0", (6, 500)), ("1-1:32.7.0", (18, 22987)), ("1-1:52.7.0", (0, None)),
             ("1-1:31.7.0", (6, 217)), ("1-1:51.7.0", (0, None)), ("1-1:13.7.0", (18, 97)),
             ("1-1:33.7.0", (18, 96)), ("1-1:41.8.0", (6, 12)),
             ("1-1:62.7.0", (6, 7))]  # fmt: skip
    elements = [(10, b"Kamstrup_V0001")]
    for code, value in pairs:
        elements += [frames.obis(code), value]
    assert shown(decoded(elements, frames.date_time(2025, 7, 1, 12, 0, 0, status=0x80))) == {
        "list_id": "Kamstrup_V0001", "active_power_import_w": "500", "voltage_l1_v": "229.87",
        "current_l1_a": "2.17", "power_factor": "0.97", "power_factor_l1": "0.96",
        "active_energy_import_l2_wh": "120", "active_power_export_l3_w": "7"}  # fmt: skip


def objects(entries, values):
    """Object list: {class, code, attribute, index} of each element, itself first."""
    rows = [(40, "0-8:25.9.0", 2)] + entries
    array = [(2, [(18, number), frames.obis(code), (15, attribute), (18, 0)])
             for number, code, attribute in rows]  # fmt: skip
    return [(1, array)] + values


def test_objects():
    entries = [(1, "0-0:42.0.0", 2), (1, "0-0:96.1.1", 2), (8, "0-0:1.0.0", 2),
               (3, "1-0:32.7.0", 2), (3, "1-0:52.7.0", 2), (3, "1-0:31.7.0", 2),
               (3, "1-0:1.8.1", 2), (3, "1-0:1.8.2", 2), (70, "0-0:96.3.10", 3)]  # fmt: skip
    values = [(9, b"LGZ1020000000001"), (9, b"1299652"), (9, TIME), (18, 2341), (18, 230),
              (18, 51), (6, 70), (6, 4), (22, 1)]  # fmt: skip
    telegram = decoded(objects(entries, values))
    assert shown(telegram) == {
        "logical_device_name": "LGZ1020000000001", "asset_number": "1299652",
        "meter_time_local": "2025-12-14T16:00:05", "meter_time_deviation_min": "-60",
        "meter_time_utc": "1765724405", "voltage_l1_v": "234.1", "voltage_l2_v": "230",
        "current_l1_a": "0.51", "active_energy_import_t1_wh": "70",
        "active_energy_import_t2_wh": "4"}  # fmt: skip
    assert telegram.values["active_energy_import_wh"] == Quantity(74, 0, "Wh")


def test_objects_with_their_scalers():
    """Attribute 3 of a register is its scaler and unit (Blue Book section 4.3.2)."""
    entries, values = [], []
    registers = (("1-0:32.7.0", 23412, -2, 35), ("1-0:1.8.0", 55, 3, 30),
                 ("1-0:31.7.0", 5, 0, 33), ("1-0:1.7.0", 9, 0, 28))  # fmt: skip
    for code, number, scaler, unit in registers:
        entries += [(3, code, 2), (3, code, 3)]
        values += [(6, number), (2, [(15, scaler), (22, unit)])]
    telegram = decoded(objects(entries, values))
    assert shown(telegram) == {"voltage_l1_v": "234.12", "active_energy_import_wh": "55000",
                               "current_l1_a": "5"}  # fmt: skip
    assert telegram.notes == ["active_power_import_w has unit 28, left out"]


def test_meters_behind_the_meter():
    """Heat and gas in the same push are other meters' (Blue Book section 7.4, value group A)."""
    elements = [(2, [frames.obis("0-1:96.1.0"), (9, b"GAS1")]),
                (2, [frames.obis("0-0:96.1.0"), (9, b"92000001")]),
                triplet("1-0:1.8.0", 6, 5, 0, 30), triplet("6-1:1.8.0", 6, 7, 0, 30),
                triplet("8-1:1.7.0", 6, 7, 0, 27), triplet("1-0:1.7.0", 6, 8, 0, 27),
                triplet("0-1:24.2.1", 6, 7, 0, 13)]  # fmt: skip
    assert shown(decoded(elements)) == {"meter_id": "92000001", "active_energy_import_wh": "5",
                                        "active_power_import_w": "8"}  # fmt: skip
