# uMeter - decodes one record with a HAN, M-Bus or P1 capture
# MIT license; Copyright (c) 2026 The uMeter authors

# Runs on CPython and MicroPython: `meterctl decode` feeds it JSON lines.

from binascii import hexlify, unhexlify

from firmware.meters.han_telegram import Telegram
from firmware.reading import Quantity, decimal
from tools.decode.capture import RANK, CaptureDecoder


def key(text):
    """16 bytes of a key as 32 hex digits, with or without 0x and blanks; None for none."""
    if not text:
        return None
    text = text.replace(" ", "")
    if text[:2] in ("0x", "0X"):
        text = text[2:]
    raw = unhexlify(text)
    if len(raw) != 16:
        raise ValueError("key: 32 hex digits needed")
    return raw


def telegrams(record, chunks=None):
    """All Telegrams of the record's frame; chunks: sizes in which it is fed, whole if None.

    A capture may lack its link layer, which no checksum tells: that is tried only if nothing
    on the line would be read from it.
    """
    data = unhexlify(record["frame"])
    found = _run(record, data, chunks, False)
    if best(found).result in ("values", "need_key", "reject"):
        return found
    bare = _run(record, data, chunks, True)
    return bare if RANK.index(best(bare).result) < RANK.index(best(found).result) else found


def _run(record, data, chunks, bare):
    decoder = CaptureDecoder(
        key(record.get("encryption_key")),
        key(record.get("authentication_key")),
        bare=bare,
        keep_apdu=True,
        limit=4096,
    )
    found = []
    at = 0
    for size in chunks or (len(data),):
        found.extend(decoder.feed(data[at : at + size]))
        at += size
    found.extend(decoder.finish())
    return found


def number(value):
    """A Quantity as JSON shows it: an int if it is whole, else a decimal number."""
    if not isinstance(value, Quantity):
        return value
    mantissa, exponent = value.mantissa, value.exponent
    while exponent < 0 and mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    if exponent >= 0:
        return mantissa * 10**exponent
    return float(decimal(mantissa, exponent))


def best(found):
    """The Telegram that says most about a stream; of equals the first."""
    for result in RANK:
        for telegram in found:
            if telegram.result == result:
                return telegram
    return Telegram("no_values", "noise", [])


def decode(record):
    """{"id", "frame", "encryption_key", "authentication_key"} to {"id", "result", ...}.

    See `meterctl decode` in docs/han.md; a stream with several telegrams gives the first with
    values.
    """
    telegram = best(telegrams(record))
    values = telegram.values
    return {
        "id": record.get("id"),
        "result": telegram.result,
        "reason": telegram.reason,
        "layers": telegram.layers,
        "values": {name: number(values[name]) for name in values},
        "derived": telegram.derived,
        "notes": telegram.notes,
    }


def explain(record):
    """The same for a person, layer by layer, as text of several lines."""
    data = unhexlify(record["frame"])
    lines = ["%s: %d bytes" % (record.get("id"), len(data))]
    for telegram in telegrams(record):
        lines.append("%s %s" % (telegram.result, telegram.reason))
        lines.append("  layers   " + (" > ".join(telegram.layers) or "none"))
        if telegram.title is not None:
            title = hexlify(telegram.title).decode()
            lines.append("  title    %s  counter %s" % (title or "none", telegram.counter))
        if telegram.apdu:
            shown = telegram.apdu
            if shown[0] == 0x2F:
                lines.extend("  | " + line for line in shown.decode().splitlines())
            else:
                lines.append("  apdu     " + hexlify(shown).decode())
                lines.extend(_tree(shown))
        for note in telegram.notes:
            lines.append("  note     " + note)
        for name in telegram.values:
            lines.append("  %-32s %s" % (name, _shown(telegram, name)))
    return "\n".join(lines)


def _shown(telegram, name):
    value = telegram.values[name]
    if not isinstance(value, Quantity):
        return str(value)
    text = decimal(value.mantissa, value.exponent) + (" " + value.unit if value.unit else "")
    return text + "  (derived)" if name in telegram.derived else text


def _tree(apdu):
    from firmware.meters import dlms_notification
    from firmware.meters.axdr import Tape

    tape = Tape()
    if not dlms_notification.parses(tape, apdu, 0, len(apdu)):
        return []
    lines = []
    _branch(tape, 0, 0, lines)
    return lines


def _branch(tape, i, depth, lines):
    head = "  " * (depth + 2) + "%02X " % tape.tag(i)
    if tape.tag(i) in (1, 2):
        lines.append(head + "%d elements" % tape.size(i))
        for child in tape.children(i):
            _branch(tape, child, depth + 1, lines)
    elif tape.is_obis(i):
        lines.append(head + "%d-%d:%d.%d.%d*%d" % tuple(tape.octets(i)))
    else:
        value = tape.number(i)
        if value is None:
            raw = tape.octets(i) if tape.tag(i) in (9, 10, 12, 25, 26, 27) else b""
            text = tape.text(i)
            value = '"%s"' % text if text else hexlify(raw).decode()
        lines.append(head + str(value))
