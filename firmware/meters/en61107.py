# uMeter - EN 61107 / IEC 61107 data block: identification, data sets, block check
# MIT license; Copyright (c) 2026 The uMeter authors

# MULTICAL 66 sends 7-bit characters; its block check is their sum modulo 128 from after STX
# up to ETX (so is that of the 382); OMNIPOWER uses ISO 1155, the exclusive or.

from firmware.reading import parse_decimal

STX, ETX = 2, 3


class BlockError(ValueError):
    """args[0]: "incomplete", "bcc" or "malformed"."""


def checksum(data):
    """(7-bit sum, exclusive or) of bytes."""
    total = parity = 0
    for byte in data:
        total += byte
        parity ^= byte
    return total & 0x7F, parity & 0x7F


def is_complete(data):
    """True when STX, ETX and the block check are there."""
    start = data.find(b"\x02")
    end = data.find(b"\x03", start + 1)
    return 0 <= start < end < len(data) - 1


def parse_block(data, iso1155=False):
    """bytes from the identification to the block check -> (identification, {code: (value, unit)}).

    value and unit are texts as they stand there. BlockError.
    """
    if not is_complete(data):
        raise BlockError("incomplete")
    start = data.find(b"\x02")
    end = data.find(b"\x03", start + 1)
    if checksum(data[start + 1 : end + 1])[1 if iso1155 else 0] != data[end + 1]:
        raise BlockError("bcc")
    return _identification(data[:start]), _sets(data[start + 1 : end])


def _identification(head):
    # The last line that begins with a slash: an echo of /?! may stand before it.
    at = head.rfind(b"/")
    if at < 0:
        return ""
    text = _text(head[at + 1 :])
    for end in ("\r", "\n"):
        text = text.split(end)[0]
    return text


def _sets(data):
    found = {}
    rest = _text(data).split("!")[0]
    while True:
        head, opened, rest = rest.partition("(")
        if not opened:
            break
        value, closed, rest = rest.partition(")")
        code = head.strip()
        if not closed or "(" in value or not (code or found):
            raise BlockError("malformed")
        if not code:
            continue  # a second bracket: when a maximum was
        number, _, unit = value.partition("*")
        found[code] = (number, unit)
    return found


def _text(data):
    for byte in data:
        if byte > 0x7E or (byte < 0x20 and byte not in b"\r\n"):
            raise BlockError("malformed")
    return bytes(data).decode()


def number(text):
    """ "00056.72" or "000018,3" -> (mantissa, exponent); ValueError for everything else."""
    return parse_decimal(text.replace(",", "."))
