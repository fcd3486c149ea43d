# uMeter - EN 61107 / IEC 62056-21: collects replies from the line, checks and reads data blocks
# MIT license; Copyright (c) 2026 The uMeter authors

# The characters have 7 bits. MULTICAL 66 and the 382 sum them modulo 128 for the block check,
# from after STX up to ETX (5511-634 C1; 382 specification 040611); OMNIPOWER takes ISO 1155, the
# exclusive or (5512-1458 B1). EOT instead of ETX: more blocks follow.

from micropython import const

from firmware.reading import parse_decimal

STX = const(2)
ETX = const(3)
EOT = const(4)
SUM = const(1)  # block checks that are right, as bits
XOR = const(2)

_PUNCTUATION = ".:-*&"  # of codes such as 1.6*1, 1-0:1.8.0, C.1


class BlockError(ValueError):
    """args[0]: "incomplete", "bcc" or "malformed"."""


class Collector:
    """Bytes of a half-duplex line -> replies. Bounded: of a flood the newest `most` stay.

    An optical head hears its own light: the request is dropped where it comes back.
    """

    def __init__(self, most=400):
        self._most = most
        self._request = b""
        self.data = bytearray()
        self.echoes = 0

    def begin(self, request, keep=False):
        """A request goes out. keep: the reply before it is still wanted."""
        self._request = request
        if not keep:
            self.data = bytearray()

    def feed(self, data):
        """What came; NULs are noise, but as a block check; the eighth bit is parity."""
        for byte in data:
            if byte & 0x7F or self.data[-1:] == b"\x03" and b"\x02" in self.data:
                self.data.append(byte & 0x7F)
        if self._request:
            at = self.data.find(self._request)
            if at >= 0:
                self._drop(at + len(self._request))  # and what was heard while we spoke
                self._request = b""
                self.echoes += 1
        if len(self.data) > self._most:
            self._drop(len(self.data) - self._most)

    def _drop(self, count):
        self.data = self.data[count:]

    def line(self):
        """The next line with something in it, up to its CR, without it; None: not there yet."""
        while True:
            at = self.data.find(b"\r")
            if at < 0:
                return None
            found = bytes(self.data[:at])
            self._drop(at + 1)
            if found.strip():
                return found

    def identified(self):
        """True when a line that begins with a slash is there to its end."""
        return self.data.find(b"\n", self.data.find(b"/") + 1) >= 0 and b"/" in self.data

    def block(self):
        """Identification, data block and block check; None: not there yet."""
        while b"\x03" in self.data:
            begin, end = _bounds(self.data)
            if end + 2 > len(self.data):
                return None
            found = bytes(self.data[begin : end + 2])
            self._drop(end + 2)
            if b"\x02" in found:
                return found
        return None


def _bounds(data):
    """(begin, ETX) of the first block that has an ETX; past the end if none has.

    STX in the midst of a block: its end was lost, here comes another one.
    """
    begin = at = 0
    inside = False
    while at < len(data) and data[at] != ETX:
        if data[at] == STX:
            if inside:
                slash = data.rfind(b"/", begin, at)
                begin = slash if slash > data.rfind(b"\x02", begin, at) else at
            inside = True
        elif inside and data[at] == EOT and data[at + 2 : at + 3] == b"\x02":
            at += 2  # the next part of the same reply; the check may look like anything
        at += 1
    return begin, at


def checks(body, bcc):
    """Bits SUM and XOR: which checks of body (after STX, with ETX or EOT) give bcc."""
    total = parity = 0
    for byte in body:
        total += byte
        parity ^= byte
    return (SUM if total & 0x7F == bcc else 0) | (XOR if parity == bcc else 0)


def split(data):
    """Bytes up to a block check -> (what stands before STX, [body with its ETX or EOT], checks).

    checks: the bits that are right for all blocks. BlockError.
    """
    start = data.find(b"\x02")
    if start < 0:
        raise BlockError("incomplete")
    head = data[:start]
    bodies = []
    right = SUM | XOR
    while True:
        end = start + 1
        while end < len(data) and data[end] not in (ETX, EOT):
            end += 1
        if end + 1 >= len(data):
            raise BlockError("incomplete")
        body = bytes(data[start + 1 : end + 1])
        right &= checks(body, data[end + 1])
        bodies.append(body)
        if data[end] == ETX:
            return head, bodies, right
        start = end + 2
        if data[start : start + 1] != b"\x02":
            raise BlockError("incomplete" if start >= len(data) else "malformed")


def parse_block(data, check=SUM):
    """Identification to block check -> (identification, {code: (value, unit)}), all texts.

    Of several brackets of a code the first. BlockError.
    """
    head, bodies, right = split(data)
    if not right & check:
        raise BlockError("bcc")
    found = {}
    for code, brackets in data_sets(b"".join(body[:-1] for body in bodies)):
        number_, _, unit = brackets[0].partition("*")
        found[code] = (number_, unit)
    return identification(head), found


def identification(head):
    """Text of the last line that begins with a slash: an echo of /?! may stand before it."""
    at = head.rfind(b"/")
    if at < 0 or head[at + 1 : at + 2] == b"?":
        return ""
    return text(head[at + 1 :]).replace("\n", "\r").split("\r")[0]


def data_sets(body):
    """Lines of `code(bracket)(bracket)`, up to `!` -> [(code, [bracket, ...])]. BlockError."""
    found = []
    rest = text(body)
    while True:
        head, opened, rest = rest.partition("(")
        before, ended, _ = head.partition("!")
        code = before.strip()
        if ended or not opened:
            break
        bracket, closed, rest = rest.partition(")")
        if not closed or "(" in bracket or "\r" in bracket or "\n" in bracket:
            raise BlockError("malformed")
        if code:
            found.append((code, [bracket]))
        elif found:
            found[-1][1].append(bracket)  # when a maximum was, a column's unit ...
        else:
            raise BlockError("malformed")
        if not all(char.isalpha() or char.isdigit() or char in _PUNCTUATION for char in code):
            raise BlockError("malformed")
    if code:  # a code without a value, or no text of data sets at all
        raise BlockError("malformed")
    return found


def text(data):
    """Printable 7-bit characters and line ends as text. BlockError for others."""
    for byte in data:
        if byte > 0x7E or (byte < 0x20 and byte not in b"\r\n"):
            raise BlockError("malformed")
    return bytes(data).decode()


def number(digits):
    """ "00056.72" or "000018,3" -> (mantissa, exponent); ValueError for everything else."""
    return parse_decimal(digits.replace(",", "."))
