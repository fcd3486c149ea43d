# uMeter - meterctl decode: KMP replies that hold a meter's log
# MIT license; Copyright (c) 2026 The uMeter authors

# A0 to A3: 5512-447 M1 section 3.4 (GetLog). B8 is in no published document: its layout was
# found in captures of a MULTICAL 603 next to their requests; what does not fit is left alone.
# In both, only the first entry has the headers of its registers.

from firmware.meters import kmp

LOGS = (0xA0, 0xA1, 0xA2, 0xA3)
LOGGER = 0xB8
_CONFIGURATION, _ENTRIES, _NEWEST = 5, 6, 7  # first byte of a B8 reply
_TAIL = 5  # bytes behind the entries of A0 - A3: last one here, newest one, info


def _number(body, at, size):
    return int.from_bytes(body[at : at + size], "big")


def log(body):
    """Reply A0 - A3 -> what it says; "records": [(record id, [Register])]. KmpError: malformed."""
    if len(body) < 6 + _TAIL:
        raise kmp.KmpError("malformed")
    end = len(body) - _TAIL
    return {
        "log_id": body[2],
        "records": _entries(body[:end], body[3], _number(body, 4, 2), 6, None, 2),
        "last_read_record": _number(body, end, 2),
        "newest_record": _number(body, end + 2, 2),
        "info": body[end + 4],
    }


def logger(body):
    """Reply B8 -> what it says, "records" as above; {} if it is not understood."""
    if len(body) < 4:
        return {}
    out = {"sub": "%02x" % body[2], "logger_type": body[3]}
    if body[2] == _CONFIGURATION and len(body) > 16 and len(body) == 17 + 2 * body[16]:
        out["register_ids"] = [_number(body, at, 2) for at in range(17, len(body), 2)]
    elif body[2] in (_ENTRIES, _NEWEST) and len(body) >= 17:
        most, first = _number(body, 4, 2), _number(body, 7, 4)
        try:
            records = _entries(body, body[6], first, 17, most, 0)
        except kmp.KmpError:
            return {}
        out["last_log_id_in_meter"] = _number(body, 11, 4)
        out["records"] = records
    return out


def _entries(body, count, number, at, most, id_size):
    # id_size: bytes of the number in front of the second entry and all behind; 0: it counts down.
    if at == len(body):
        count = 0  # an empty log
    heads, registers = [], []
    for _ in range(count):
        heads.append(at)
        register, at = kmp.register_at(body, at)
        registers.append(register)
    size = id_size + sum([body[head + 3] for head in heads])
    records = [(number, registers)] if count and most != 0 else []
    while count and len(body) - at >= size and (most is None or len(records) < most):
        number = _number(body, at, id_size) if id_size else number - 1
        at += id_size
        registers = []
        for head in heads:
            length = body[head + 3]
            registers.append(kmp.value_at(body, head, body[at : at + length]))
            at += length
        records.append((number, registers))
    return records
