# uMeter - a KMP exchange for a person
# MIT license; Copyright (c) 2026 The uMeter authors

from binascii import hexlify, unhexlify

from firmware.meters import kmp_frame
from tools.decode import kmp

_CIDS = {0x01: "GetType", 0x02: "GetSerialNo", 0x09: "SetClock", 0x10: "GetRegister",
         0x11: "PutRegister", 0x9B: "GetEventStatus", 0x9C: "ClearEventStatus",
         0xA0: "GetLogTimePresent", 0xA1: "GetLogLastPresent", 0xA2: "GetLogIDPresent",
         0xA3: "GetLogTimePast"}  # fmt: skip


def explain(record):
    """What was asked, what came on the line, what it says, as text of several lines."""
    answer = kmp.decode(record)
    lines = ["%s: %s %s" % (record.get("id"), answer["result"], answer["reason"] or "")]
    lines[0] = lines[0].rstrip()
    for name in ("request", "frame"):
        wire = unhexlify(record.get(name) or "")
        lines.append("  %-12s %d bytes  %s" % (name, len(wire), _spaced(wire)))
        for kind, value in _events(name, wire):
            lines.append("    " + _event(kind, value))
    for name in ("serial", "meter_type", "software"):
        if answer.get(name):
            lines.append("  %-12s %s" % (name, answer[name]))
    for register in answer["registers"]:
        lines.append("  %5s %-24s %s %s" % (
            register["id"], register["name"] or "", register.get("text") or register["value"],
            register["unit"] or ""))
    return "\n".join(line.rstrip() for line in lines)


def _spaced(wire):
    digits = hexlify(wire).decode().upper()
    return " ".join([digits[i : i + 2] for i in range(0, len(digits), 2)])


def _events(name, wire):
    if name == "request":  # the checks of a reply apply
        start = wire.find(b"\x80")
        wire = b"\x40" + wire[start + 1 :] if start >= 0 else wire
    return kmp_frame.Framer().feed(wire)


def _event(kind, value):
    if kind == kmp_frame.ACK:
        return "acknowledged"
    if kind == kmp_frame.BAD:
        return "damaged: %s" % value
    word = "echo of the request" if kind == kmp_frame.ECHO else "frame"
    if len(value) < 2:
        return "%s  %s" % (word, _spaced(value))
    return "%s, CRC right  address %02X  CID %02X %s  data %s" % (
        word, value[0], value[1], _CIDS.get(value[1], ""), _spaced(value[2:]))
