# uMeter - meterctl decode: /# strings of MULTICAL 66 (and 401, which speaks alike)
# MIT license; Copyright (c) 2026 The uMeter authors

# MULTICAL 66-CDE technical description 5511-634 C1, standard data strings. The strings carry no
# units, no points and no checksum. Energy, volume, power and flow are scaled as CCC 119, by far
# the commonest, displays them; what no display shows stays as it is.

from firmware.meters.mc66 import is_number
from tools.decode.numbers import number

_CUSTOMER = ("customer", "text", 11)
_DATE = ("date", "date", 7)
# Columns of each reply: (name, kind, characters). kind: decimals of a number, or a form below.
_TARIFF = (("TA2", 0, 7), ("TL2", 0, 7), ("TA3", 0, 7), ("TL3", 0, 7), ("InA", 0, 7),
           ("InB", 0, 7))  # fmt: skip
_COLUMNS = {
    "1": (("energy_MWh", 3, 7), ("volume_m3", 2, 7), ("hours", 0, 7), ("t1_C", 2, 7),
          ("t2_C", 2, 7), ("tdif_K", 2, 7), ("power_kW", 1, 7), ("flow_lph", 0, 7),
          ("peak_power_kW", 1, 7), ("info", 0, 7)),
    "2": (_CUSTOMER,) + _TARIFF + (("ABCCC", "abccc", 7), ("DDEFFGG", "ddeffgg", 7), _DATE),
    "3": (_CUSTOMER, ("target_date", "date", 7), ("energy_MWh", 3, 7), ("volume_m3", 2, 7),
          ("TA2", 0, 7), ("TA3", 0, 7), ("InA", 0, 7), ("InB", 0, 7),
          ("peak_power_year_kW", 1, 7)),
    "4": (("energy_MWh", 3, 7), ("Qsum1", 0, 7), ("Qsum2", 0, 7), ("volume1_m3", 2, 7),
          ("volume2", 0, 7), ("precounter1", 0, 7), ("InA", 0, 7), ("InB", 0, 7),
          ("precounter2", 0, 7)),
    "B": (("energy_MWh", 3, 7), ("cooling_energy", 0, 7), ("volume1_m3", 2, 7),
          ("volume2", 0, 7), ("mass1_ton", 2, 7), ("mass2", 0, 7), ("InA", 0, 7), ("InB", 0, 7),
          ("TA2", 0, 7), ("TA3", 0, 7), ("m3_tf", 0, 7), ("m3_tr", 0, 7)),
    "C": (("t1_C", 2, 7), ("t3_C", 2, 7), ("t2_C", 2, 7), ("P1", 0, 7), ("P2", 0, 7),
          ("flow1_lph", 0, 7), ("flow2", 0, 7), ("power1_kW", 1, 7)),
    "D": (_CUSTOMER, ("ABCCCCCC", "abcccccc", 8), ("DDEFFGGMN", "ddeffgg", 9), _DATE,
          ("clock", "clock", 7), ("hours", 0, 7), ("target_date_mmdd", "mmdd", 7),
          ("error_hours", 0, 7)),
}  # fmt: skip
# Logs: columns of a row; a name of None is not told.
_ROWS = {
    "5": (_DATE, ("energy_MWh", 3, 7), ("volume_m3", 2, 7)) + ((None, 0, 7),) * 4
         + (("peak_power_kW", 1, 7),),
    "6": (_DATE, ("energy_MWh", 3, 5), ("mass1_raw", 0, 5)) + ((None, 0, 5),) * 5
         + (("t1_C", 2, 5), ("t3_C", 2, 5), ("t2_C", 2, 5), ("info", 0, 7)),
    "J": (("info", 0, 7), _DATE, ("clock", "clock", 7), ("energy_MWh", 3, 7)),
}  # fmt: skip
_ROWS["7"] = _ROWS["6"]
_MOST_ROWS = {"5": 31, "6": 31, "7": 31, "J": 10}  # behind them: memory that has other uses
_RAW = ("8", "9")  # monthly, yearly log: packed nibbles that are not aligned with any column


class StandardError(ValueError):
    """Not the reply that the description shows; args: reason, fields."""


def decode(kind, data):
    """kind: "1" for /#1 and so on; data: 7-bit bytes. -> (fields, values).

    StandardError; (None, None) while there is not a single whole line.
    """
    echo = b"/#" + kind.encode()
    at = data.find(echo)
    if at >= 0:
        data = data[at + len(echo) :].lstrip(b"\r\n")
    lines = [_words(line) for line in data.split(b"\r")[:-1]]  # what is cut off does not count
    lines = [words for words in lines if words != [""]]
    if not lines:
        return _unended(kind, _words(data))
    if kind in _RAW:
        raise StandardError("a dump of memory, no decimal columns", lines)
    try:
        if kind in _COLUMNS:
            return lines, _first_sound(_COLUMNS[kind], lines)
        if kind in _ROWS:
            return lines, _table(kind, lines)
    except ValueError as error:
        raise StandardError(error.args[0], lines) from None
    raise StandardError("no such request", lines)


def _unended(kind, words):
    # The CR is missing; as long as no digit is, too.
    try:
        return [words], _named(_COLUMNS.get(kind, ()), words)
    except ValueError:
        return None, None


def _words(line):
    words = [bytes(word).decode() for word in line.strip(b"\0\n ").split(b" ")]
    first = words[0]
    at = len(first)
    while at and ("0" <= first[at - 1] <= "?" or first[at - 1] == "-"):
        at -= 1
    words[0] = first[at:] or first  # noise before it; what lost a character is too short
    return words


def _first_sound(columns, lines):
    error = None
    for words in lines:  # noise may end like a line
        try:
            return _named(columns, words)
        except ValueError as problem:
            error = error or problem
    raise error


def _table(kind, lines):
    values = {}
    if len(lines[0][0]) == 11:
        _add(values, _CUSTOMER, lines[0][0])
        lines = [lines[0][1:]] + lines[1:]
    values["rows"] = [_named(_ROWS[kind], line) for line in lines[: _MOST_ROWS[kind]]]
    return values


def _named(columns, words):
    if len(words) != len(columns):
        raise ValueError("%d fields, not %d" % (len(words), len(columns)))
    values = {}
    for column, word in zip(columns, words):
        if not is_number(word):
            raise ValueError("not decimal: " + word)
        if len(word) != column[2]:
            raise ValueError("%d digits, not %d: %s" % (len(word), column[2], word))
        if column[0]:
            _add(values, column, word)
    return values


def _add(values, column, word):
    name, kind, _ = column
    if kind == "text":
        values[name] = word
    elif kind == "date":
        values[name] = _date(word)
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
        values["DD"], values["E"] = word[:2], word[2]
        values["FF"], values["GG"] = word[3:5], word[5:7]
        if len(word) == 9:
            values["M"], values["N"] = word[7], word[8]
    else:
        values[name] = number(int(word), -kind)


def _date(word):
    """ "0yymmdd"; a year of two digits after 2000, as the meters that speak so were made."""
    return "20%s-%s-%s" % (word[-6:-4], word[-4:-2], word[-2:])
