# uMeter - who may see the pages: sessions, tokens against forged forms, tries of passwords
# MIT license; Copyright (c) 2026 The uMeter authors

# A session is "<end>-<nonce>-<signature>" in a cookie; its key lives as long as the device is
# awake, so a restart ends all sessions. The token in a form is the signature of the session (or of
# nothing, on the set-up network): another site can neither read nor make it.

from binascii import hexlify
from micropython import const

_SESSION_S = const(1800)
_TRIES = const(5)  # at once; then one in
_RETRY_S = const(10)


def _hex(data):
    return hexlify(data).decode()


class Access:
    """mac: HmacSha256 with a random key; equal: comparison in constant time; random: f(n)."""

    def __init__(self, mac, equal, random):
        self._mac = mac
        self._equal = equal
        self._random = random
        self._tries = _TRIES
        self._refilled = 0

    def _sign(self, purpose, text):
        return _hex(self._mac.mac(purpose, b"\x00", text.encode())[:16])

    def open_session(self, now):
        """Value of a new session's cookie; now: seconds of uptime."""
        body = "%x-%s" % (now + _SESSION_S, _hex(self._random(8)))
        return body + "-" + self._sign(b"session", body)

    def has_session(self, cookie, now):
        """Whether a cookie's value is one of ours, and not over."""
        if not cookie or len(cookie) > 80:
            return False
        body, _, signature = cookie.rpartition("-")
        if not self._equal(self._sign(b"session", body).encode(), signature.encode()):
            return False
        return int(body.split("-")[0], 16) > now

    def token(self, cookie):
        """What a form has to bring back; cookie: of the session, "" without one."""
        return self._sign(b"form", cookie)

    def wait_s(self, now):
        """Seconds until a password may be tried again, 0: now."""
        refills = (now - self._refilled) // _RETRY_S
        if refills > 0:
            self._tries = min(_TRIES, self._tries + refills)
            self._refilled += refills * _RETRY_S
        return 0 if self._tries else self._refilled + _RETRY_S - now

    def is_password(self, given, password, now):
        """Whether it is right; only while wait_s() is 0. A wrong one uses up a try."""
        if self.wait_s(now):
            return False
        # Signatures are compared: neither length nor beginning shows in the time it takes.
        if self._equal(self._mac.mac(given.encode()), self._mac.mac(password.encode())):
            return True
        self._tries -= 1
        return False
