# uMeter - meterctl decode: EN 61107 / IEC 62056-21 readouts, P1 text, /# strings of MULTICAL 66
# MIT license; Copyright (c) 2026 The uMeter authors

# Readouts: IEC 62056-21 modes A, C and D.

from binascii import unhexlify

from firmware.crypto.crc import arc
from firmware.meters import en61107
from tools.decode import kamstrup_standard, omnipower
from tools.decode.numbers import quantity

_MOST_BLOCKS = 32  # that are looked at in one capture


def decode(record):
    """{"request": text|null, "frame": hex} -> result, reason, fields, values.

    values of a readout: code -> [number, unit]; "fields" keeps the texts, leading zeros and
    further brackets included. A load profile gives a list of rows.
    """
    request = (record.get("request") or "").strip()
    data = unhexlify(record.get("frame") or "")
    if has_even_parity(data):
        return _answer(request, bytes([byte & 0x7F for byte in data]))
    answer = _answer(request, _marked(data))  # around a reply they are noise
    return answer if answer["result"] == "values" else _out("reject", "parity")


def _marked(data):
    """7-bit characters; DEL, which no reply contains, for those with a wrong eighth bit."""
    plain = sum(byte < 0x80 for byte in data)
    if plain >= sum(_is_even(byte) for byte in data):  # a line without a parity bit
        return bytes([min(byte, 0x7F) for byte in data])
    return bytes([byte & 0x7F if _is_even(byte) else 0x7F for byte in data])


def _answer(request, data):
    if request.startswith("/#"):
        return _standard(request[2:], data)
    try:
        return _block(request, data)
    except en61107.BlockError as error:
        reason = error.args[0]
        return _out("no_values" if reason == "incomplete" else "reject", reason)


def explain(record):
    """The same for a person, as text of several lines."""
    data = unhexlify(record.get("frame") or "")
    answer = decode(record)
    lines = ["%s: %d bytes, %s" % (record.get("id"), len(data), _line_form(data))]
    lines.append("%s %s" % (answer["result"], answer["reason"] or ""))
    if b"\x02" in data:
        lines.append("  block check  " + _check_name(record, data))
    for field in answer["fields"] or ():
        lines.append("  field        " + "  ".join(field))
    values = answer["values"]
    rows = values if isinstance(values, list) else values.get("rows", ())
    for row in rows:
        lines.append("  row          " + _pairs(row))
    if isinstance(values, dict):
        lines += ["  %-12s %s" % (name, values[name]) for name in values if name != "rows"]
    return "\n".join(lines)


def _line_form(data):
    if not any(byte & 0x80 for byte in data):
        return "7-bit characters"
    return "7 bits and " + ("even parity" if has_even_parity(data) else "wrong parity")


def _check_name(record, data):
    data = bytes([byte & 0x7F for byte in data])
    try:
        right = en61107.split(data[_start(record.get("request") or "", data) :])[2]
    except en61107.BlockError as error:
        return error.args[0]
    return ("wrong", "sum of 7 bits", "exclusive or (ISO 1155)", "sum and exclusive or")[right]


def _pairs(row):
    return "  ".join("%s %s" % (name, row[name]) for name in row)


def has_even_parity(data):
    """True for 7-bit characters, with or without their parity bit."""
    return all(byte < 0x80 for byte in data) or all(_is_even(byte) for byte in data)


def _is_even(byte):
    byte ^= byte >> 4
    return not 0x6996 >> (byte & 15) & 1


def _out(result, reason=None, fields=None, values=None):
    return {"result": result, "reason": reason, "fields": fields, "values": values or {}}


def _standard(kind, data):
    try:
        fields, values = kamstrup_standard.decode(kind, data)
    except kamstrup_standard.StandardError as error:
        return _out("reject", error.args[0], error.args[1])
    if fields is None:
        return _out("no_values", "incomplete")
    return _out("values", None, fields, values)


