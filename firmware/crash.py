# uMeter - what is kept of a crash, until somebody asks for it
# MIT license; Copyright (c) 2026 The uMeter authors

# Loaded when there is something to keep or to tell, and not before. One small file, the newest
# crash first; it is written under another name and renamed, so the old one or the new one is
# there whenever the power fails.

import io
import json
import os
import sys
from micropython import const

import config

PATH = "/data/crash"
_ENTRY = const(700)  # bytes of one crash: the end of its traceback tells most
_MOST = const(1536)  # bytes of the file; a reply carries all of it
_MASK = "***"
# Without settings at hand, every text in these files passes for a secret.
_FILES = ("settings", "settings.new", "settings.old", "state", "state.new", "state.old")
_SECRETS = ("KEY", "WIFI_PASSWORD", "SETUP_PASSWORD", "MQTT_PASSWORD", "HAN_ENCRYPTION_KEY",
            "HAN_AUTHENTICATION_KEY")  # fmt: skip


def keep(what, uptime, stores=None):
    """Writes it down and returns its text, without any secret.

    what: exception or text. stores: the Settings in use; None: there are none, or who knows.
    OSError: the flash did not take it; the text is on the console then.
    """
    if isinstance(what, str):
        text = what + "\n"
    else:
        out = io.StringIO()
        sys.print_exception(what, out)
        text = out.getvalue()
    text = _masked(text, _secrets(stores))
    if len(text) > _ENTRY:
        text = text[-_ENTRY:]
        text = "..." + text[text.find("\n") :]  # from a line's begin
    print(text, end="")
    old = told()
    number = _number(old) + 1
    text = "crash %d, after %d s, %s\n%s" % (number, uptime, config.VERSION, text)
    _write(text + _whole(old, _MOST - len(text.encode())))
    return text


def told():
    """All that is kept, the newest first; "": there was no crash."""
    try:
        with open(PATH) as file:
            return file.read(_MOST)
    except OSError:
        return ""
    except ValueError:  # UnicodeError: not ours
        return ""


def _write(text):
    folder = PATH.rpartition("/")[0]
    try:
        os.stat(folder)
    except OSError:
        os.mkdir(folder)
    with open(PATH + ".new", "w") as file:
        file.write(text)
    os.rename(PATH + ".new", PATH)


def _number(text):
    """Of the newest crash; 0 if there is none."""
    word = text[6:].partition(",")[0]
    return int(word) if text.startswith("crash ") and word.isdigit() else 0


def _whole(text, room):
    """As many whole entries as there is room for."""
    while len(text.encode()) > room:
        cut = text.rfind("\ncrash ")
        if cut < 0:
            return ""
        text = text[: cut + 1]
    return text


def _secrets(stores):
    found = []
    for name in _SECRETS:
        _collect(getattr(config, name, ""), found)
    if stores is None:
        for name in _FILES:
            _collect(_stored("/data/" + name), found)
    else:
        for store in stores:
            _collect(store.secrets(), found)
    found.sort(key=len, reverse=True)  # one may be a part of another
    return found


def _stored(path):
    """Values in a file of settings, whole or not."""
    try:
        with open(path) as file:
            file.readline()
            return list(json.load(file).values())
    except (OSError, ValueError, AttributeError):
        return ()


def _collect(value, found):
    """Texts in a value or in lists of values, as they are and as repr() shows them."""
    if isinstance(value, str):
        for text in (value, value.lower(), value.upper(), repr(value)[1:-1]):
            if text and text not in found:
                found.append(text)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _collect(inner, found)


def _masked(text, secrets):
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return text
