# uMeter - HAN layouts: Landis+Gyr object list and list without codes
# MIT license; Copyright (c) 2026 The uMeter authors

# Object list (E450 in Switzerland and Cyprus; Energomera likewise): the push object list of DLMS
# Blue Book section 4.4.8 is itself the first element, {class, code, attribute, index, ...};
# element i is the value of its entry i, entry 0 describes the list. Attribute 2 is the value,
# attribute 3 of a register, which hardly a list has, its scaler and unit.

from micropython import const

from firmware.meters import axdr, obis
from firmware.meters.han_totals import add
from firmware.meters.han_values import are_numbers, put_clock, put_number, put_plain
from firmware.reading import Quantity

_VALUE = const(2)  # attributes of a register
_SCALER = const(3)
_SCALES = (0, 0, 0, -2, -2, -2)


def decode(tape, items, telegram, clock):
    """items: the elements of the list. False if values are missing, None for other layouts."""
    if _is_object_list(tape, items):
        # As many entries as elements, else it is not told which value is whose.
        return tape.size(items[0]) == len(items) and _decode_objects(tape, items, telegram, clock)
    if _is_positional(tape, items):
        return _decode_positional(tape, items, telegram)
    return None


def _is_object_list(tape, items):
    """True if the first element is an array that describes the elements of the list."""
    if tape.tag(items[0]) != axdr.ARRAY or not tape.size(items[0]):
        return False
    for entry in tape.children(items[0]):
        # Elements of the entry stand right behind it: class, code, attribute.
        if tape.tag(entry) != axdr.STRUCTURE or tape.size(entry) < 4:
            return False
        if tape.tag(entry + 1) != axdr.UINT16 or tape.tag(entry + 2) != axdr.OCTETS:
            return False
        if tape.size(entry + 2) != 6 or tape.tag(entry + 3) != axdr.INT8:
            return False
    return True


def _decode_objects(tape, items, telegram, clock):
    known = len(telegram.values)
    entries = tape.children(items[0])
    scalers = _scalers(tape, items, entries)
    for i in range(1, len(items)):
        entry = entries[i]
        if tape.number(entry + 3) != _VALUE or not tape.is_obis(entry + 2):
            continue
        key = tape.obis_key(entry + 2)
        if key == obis.CLOCK:
            put_clock(tape, items[i], telegram.values, clock)
            continue
        meaning = ("asset_number", "", obis.TEXT) if key == 0x600101 else obis.lookup(key)
        if not meaning:
            continue
        if meaning[2] != obis.TEXT:
            put_number(tape, items[i], telegram, meaning, _SCALES, scalers.get(key, 0))
        elif tape.text(items[i]):
            telegram.values[meaning[0]] = tape.text(items[i])
    values = telegram.values
    derived = telegram.derived
    q = "reactive_energy_q%d_varh"
    add(values, "reactive_energy_import_varh", q % 1, q % 2, derived)
    add(values, "reactive_energy_export_varh", q % 3, q % 4, derived)
    return len(values) > known


def _scalers(tape, items, entries):
    """{key: scaler << 8 | unit} of the registers whose scaler is in the list, too."""
    found = {}
    for i in range(1, len(items)):
        entry = entries[i]
        item = items[i]
        if tape.number(entry + 3) != _SCALER or not tape.is_obis(entry + 2):
            continue
        if tape.tag(item) == axdr.STRUCTURE and tape.size(item) == 2:
            scaler, unit = tape.number(item + 1), tape.number(item + 2)
            if tape.tag(item + 1) == axdr.INT8 and tape.tag(item + 2) == axdr.ENUM:
                found[tape.obis_key(entry + 2)] = (scaler & 255) << 8 | unit
    return found


def _is_positional(tape, items):
    """11 or 14 elements, of which six unsigned 16-bit numbers in front."""
    if len(items) not in (11, 14):
        return False
    for item in items[:6]:
        if tape.tag(item) != axdr.UINT16 and tape.tag(item):  # null: not measured
            return False
    return True


def _decode_positional(tape, items, telegram):
    """E450 (Burgenland, Switzerland): voltages, currents, powers, energies, angles, id."""
    if not are_numbers(tape, items[6:10]):
        return False
    values = telegram.values
    for i in range(3):
        put_plain(tape, items[i], values, "voltage_l%d_v" % (i + 1), 0, "V")
        put_plain(tape, items[3 + i], values, "current_l%d_a" % (i + 1), -2, "A")
    put_plain(tape, items[6], values, "active_power_import_w", 0, "W")
    put_plain(tape, items[7], values, "active_power_export_w", 0, "W")
    put_plain(tape, items[8], values, "active_energy_import_wh", 0, "Wh")
    put_plain(tape, items[9], values, "active_energy_export_wh", 0, "Wh")
    if len(items) == 14:
        for i in range(3):
            angle = tape.number(items[10 + i])
            if angle is not None and angle <= 360:  # 400: undefined
                values["phase_angle_l%d_deg" % (i + 1)] = Quantity(angle, 0, "deg")
    text = tape.text(items[-1])
    if text:
        values["meter_id"] = text
    return True
