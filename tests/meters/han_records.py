# uMeter - published HAN and P1 captures as test cases, on both engines
# MIT license; Copyright (c) 2026 The uMeter authors

# Frames of real homes are not part of the project: they are read where they lie.

import json
from binascii import hexlify, unhexlify

from tools.decode import han
from tools.decode.capture import CaptureDecoder

FOLDER = __file__.rsplit("/", 4)[0] + "/shared/data/"

# Records of han_encrypted and han_plain whose result their own fields do not tell. "result" as in
# the other files; docs/han.md gives the reasons.
RESULTS = {
    "sagemcom-p1-t210": "reject",
    "greenbook-glo-get-30": "no_values",
    "greenbook-glo-get-20": "no_values",
    "kamstrup-jalla-2": "reject",
    "hdlc_landis_gyr_zmf100": "reject",
    "raw_egd_example": "no_values",
}


def available():
    try:
        with open(FOLDER + "payloads.jsonl"):
            return True
    except OSError:
        print("SKIP: no captures at ../shared/data")
        return False


def _lines(name):
    with open(FOLDER + name + ".jsonl") as file:
        for line in file:
            yield json.loads(line)


def records():
    """Every record as meterctl takes it, and what must come out: "want", a dict."""
    for name in ("payloads", "synthetic"):
        for record in _lines(name):
            key = record.get("key") or {}
            for field in ("encryption_key", "authentication_key"):
                record[field] = key.get(field)
            record["want"] = record
            yield record
    for name in ("han_encrypted", "han_plain"):
        for record in _lines(name):
            record["want"] = _want(record)
            yield record


def _want(record):
    result = RESULTS.get(record["id"])
    if result is None:
        # A water meter's push: one octet string of its own format.
        water = record.get("link") == "udp-wrapper"
        result = "no_values" if water else "values"
    if record.get("expect") == "reject":
        result = "reject"
    want = {"result": result, "expect": {}, "plaintext": record.get("plaintext")}
    if result == "reject":
        want["plaintext"] = None
    decoded = record.get("decoded") or {}
    for code, entry in (decoded.get("obis") or {}).items():
        name = NAMES.get(code.split(".", 2)[2])
        if result == "values" and name and "value" in entry:
            # Kamstrup counts 10 Wh; these files give the bare number.
            tens = "energy" in name and "Kamstrup" in record["device"]
            want["expect"][name] = entry["value"] * (10 if tens else 1)
    return want


NAMES = {
    "1.8.0.255": "active_energy_import_wh",
    "2.8.0.255": "active_energy_export_wh",
    "3.8.0.255": "reactive_energy_import_varh",
    "1.7.0.255": "active_power_import_w",
    "2.7.0.255": "active_power_export_w",
    "3.7.0.255": "reactive_power_import_var",
    "32.7.0.255": "voltage_l1_v",
    "52.7.0.255": "voltage_l2_v",
    "72.7.0.255": "voltage_l3_v",
    "31.7.0.255": "current_l1_a",
    "13.7.0.255": "power_factor",
    "21.7.0.255": "active_power_import_l1_w",
}


def same(expected, value):
    if isinstance(expected, (int, float)) and not isinstance(expected, bool):
        return isinstance(value, (int, float)) and abs(expected - value) <= 0.011
    return expected == value


def differences(record, found):
    """What is wrong with the Telegrams `found` for a record; empty if nothing is."""
    want = record["want"]
    telegram = han.best(found)
    if telegram.result != want["result"]:
        return [(telegram.result, telegram.reason, "not", want["result"])]
    wrong = []
    if want.get("plaintext"):
        if not telegram.apdu or hexlify(telegram.apdu).decode() != want["plaintext"]:
            wrong.append("plaintext")
    if want["result"] != "values":
        if telegram.values:
            wrong.append("values with " + telegram.result)
        return wrong
    values = {name: han.number(telegram.values[name]) for name in telegram.values}
    for name, expected in want["expect"].items():
        if not same(expected, values.get(name)):
            wrong.append((name, values.get(name), "not", expected))
    for name, expected in (want.get("expect_optional") or {}).items():
        if name in values and not same(expected, values[name]):
            wrong.append((name, values[name], "not", expected))
    for name, choices in (want.get("expect_ambiguous") or {}).items():
        if not any([same(choice, values.get(name)) for choice in choices]):
            wrong.append((name, values.get(name), "not in", choices))
    return wrong


def random_chunks(size, rng):
    """Sizes that add up to size, rng(n) gives 0..n-1."""
    sizes = []
    while size > 0:
        part = min(size, 1 + rng(90))
        sizes.append(part)
        size -= part
    return sizes


def noisy_stream(record, rng):
    """The record's frame twice, with noise in front, between and behind."""
    frame = unhexlify(record["frame"])
    noise = [bytes([rng(256) for _ in range(rng(40))]) for _ in range(3)]
    return noise[0] + frame + noise[1] + frame + noise[2]


def count_values(record, data):
    """Telegrams with values in data, for a meter that repeats its counter."""
    decoder = CaptureDecoder(
        han.key(record.get("encryption_key")),
        han.key(record.get("authentication_key")),
        replay="warn",
    )
    found = list(decoder.feed(data)) + list(decoder.finish())
    return len([telegram for telegram in found if telegram.result == "values"])
