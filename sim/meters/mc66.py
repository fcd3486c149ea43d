# uMeter - a simulated MULTICAL 66C or 66B
# MIT license; Copyright (c) 2026 The uMeter authors

# Pure core like sim/meters/multical.py. A wire carries bytes only, so a reader that listens at
# a wrong speed is not noticed here; the pace of the replies is that of the real line.

import random


class Mc66:
    """model: "66c" or "66b". damage, drop: chances from 0 to 1 per reply."""

    bits, parity, stop = 7, 0, 1

    def __init__(self, model="66c", serial=7210086, echo=False, drop=0.0, damage=0.0,
                 answer_ms=1200, ccc="119", seed=None):  # fmt: skip
        if not 0 <= serial < 10**11:
            raise ValueError("a customer number of 11 digits, not %d" % serial)
        self.baudrate = 300
        self.model, self.serial, self.echo = model, serial, echo
        self.drop, self.damage, self.answer_ms, self.ccc = drop, damage, answer_ms, ccc
        self.seen = {"requests": 0, "dropped": 0, "damaged": 0}
        self.log = lambda text: None
        self._random = random.Random(seed)
        self._buffer = b""

    def feed(self, data, now_ms):
        """What the line brought -> [(delay_ms, bytes)]."""
        self._buffer = (self._buffer + bytes(data).replace(b"\0", b""))[-20:]
        out = [(0, bytes(data))] if self.echo and data else []
        for request, (baudrate, reply) in self._replies().items():
            if self._buffer.endswith(request):
                self._buffer = b""
                self.seen["requests"] += 1
                self.log(repr(request))
                self.baudrate = baudrate
                out += self._spoil(reply)
        return out

    def _replies(self):
        ident = b"/KAM MC\r\n" if self.model == "66c" else b"/KAM 0 MC\r\n"
        block = self._block()
        replies = {
            b"/?!\r\n": (300, ident + block if self.model == "66c" else ident),
            b"/#1\r": (1200, b"0005672 0013212 0073327 0006543 0003210 0003333 0000123 0000317"
                             b" 0000150 0000000 \r"),
            b"/#2\r": (1200, b"%011d " % self.serial + b"0000000 " * 6
                             + b"0034" + self.ccc.encode() + b" 2101300 0230615 \r"),
        }  # fmt: skip
        if self.model == "66c":
            replies[b"/#C"] = (1200, b"0002251 -002735 0001820 0000000 0000000 0000020 0000000"
                                     b" 0000000 \r")  # fmt: skip
        else:
            replies[b"\x06000\r\n"] = (300, block)
        return replies

    def _block(self):
        if self.model == "66c":
            sets = (b"0.0(%011d)\r\n6.8(00056.72*MWh)\r\n6.26(001321.2*m3)\r\n6.31(0073327*h)!\r\n"
                    % self.serial)  # fmt: skip
        else:
            sets = (b"0.0(%011d)6.8(0056726*kWh)6.26(01321.27*m3)6.31(0073327*h)!\r\n"
                    % self.serial)  # fmt: skip
        return b"\x02" + sets + b"\x03" + bytes((sum(sets + b"\x03") & 0x7F,))

    def _spoil(self, reply):
        if self._random.random() < self.drop:
            self.seen["dropped"] += 1
            return []
        if self._random.random() < self.damage:
            self.seen["damaged"] += 1
            at = self._random.randrange(len(reply))
            hit = reply[at] ^ 1 << self._random.randrange(7)
            reply = reply[:at] + bytes((hit,)) + reply[at + 1 :]
        return [(self.answer_ms, reply)]
