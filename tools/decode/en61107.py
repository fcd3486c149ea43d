# uMeter - meterctl decode: EN 61107 readouts and the /# strings of MULTICAL 66
# MIT license; Copyright (c) 2026 The uMeter authors

# MULTICAL 66-CDE technical description 5511-634 C1, standard data strings.

from binascii import unhexlify

from firmware.meters import en61107
from firmware.reading import decimal

# Columns of each /# reply: (name, kind). Kinds: a number of decimals, "date" yymmdd, "clock"
# hhmmss, "text", "energy", "volume" (scaled as CCC 119, the commonest, displays them), "program".
_TARIFF = (("TA2", 0), ("TL2", 0), ("TA3", 0), ("TL3", 0), ("InA", 0), ("InB", 0))
_COLUMNS = {
    "1": (("energy_MWh", 3), ("volume_m3", 2), ("hours", 0), ("t1_C", 2), ("t2_C", 2),
          ("tdif_K", 2), ("power_kW", 1), ("flow_lph", 0), ("peak_power_kW", 1), ("info", 0)),
    "2": (("customer", "text"),) + _TARIFF
         + (("ABCCC", "abccc"), ("DDEFFGG", "ddeffgg"), ("date", "date")),
    "3": (("customer", "text"), ("target_date", "date"), ("energy_MWh", 3), ("volume_m3", 2),
          ("TA2", 0), ("TA3", 0), ("InA", 0), ("InB", 0), ("peak_power_year_kW", 1)),
    "4": (("energy_MWh", 3), ("Qsum1", 0), ("Qsum2", 0), ("volume1_m3", 2), ("volume2", 0),
          ("precounter1", 0), ("InA", 0), ("InB", 0), ("precounter2", 0)),
    "B": (("energy_MWh", 3), ("cooling_energy", 0), ("volume1_m3", 2), ("volume2", 0),
          ("mass1_ton", 2), ("mass2", 0), ("InA", 0), ("InB", 0), ("TA2", 0), ("TA3", 0),
          ("m3_tf", 0), ("m3_tr", 0)),
    "C": (("t1_C", 2), ("t3_C", 2), ("t2_C", 2), ("P1", 0), ("P2", 0), ("flow1_lph", 0),
          ("flow2", 0), ("power1_kW", 1)),
    "D": (("customer", "text"), ("ABCCCCCC", "abcccccc"), ("DDEFFGGMN", "ddeffggmn"),
          ("date", "date"), ("clock", "clock"), ("hours", 0), ("target_date_mmdd", "mmdd"),
          ("error_hours", 0)),
}  # fmt: skip
_ROWS = {
    "5": (("date", "date"), ("energy_MWh", 3), ("volume_m3", 2), None, None, None, None,
          ("peak_power_kW", 1)),
    "6": (("date", "date"), ("energy_MWh", 3), ("mass1_raw", 0), None, None, None, None, None,
          ("t1_C", 2), ("t3_C", 2), ("t2_C", 2), ("info", 0)),
    "J": (("info", 0), ("date", "date"), ("clock", "clock"), ("energy_MWh", 3)),
}  # fmt: skip
_ROWS["7"] = _ROWS["6"]
_MOST_ROWS = {"5": 31, "6": 31, "7": 31, "J": 10}


def decode(record):
    """{"request": text, "frame": hex} -> result, reason, fields, values."""
    data = bytes([byte & 0x7F for byte in unhexlify(record.get("frame") or "")])
    request = (record.get("request") or "").strip()
    if request.startswith("/#"):
        return _standard(request[2:3], data)
    return _readout(data)


def _out(result, reason=None, fields=None, values=None):
    return {"result": result, "reason": reason, "fields": fields, "values": values or {}}


def _standard(kind, data):
    lines = []
    for line in data.split(b"\r")[:-1]:  # behind the last CR stands what was cut off
        lines.append([bytes(word).decode() for word in line.split()])
    if not lines:
        return _out("no_values", "incomplete")
    try:
        if kind in _COLUMNS:
            return _out("values", None, lines, _named(_COLUMNS[kind], lines[0]))
        if kind in _ROWS:
            return _out("values", None, lines, _table(kind, lines))
    except ValueError as error:
        return _out("reject", error.args[0], lines)
    return _out("reject", "not decimal, or no such request", lines)


def _table(kind, lines):
    values = {}
    if len(lines[0][0]) == 11:
        values["customer"] = lines[0][0]
        lines[0] = lines[0][1:]
    rows = []
    for line in lines[: _MOST_ROWS[kind]]:
        rows.append(_named(_ROWS[kind], line))
    values["rows"] = rows
    return values


def _named(columns, words):
    if len(words) != len(columns):
        raise ValueError("%d fields, not %d" % (len(words), len(columns)))
    values = {}
    for column, word in zip(columns, words):
        if not (word[1:] if word[0] == "-" else word).isdigit():
            raise ValueError("not decimal: " + word)
        if column:
            _add(values, column[0], column[1], word)
    return values


def _add(values, name, kind, word):
    if kind == "text":
        values[name] = word
    elif kind == "date":
        values[name] = "20%s-%s-%s" % (word[-6:-4], word[-4:-2], word[-2:])
    elif kind == "clock":
        values[name] = "%s:%s:%s" % (word[-6:-4], word[-4:-2], word[-2:])
    elif kind == "mmdd":
        values[name] = word[-4:]
    elif kind == "abccc":
        values["A"], values["B"], values["CCC"] = word[-5], word[-4], word[-3:]
    elif kind == "abcccccc":
        values["A"], values["B"] = word[0], word[1]
        values["CCC_V1"], values["CCC_V2"] = word[2:5], word[5:8]
    elif kind == "ddeffgg":
        _program(values, word)
    elif kind == "ddeffggmn":
        _program(values, word)
        values["M"], values["N"] = word[7], word[8]
    else:
        values[name] = _number(int(word), -kind)


def _program(values, word):
    values["DD"], values["E"] = word[:2], word[2]
    values["FF"], values["GG"] = word[3:5], word[5:7]


def _number(mantissa, exponent):
    return float(decimal(mantissa, exponent)) if exponent else mantissa


def _readout(data):
    """Readout with STX ... ETX BCC; the check may be the sum (Kamstrup) or ISO 1155."""
    for iso1155 in (False, True):
        try:
            ident, sets = en61107.parse_block(data, iso1155)
        except en61107.BlockError as error:
            reason = error.args[0]
            continue
        values = {"ident": ident} if ident else {}
        for code in sets:
            text, unit = sets[code]
            try:
                values[code] = [_number(*en61107.number(text)), unit] if text else ["", unit]
            except ValueError:
                values[code] = text
        for code in ("0.0",):  # an identity, whatever it looks like
            if code in sets:
                values[code] = sets[code][0]
        return _out("values", None, None, values)
    return _out("no_values" if reason == "incomplete" else "reject", reason)
