# uMeter - the last reading as JSON and as rows of a table
# MIT license; Copyright (c) 2026 The uMeter authors

import json

from firmware.reading import Quantity, Reading
from firmware.web import live

VALUES = {
    "active_energy_import_wh": Quantity(10955225, 1, "Wh"),
    "current_l1_a": Quantity(-5, -1, "A"),
    "meter_id": "<7359&>",
    "meter_time_dst": False,
    "power_factor": Quantity(98, -2, ""),
}


def shown(reading, now=100):
    return json.loads("".join(live.pieces(reading, {"name": "x"}, now)))


def test_every_kind_of_value():
    found = shown(Reading("p1", "7210086", 97, VALUES, 1800000000))
    assert (found["kind"], found["serial"], found["age_s"]) == ("p1", "7210086", 3)
    assert found["values"] == {
        "active_energy_import_wh": {"value": 109552250, "unit": "Wh"},
        "current_l1_a": {"value": -0.5, "unit": "A"},
        "meter_id": {"value": "<7359&>", "unit": ""},
        "meter_time_dst": {"value": False, "unit": ""},
        "power_factor": {"value": 0.98, "unit": ""},
    }
    rows = "".join(live.draw(Reading("p1", "7210086", 97, VALUES), 100))
    assert rows.count("<dt>") == 5 and "&lt;7359&amp;&gt;" in rows and ">false " in rows


def test_values_of_several_telegrams_have_their_own_age():
    uptimes = dict.fromkeys(VALUES, 97)
    uptimes["active_energy_import_wh"] = 40
    reading = Reading("han", "1", 97, VALUES, derived={"power_factor"}, uptimes=uptimes)
    values = shown(reading)["values"]
    assert values["active_energy_import_wh"] == {"value": 109552250, "unit": "Wh", "age_s": 60}
    assert values["power_factor"] == {"value": 0.98, "unit": "", "age_s": 3, "derived": True}
    rows = "".join(live.draw(reading, 100))
    assert rows.count('<dd class="note">') == 5 and "<dt>Active energy import</dt>" in rows
    assert '109552250 <span class="unit">Wh</span></dd><dd class="note">60 s ago</dd>' in rows
    assert '0.98 <span class="unit"></span></dd><dd class="note">3 s ago, computed</dd>' in rows


def test_before_the_first_reading():
    assert shown(None) == {"device": {"name": "x"}}
