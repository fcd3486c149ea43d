# uMeter - where host tools find the master keys of devices
# MIT license; Copyright (c) 2026 The uMeter authors

# A key on the command line would stand in the process list and the shell's history,
# so it comes from a file or the environment only.

import os
import stat
from pathlib import Path

from firmware.crypto.envelope import Envelope
from firmware.crypto.keys import parse_key

DEFAULT_FILE = "~/.config/umeter/keys"
ANY_SERIAL = "*"


class KeysError(ValueError):
    """What is wrong with the keys, in words for a person; never shows a key."""


def _plain(serial):
    """Serial as compared: samples of heat meters carry it without leading zeros."""
    return serial.lstrip("0") or "0"


def same_serial(a, b):
    return _plain(a) == _plain(b)


class KeyRing:
    """Master keys by serial number; `*` stands for every other serial."""

    def __init__(self, keys, origin="", warnings=()):
        self._keys = {_plain(serial): key for serial, key in keys.items()}
        self._envelopes = {}
        self.origin = origin
        self.warnings = list(warnings)

    def envelope(self, serial):
        """Envelope of the device's key; None when there is no key for it."""
        key = self._keys.get(_plain(serial), self._keys.get(ANY_SERIAL))
        if key is None:
            return None
        if key not in self._envelopes:
            self._envelopes[key] = Envelope(key)
        return self._envelopes[key]


def parse_keys(text, origin):
    """Lines `serial key`, `#` begins a comment -> {serial: 16 bytes}."""
    keys = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            if len(words) != 2:
                raise ValueError("two words needed, serial and key")
            serial, key = words
            if _plain(serial) in map(_plain, keys):
                raise ValueError("serial %s stands there twice" % serial)
            keys[serial] = parse_key(key)
        except ValueError as error:
            raise KeysError("%s, line %d: %s" % (origin, number, error)) from None
    if not keys:
        raise KeysError("%s holds no keys; one line for each device: serial key" % origin)
    return keys


def _from_file(path):
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError("cannot read the keys: %s" % error) from None
    warnings = []
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.append("others can read %s: chmod 600 it" % path)
    return KeyRing(parse_keys(text, str(path)), str(path), warnings)


def find_keys(path=None, environ=os.environ):
    """KeyRing of the first that is given: path, UMETER_KEY, UMETER_KEYS, the default file."""
    if path is None and environ.get("UMETER_KEY"):
        try:
            return KeyRing({ANY_SERIAL: parse_key(environ["UMETER_KEY"])}, "UMETER_KEY")
        except ValueError as error:
            raise KeysError("UMETER_KEY: %s" % error) from None
    if path is None and environ.get("UMETER_KEYS"):
        path = environ["UMETER_KEYS"]
    if path is not None:
        return _from_file(Path(path).expanduser())
    default = Path(DEFAULT_FILE).expanduser()
    if default.exists():
        return _from_file(default)
    raise KeysError(
        "no keys: write lines `serial key` to %s (or name another file with --keys or "
        "UMETER_KEYS), or set UMETER_KEY" % DEFAULT_FILE
    )
