# uMeter - what the stock MicroPython image of the chip offers: modules, names, values
# MIT license; Copyright (c) 2026 The uMeter authors

import json
from pathlib import Path

TABLE = Path(__file__).with_name("esp32_1.26.json")


def load():
    """{"facts": {...}, "modules": {name: None or {name: value}}}.

    A module that the chip lacks is None. A value is a list of members for a class, the value
    itself for a number or a text, else the kind of object ("function", "module" ...).
    """
    return json.loads(TABLE.read_text())
