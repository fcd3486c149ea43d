# uMeter - a HAN, M-Bus or P1 capture for a person, layer by layer
# MIT license; Copyright (c) 2026 The uMeter authors

from binascii import hexlify, unhexlify

from firmware.meters import cosem_time, glo, llc, p1_message
from firmware.meters.ber import length_at
from firmware.meters.han_link import FLAG, LONG_FRAME, SLASH, FrameFinder
from firmware.meters.han_telegram import FrameError
from firmware.meters.scan import BAD, CHECKED, CIPHERED
from firmware.reading import Quantity, decimal
from tools.decode import han

_BLOCK = 0xE0
_LIMIT = 4096


def explain(record):
    """What decode() says of the record, and how it came to that, as text of several lines."""
    data = unhexlify(record["frame"])
    lines = ["%s: %d bytes" % (record.get("id"), len(data))]
    _frames(data, lines)
    found = han.telegrams(record)
    for telegram in found or [han.best(found)]:
        lines.append("%s %s" % (telegram.result, telegram.reason))
        lines.append("  layers   " + (" > ".join(telegram.layers) or "none"))
        if telegram.title is not None:
            lines.append("  title    %s  counter %s" % (_title(telegram.title), telegram.counter))
        if telegram.apdu:
            _clear(telegram.apdu, lines)
        for note in telegram.notes:
            lines.append("  note     " + note)
        for name in telegram.values:
            lines.append("  %-32s %s" % (name, _shown(telegram, name)))
    return "\n".join(lines)


def _hex(data):
    return hexlify(bytes(data)).decode().upper()


def _title(title):
    text = "".join([chr(byte) if 32 < byte < 127 else "." for byte in title[:3]])
    return "%s (%s)" % (_hex(title), text) if title else "none"


# -- the frames of the link layer, as the decoder finds them --


class _NoTape:
    tape = None


def _frames(data, lines):
    def take(view, pos, found):
        first = view[pos]
        if first == FLAG:
            _hdlc(view, pos, found, lines)
        elif first == LONG_FRAME:
            _mbus(view, pos, found, lines)
        elif first == SLASH:
            _p1(view, pos, found, lines)
        return True

    finder = FrameFinder(_LIMIT, False, _NoTape, take)
    # Without a link layer there is nothing to show here: only linked frames are looked for.
    finder._bare = 0
    finder.feed(data)
    finder.drop()


def _verdict(found, *names):
    # "HCS right, FCS wrong": the checks come in this order, the first wrong one ends it.
    words = []
    for name in names:
        if found[0] == BAD and found[5] == name.lower():
            words.append(name + " wrong")
            break
        words.append(name + " right")
    if found[0] == BAD and found[5] == "flag":
        words.append("no closing flag")
    return ", ".join(words)


def _hdlc(view, pos, found, lines):
    head = view[pos + 1] << 8 | view[pos + 2]
    lines.append("HDLC     format %04X: %d bytes between the flags%s" % (
        head, head & 0x7FF, ", more segments follow" if head & 0x800 else ""))
    at = pos + 3
    ends = []
    for _ in range(2):
        while not view[at] & 1:
            at += 1
        at += 1
        ends.append(at)
    lines.append("  to %s  from %s  control %02X  %s" % (
        _hex(view[pos + 3 : ends[0]]), _hex(view[ends[0] : ends[1]]), view[at],
        _verdict(found, "HCS", "FCS")))
    if found[0] != BAD:
        _inside(view[found[2] : found[3]], lines)


def _mbus(view, pos, found, lines):
    lines.append("M-Bus    L %02X  C %02X  A %02X  CI %02X: frame %d%s, to %02X from %02X  %s" % (
        view[pos + 1], view[pos + 4], view[pos + 5], view[pos + 6], view[pos + 6] & 15,
        ", the last" if view[pos + 6] & 16 else "", view[pos + 8], view[pos + 7],
        _verdict(found, "checksum")))
    if found[0] != BAD:
        _inside(view[found[2] : found[3]], lines)


def _p1(view, pos, found, lines):
    start = found[2]
    ident = "/" + p1_message.ident_of(view, pos, start)
    if found[4] == CIPHERED:
        lines.append("P1       %s" % ident)
        _ciphering(view, start, found[3], lines)
        return
    check = "CRC wrong" if found[0] == BAD else "CRC right" if found[4] == CHECKED else "no CRC"
    lines.append("P1       %s  %d bytes of lines  %s" % (ident, found[3] - start, check))


def _inside(data, lines):
    # What the first bytes of an information field tell; later segments tell nothing.
    if llc.begins(data):
        lines.append("  LLC      " + _hex(data[:3]))
        data = data[llc.SIZE :]
    if len(data) > 6 and data[0] == _BLOCK:
        size, start = length_at(data, 6, len(data))
        if size >= 0:
            lines.append("  GBT      control %02X: block %d%s, %d bytes" % (
                data[1], data[2] << 8 | data[3], ", the last" if data[1] & 0x80 else "", size))
            data = data[start:]
    if len(data) and data[0] == glo.TAG:
        _ciphering(data, 1, len(data), lines)


def _ciphering(data, at, end, lines):
    size = data[at]
    title = bytes(data[at + 1 : at + 1 + size])
    length, start = length_at(data, at + 1 + size, end)
    if size > 8 or length < 5 or start + 5 > end:
        return
    control = data[start]
    words = []
    for bit, word in ((0x10, "authenticated"), (0x20, "encrypted"), (0x80, "compressed")):
        if control & bit:
            words.append(word)
    try:
        glo.header(data, at, end)
        whole = ""
    except FrameError as error:
        whole = ", goes on" if error.result == "no_values" else ", not as it should be"
    lines.append("  ciphered title %s  security %02X: suite %d, %s  counter %d  %d bytes%s" % (
        _title(title), control, control & 15, " and ".join(words) or "neither",
        int.from_bytes(bytes(data[start + 1 : start + 5]), "big"), length, whole))


# -- the clear text --


def _clear(apdu, lines):
    if apdu[0] == SLASH or 0x30 <= apdu[0] <= 0x39:
        text = "".join([chr(b) if 32 <= b < 127 or b in b"\r\n" else "?" for b in apdu])
        lines.extend("  | " + line.strip("\r") for line in text.split("\n") if line)
        return
    lines.append("  apdu     " + _hex(apdu))
    lines.extend(_tree(apdu))


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


def _place(tape, i):
    return tape.data, tape.start(i)


def _branch(tape, i, depth, lines):
    head = "  " * (depth + 2) + "%02X " % tape.tag(i)
    if tape.tag(i) in (1, 2):
        lines.append(head + "%d elements" % tape.size(i))
        for child in tape.children(i):
            _branch(tape, child, depth + 1, lines)
    elif tape.is_obis(i):
        lines.append(head + "%d-%d:%d.%d.%d*%d" % tuple(tape.octets(i)))
    elif tape.size(i) == 12 and tape.tag(i) in (9, 25) and cosem_time.fields(*_place(tape, i)):
        lines.append(head + cosem_time.text(cosem_time.fields(*_place(tape, i))))
    else:
        value = tape.number(i)
        if value is None:
            raw = tape.octets(i) if tape.tag(i) in (9, 10, 12, 25, 26, 27) else b""
            text = tape.text(i)
            value = '"%s"' % text if text else hexlify(raw).decode()
        lines.append(head + str(value))
