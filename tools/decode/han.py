# uMeter - decodes one record with a HAN, M-Bus or P1 capture
# MIT license; Copyright (c) 2026 The uMeter authors

# Runs on CPython and MicroPython: `meterctl decode` feeds it JSON lines.

from binascii import unhexlify

from firmware.meters import llc
from firmware.meters.han_telegram import Telegram
from firmware.reading import Quantity, decimal
from tools.decode import numbers
from tools.decode.capture import RANK, CaptureDecoder

_FLOAT_MOST = 100000  # above, a float of 24 bits is off by more than a hundredth


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

    A capture may lack its link layer, which no checksum tells: that is tried first only if it
    begins with an LLC header, else if nothing on the line would be read from it.
    """
    data = unhexlify(record["frame"])
    found = _run(record, data, chunks, llc.at(data))
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
    if abs(mantissa) >= _FLOAT_MOST * 10 ** -min(exponent, 0):
        return numbers.number(mantissa, exponent)
    return mantissa * 10**exponent if exponent >= 0 else float(decimal(mantissa, exponent))


def best(found):
    """The Telegram that says most about a stream; of equals the first."""
    for result in RANK:
        for telegram in found:
            if telegram.result == result:
                return telegram
    return Telegram("no_values", "noise", [])


def decode(record):
    """{"id", "frame", "encryption_key", "authentication_key"} to {"id", "result", ...}.

    The results are listed in docs/han.md; a stream with several telegrams gives the first with
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