def _block(request, data):
    if b"\x02" not in data:
        return _sets(request, *_telegram(data))
    data = whole = data[_start(request, data) :]
    error = None
    for _ in range(_MOST_BLOCKS):
        try:
            head, bodies, right = en61107.split(data)
            if not right:
                raise en61107.BlockError("bcc")
            if head[-2:-1] == b"\x04":
                raise en61107.BlockError("incomplete")  # a part before it was lost
            text = b"".join(body[:-1] for body in bodies)
            return _sets(request, en61107.identification(head), text)
        except en61107.BlockError as problem:
            error = error or problem
        data = _behind(data)
        if not data:
            break
    start, end = whole.rfind(b"\x02"), whole.rfind(b"!")
    if end < start or whole[end + 1 :].strip(b"\r\n\x03") or error.args[0] != "incomplete":
        raise error
    # Read line by line: the last one ends before the block check.
    ident = en61107.identification(whole[:start])
    return _sets(request, ident, whole[start + 1 : end + 1], "no block check")


def _behind(data):
    """From where the next reply begins behind a bad one; empty if there is none."""
    first = start = data.find(b"\x02")
    while True:
        start = data.find(b"\x02", start + 1)
        if start < 0:
            return b""
        end = data.rfind(b"\x03", first, start - 1)
        slash = data.rfind(b"/", first, start)
        if slash > end:
            return data[slash:]
        if end >= 0:
            return data[end + 2 :]
        # else perhaps another part of the bad one


def _sets(request, ident, text, reason=None):
    sets = en61107.data_sets(text)
    if reason and not all(_is_legal(bracket) for _, brackets in sets for bracket in brackets):
        raise en61107.BlockError("malformed")
    if not sets:
        return _out("no_values", "no data sets")
    fields = [[code] + brackets for code, brackets in sets]
    if request.startswith("\x01R6"):
        return _out("values", reason, fields, omnipower.profile(sets))
    if request.startswith("\x01R5") and sets[0][0] == "1.0.0":
        return _out("values", reason, fields, {"1.0.0": omnipower.clock(sets[0][1][0])})
    return _out("values", reason, fields, _readout(ident, sets))


def _is_legal(bracket):
    """What has a unit is a decimal number; the only check if there is no other."""
    return "*" not in bracket or not isinstance(quantity(bracket)[0], str)


def _start(request, data):
    """Where the reply begins behind an echo of a request that has an STX of its own."""
    echo = request.encode()
    return len(echo) if echo[:1] == b"\x01" and data[: len(echo)] == echo else 0


def _telegram(data):
    """Blocks without a check: P1, and what has no control characters: [/ident] ... ! [CRC]."""
    start = data.rfind(b"/")
    if data[start : start + 3] == b"/?!":
        data = data[start + 3 :]
        start = -1
    end = data.find(b"!", start + 1)
    if end < 0:
        raise en61107.BlockError("incomplete")
    line, _, rest = data[end + 1 :].replace(b"\n", b"\r").partition(b"\r")
    if b"(" in rest or b"\x03" in rest:  # more lines, or a block without its STX: no noise
        raise en61107.BlockError("malformed")
    crc = en61107.text(line).strip()
    reason = None if crc else "no block check"
    if len(crc) == 4:
        if "%04X" % arc(data[start : end + 1]) != crc.upper():
            raise en61107.BlockError("crc")
    elif crc:
        raise en61107.BlockError("malformed")
    if start < 0:
        return "", data[: end + 1], reason
    line = data.find(b"\n", start)
    return en61107.identification(data[start:line]), data[line + 1 : end + 1], reason


def _readout(ident, sets):
    values = {"ident": ident} if ident else {}
    for code, brackets in sets:
        channel = code.partition(":")[0] if ":" in code else "0-0"
        if not channel.endswith("-0"):  # P1: a meter on the bus; its reading is what counts
            if len(brackets) == 7:
                values[code] = _on_bus(brackets)
        elif ":96.13." not in code:  # messages to a person
            values[code] = _value(code, brackets[0])
    return values


def _on_bus(brackets):
    """DSMR 2.2: time, status, minutes, count, code, unit, value."""
    stamp = brackets[0]
    return {"ts": omnipower.stamp(stamp), brackets[5]: quantity(brackets[6])[0]}


def _value(code, bracket):
    if code == "0.0" or ":96.14." in code:  # customer number, tariff: names, not quantities
        return bracket
    if ":96.1." in code or ":42.0." in code:
        return _octets(bracket)
    if "&" in bracket and "*" in bracket:
        return [quantity(part) for part in bracket.split("&")]
    value = quantity(bracket)
    return value if value[1] or not isinstance(value[0], str) else bracket


def _octets(text):
    """P1 writes identities as hex digits of their characters."""
    try:
        return en61107.text(unhexlify(text))
    except ValueError:  # BlockError, too
        return text
