# uMeter - meterctl decode: KMP
# MIT license; Copyright (c) 2026 The uMeter authors

from binascii import hexlify, unhexlify

from firmware.meters import kmp, kmp_frame, kmp_registers
from firmware.reading import decimal
from tools.decode import kmp_log

_DIGITS = ("clock", "date1", "date2", "date3")  # hhmmss, yymmdd ... are numbers as well


def decode(record):
    """{"request": hex|null, "frame": hex} -> result of the first good reply on the line.

    registers: [{"id", "name", "unit", "value": decimal text}], clocks and dates with "text", too;
    the value of a time stamp is its text.
    """
    framer = kmp_frame.Framer()
    asked = _asked(record)
    acked = False
    bad = wrong = None
    for byte in unhexlify(record.get("frame") or ""):
        for kind, value in framer.feed((byte,)):
            if kind == kmp_frame.FRAME:
                reply = _reply(value, framer.raw, asked)
                if reply["result"] == "values":
                    return reply
                wrong = wrong or reply  # perhaps the right one comes behind it
            elif kind == kmp_frame.BAD:
                bad = {"result": "reject", "reason": value, "registers": [],
                       "unstuffed": _hex(framer.raw)}  # fmt: skip
            acked = acked or kind == kmp_frame.ACK
    if wrong or bad:
        return wrong or bad
    if acked:
        return {"result": "ack", "reason": None, "registers": []}
    reason = _no_reply(record.get("frame")) or _damage(record.get("request"))[0]
    if reason:
        return {"result": "reject", "reason": reason, "registers": []}
    reason = "incomplete" if framer.inside else "no reply"
    return {"result": "no_values", "reason": reason, "registers": []}


def _asked(record):
    """(CID, address) of the request; None, None if unknown."""
    for kind, value in kmp_frame.Framer().feed(unhexlify(record.get("request") or "")):
        if kind == kmp_frame.ECHO and len(value) > 1:
            return value[1], value[0]
    return None, None


def _damage(request):
    # What is wrong with a request, and its body; None: nothing. None, None: it is none.
    wire = unhexlify(request or "")
    start = wire.find(b"\x80")
    framer = kmp_frame.Framer()
    for byte in b"\x40" + wire[start + 1 :] if start >= 0 else b"":  # a reply's checks apply
        for kind, value in framer.feed((byte,)):
            return (value if kind == kmp_frame.BAD else None), framer.raw
    return None, None


def _no_reply(frame):
    # Why a line without any reply carried a request, or what begins like one; None: it did not.
    reason, body = _damage(frame)
    if body is None:
        return None
    try:
        kmp.check(body + b"\0\0")
    except kmp.KmpError:  # a head that sees the sun may give 80 ... 0D for ever
        return "not_a_response"
    return reason or "not_a_response"


def _reply(body, raw, asked):
    out = {"result": "values", "reason": None, "cid": "%02x" % body[1], "serial": None,
           "meter_type": None, "registers": [], "unstuffed": _hex(raw)}  # fmt: skip
    try:
        kmp.check(body, *asked)
        if body[1] == kmp.GET_TYPE:
            out["meter_type"], out["software"] = kmp.meter_type(body)
        elif body[1] == kmp.GET_SERIAL:
            out["serial"] = kmp.serial(body)
        elif body[1] == kmp.GET_REGISTER:
            out["registers"] = [_register(r) for r in kmp.registers(body)]
        elif body[1] in kmp_log.LOGS:
            _store_log(out, kmp_log.log(body), "record_id")
        elif body[1] == kmp_log.LOGGER:
            _store_log(out, kmp_log.logger(body), "log_id")
    except kmp.KmpError as error:
        out["result"] = "reject"
        out["reason"] = error.args[0]
    return out


def _store_log(out, found, id_name):
    records = []
    for number, registers in found.pop("records", ()):
        registers = [_register(r) for r in registers]
        out["registers"] += registers
        records.append({id_name: number, "registers": registers})
    out["records"] = records
    out.update(found)


def _register(register):
    value = decimal(register.mantissa, register.exponent)
    out = {"id": register.id, "name": kmp_registers.name(register.id), "unit": register.unit,
           "value": value}  # fmt: skip
    if register.text:
        out["text"] = register.text
        if register.unit not in _DIGITS:
            out["value"] = register.text  # its bytes are fields, no number
    return out


def _hex(data):
    return hexlify(data).decode()
