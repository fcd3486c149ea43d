# uMeter - KMP application layer: requests that may be sent, replies taken apart
# MIT license; Copyright (c) 2026 The uMeter authors

# Kamstrup KMP protocol description 5512-447 M1, section 6. Writing commands share the
# port (SetClock, PutRegister, outputs): only reads can be built here, on purpose.

from collections import namedtuple
from micropython import const

from firmware.meters import kmp_units as units
from firmware.meters.kmp_frame import build

METER = const(0x3F)  # addresses; 7F top module, BF base module
_ADDRESSES = b"\x3f\x7f\xbf"
GET_TYPE = const(0x01)
GET_SERIAL = const(0x02)
GET_REGISTER = const(0x10)
_LOGS = b"\xa0\xa1\xa2\xa3\xaa\xb8"
_READS = b"\x01\x02\x10" + _LOGS
_KNOWN = _READS + b"\x09\x11\x9b\x9c"
MOST_REGISTERS = const(8)  # in one request

# value: mantissa * 10**exponent, exact; text: dates and clocks, else ""
Register = namedtuple("Register", ("id", "unit", "mantissa", "exponent", "text"))


class KmpError(ValueError):
    """args[0]: "wrong_address", "unknown_command", "not_a_response" or "malformed"."""


def request(cid, data=b"", address=METER):
    """Bytes on the wire; ValueError for a command that is no read."""
    if cid not in _READS:
        raise ValueError("KMP command %02X is not a read" % cid)
    return build(bytes((address, cid)) + data)


def get_registers(ids):
    """GetRegister for 1 to 8 register ids."""
    if not 1 <= len(ids) <= MOST_REGISTERS:
        raise ValueError("1 to 8 registers, not %d" % len(ids))
    data = bytearray((len(ids),))
    for rid in ids:
        data.append(rid >> 8)
        data.append(rid & 0xFF)
    return request(GET_REGISTER, bytes(data))


def check(body, cid=None, address=None):
    """A reply's body is to this command and from this address (None: any known); else KmpError."""
    if body[1] not in _KNOWN:
        raise KmpError("unknown_command")
    if body[0] != address and (address is not None or body[0] not in _ADDRESSES):
        raise KmpError("wrong_address")
    if cid is not None and body[1] != cid:
        raise KmpError("not_a_response")


def meter_type(body):
    """Reply to GetType -> (type as 4 hex digits, software revision such as "F1")."""
    if len(body) != 6:
        raise KmpError("malformed")
    letter = chr(64 + body[4]) if 1 <= body[4] <= 26 else "?"
    return "%02x%02x" % (body[2], body[3]), letter + str(body[5])


def serial(body):
    """Reply to GetSerialNo -> int."""
    if len(body) != 6:
        raise KmpError("malformed")
    return int.from_bytes(body[2:6], "big")


def registers(body):
    """Reply to GetRegister -> Registers in the order of the meter; what it lacks is absent."""
    found = []
    at = 2
    while at < len(body):
        register, at = register_at(body, at)
        found.append(register)
    return found


def register_at(body, at):
    """Register whose header begins there, and where it ends. KmpError: malformed."""
    if len(body) - at < 5:
        raise KmpError("malformed")
    length = body[at + 3]
    end = at + 5 + length
    if not 1 <= length <= 10 or end > len(body):
        raise KmpError("malformed")
    return value_at(body, at, body[at + 5 : end]), end


def value_at(body, head, value):
    """Register from its header at `head` and its value bytes."""
    unit = body[head + 2]
    siex = body[head + 4]
    mantissa = int.from_bytes(value, "big")
    text = ""
    if unit in units.STAMPS:
        from firmware.meters.kmp_clock import stamp

        text = stamp(unit, mantissa, value)
    if siex & 0x80:
        mantissa = -mantissa
    exponent = siex & 0x3F
    if siex & 0x40:
        exponent = -exponent
    rid = body[head] << 8 | body[head + 1]
    return Register(rid, units.unit_name(unit), mantissa, exponent, text)
