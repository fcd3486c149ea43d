# uMeter - HAN layout: Kaifa's lists without codes (Norway, Sweden)
# MIT license; Copyright (c) 2026 The uMeter authors

# Element counts 1, 9, 13, 14 and 18: NVE "OBIS list information, Kaifa". Phases 1 and 3,
# with a clock and four energies in the hourly lists. Currents mA, voltages 0.1 V.

from firmware.meters import axdr
from firmware.meters.han_values import are_numbers, put_clock, put_plain
from firmware.reading import Quantity

_POWERS = (
    ("active_power_import_w", "W"),
    ("active_power_export_w", "W"),
    ("reactive_power_import_var", "var"),
    ("reactive_power_export_var", "var"),
)
_ENERGIES = (
    ("active_energy_import_wh", "Wh"),
    ("active_energy_export_wh", "Wh"),
    ("reactive_energy_import_varh", "varh"),
    ("reactive_energy_export_varh", "varh"),
)
_TEXTS = ("list_id", "meter_id", "meter_model")


def decode(tape, items, telegram, clock):
    """items: the elements of the list. None if this is none of Kaifa's.

    False if an element is not what the list has in its place; null is no value.
    """
    values = telegram.values
    if len(items) == 1:
        if tape.tag(items[0]) != axdr.UINT32:
            return None
        values["active_power_import_w"] = Quantity(tape.number(items[0]), 0, "W")
        return True
    if len(items) not in (9, 13, 14, 18):
        return None
    phases = 3 if len(items) in (13, 18) else 1
    behind = 7 + 2 * phases
    if not (are_numbers(tape, items[3:behind]) and are_numbers(tape, items[behind + 1 :])):
        return False
    for i in range(3):
        text = tape.text(items[i])
        if text:
            values[_TEXTS[i]] = text
    for i in range(4):
        name, unit = _POWERS[i]
        put_plain(tape, items[3 + i], values, name, 0, unit)
    for i in range(phases):
        put_plain(tape, items[7 + i], values, "current_l%d_a" % (i + 1), -3, "A")
        put_plain(tape, items[7 + phases + i], values, "voltage_l%d_v" % (i + 1), -1, "V")
    if behind < len(items):
        put_clock(tape, items[behind], values, clock)
        for i in range(4):
            name, unit = _ENERGIES[i]
            put_plain(tape, items[behind + 1 + i], values, name, 0, unit)
    return True
