# uMeter - general-glo-ciphering: AES-128-GCM around an APDU
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: DLMS UA Green Book section 9.2.3.3 and 9.2.7 (suites 0 and 1 both use AES-GCM-128).
#   DB | length | system title | length | security control | invocation counter 4 | ... | tag 12
# IV = title, padded with zeros to eight bytes, and counter. AAD = security control and
# authentication key; without encryption (SC 10) the clear text follows them.

from micropython import const

from firmware.crypto.gcm import Gcm, GcmError
from firmware.meters.ber import length_at
from firmware.meters.han_telegram import FrameError

TAG = const(0xDB)
_AUTHENTICATED = const(0x10)
_ENCRYPTED = const(0x20)
_COMPRESSED = const(0x80)
_SUITE = const(0x0F)
_TAG_SIZE = const(12)
_TITLES_MAX = const(4)  # meters whose counters are remembered


class Header:
    """Where things are in data: title, security control, counter, and body[start:stop]."""

    def __init__(self, title, control, counter_at, start, stop):
        self.title = title
        self.control = control
        self.counter_at = counter_at
        self.start = start
        self.stop = stop


def header(data, pos, end):
    """Header of what begins at data[pos] with the title's length (behind the tag DB).

    FrameError: "incomplete" if the announced length goes beyond end, else "structure".
    """
    if pos >= end:
        raise FrameError("no_values", "incomplete")
    size = data[pos]
    if size > 8:
        raise FrameError("reject", "structure")
    at = pos + 1 + size
    length, start = length_at(data, at, end)
    if length == -2 or (length >= 0 and (length < 5 or length > 4096)):
        raise FrameError("reject", "structure")
    if length < 0 or start >= end:
        raise FrameError("no_values", "incomplete")
    control = data[start]
    if not control & 0x30 or control & _COMPRESSED or control & _SUITE > 1:
        raise FrameError("reject", "structure")
    if control & _AUTHENTICATED and length < 5 + _TAG_SIZE:
        raise FrameError("reject", "structure")
    if start + length > end:
        raise FrameError("no_values", "incomplete")
    title = bytes(data[pos + 1 : pos + 1 + size])
    return Header(title, control, start + 1, start + 5, start + length)


class Decipher:
    """Keys and counters of the meter.

    replay: what happens when the counter of a title does not grow: "auto" (an authenticated
    telegram is dropped, others are marked), "warn" or "drop". Meters that send no title leave
    their counter at 0, too: "auto" only marks those.
    """

    def __init__(self, encryption_key, authentication_key, replay="auto"):
        if authentication_key is not None and len(authentication_key) != 16:
            raise ValueError("authentication key: 16 bytes needed")
        self._gcm = Gcm(encryption_key) if encryption_key else None
        self._aad = bytearray(17)
        self._has_authentication = bool(authentication_key) and any(authentication_key)
        if self._has_authentication:
            self._aad[1:] = authentication_key
        self._iv = bytearray(12)
        self._replay = replay
        self._counters = {}  # title -> counter; of authenticated telegrams,
        self._unsure = {}  # of the others: they may be anybody's

    def open(self, data, head, telegram, plausible):
        """Clear text of the ciphered body. FrameError: need_key, "tag", "wrong_key", "replay".

        plausible(data, stop) tells whether clear text is what a meter sends.
        """
        telegram.title = head.title
        telegram.counter = int.from_bytes(data[head.counter_at : head.start], "big")
        encrypted = head.control & _ENCRYPTED
        if not self._gcm and encrypted:
            raise FrameError("need_key", "".join("%02X" % byte for byte in head.title))
        iv = self._iv
        iv[:8] = bytes(8)
        iv[: len(head.title)] = head.title
        iv[8:] = data[head.counter_at : head.start]
        stop = head.stop - (_TAG_SIZE if head.control & _AUTHENTICATED else 0)
        body = data[head.start : stop]
        authentic = head.control & _AUTHENTICATED and self._has_authentication and self._gcm
        if authentic:
            clear = self._verified(data, head, body, stop, plausible)
        elif self._has_authentication and head.title in self._counters:
            raise FrameError("reject", "tag")  # it can do better: somebody has cut the tag off
        else:
            clear = self._gcm.crypt(iv, body) if encrypted else bytes(body)
            if not plausible(clear, len(clear)):
                raise FrameError("reject", "wrong_key" if encrypted else "structure")
            telegram.notes.append("unauthenticated")
        self._fresh(telegram, authentic)
        return clear

    def _verified(self, data, head, body, stop, plausible):
        self._aad[0] = head.control
        tag = data[stop : head.stop]
        try:
            if head.control & _ENCRYPTED:
                return self._gcm.open(self._iv, body, self._aad, tag)
            clear = bytes(body)
            self._gcm.open(self._iv, b"", bytes(self._aad) + clear, tag)
            return clear
        except GcmError:
            # A clear text that makes sense vouches for the encryption key only.
            clear = self._gcm.crypt(self._iv, body) if head.control & _ENCRYPTED else bytes(body)
            reason = "tag" if plausible(clear, len(clear)) else "wrong_key"
            raise FrameError("reject", reason)

    def _fresh(self, telegram, authentic):
        title = telegram.title
        counters = self._counters if authentic else self._unsure
        last = counters.get(title, -1)
        if telegram.counter > last:
            if last < 0 and len(counters) >= _TITLES_MAX:
                counters.clear()
            counters[title] = telegram.counter
            return
        if self._replay == "drop" or (self._replay == "auto" and authentic and title):
            raise FrameError("reject", "replay")
        telegram.notes.append("counter %d after %d" % (telegram.counter, last))
