# uMeter - meterctl provision: a key for a new device, and the label for its box
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import secrets
from enum import Enum
from pathlib import Path
from typing import Optional

import segno
import typer

from firmware.net.topics import padded
from tools.keys import DEFAULT_FILE, KeysError, parse_keys, same_serial
from tools.meterctl import options


class Kind(str, Enum):
    heat = "heat"
    pulses = "pulses"
    water = "water"


NETWORK = {Kind.heat: "KAM_", Kind.pulses: "EL_", Kind.water: "WATER_"}
KindOption = typer.Option(Kind.heat, "--kind", help="Decides the set-up network's name.")
PASSWORD_DIGITS = 16  # of the key; unless the build has a SETUP_PASSWORD of its own


def wifi_text(ssid, password):
    """What phones read from a QR code to join a network."""
    escaped = [
        "".join("\\" + c if c in '\\;,:"' else c for c in text) for text in (ssid, password)
    ]
    return "WIFI:T:WPA;S:%s;P:%s;;" % tuple(escaped)


def keep_key(path, serial, key):
    """Append the key to the file, made for its owner alone; KeysError if there is one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        known = parse_keys(before, str(path)) if before.strip() else {}
        for other in known:
            if same_serial(other, serial):
                raise KeysError("%s holds a key for %s already" % (path, other))
        with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
            file.write("\n" if before and not before.endswith("\n") else "")
            file.write("%s %s\n" % (serial, key))
            file.flush()
            os.fsync(file.fileno())
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError("cannot keep the key: %s" % error) from None


def provision(
    serial: str = typer.Argument(help="The meter's serial number."),
    kind: Kind = KindOption,
    keys: Optional[str] = typer.Option(
        None, "--keys", "-k", envvar="UMETER_KEYS",
        help="File that the key is appended to; %s otherwise." % DEFAULT_FILE),
):  # fmt: skip
    """Make a device's key, keep it, and print the label with its set-up network.

    The key goes to the keys file and nowhere else. The label shows the name
    and the password of the network that the device opens after power-on, and
    a QR code that lets a phone join it. The password is the first 16 digits of
    the key, as in stock MeterLogger devices.

    Example:

        meterctl provision 6892850
        make flash KEY=$(awk '$1 == "6892850" { print $2 }' ~/.config/umeter/keys)
    """
    options.checked_serial(serial)
    path = Path(keys or DEFAULT_FILE).expanduser()
    key = secrets.token_hex(16)
    try:
        keep_key(path, serial, key)
    except KeysError as error:
        options.fail(str(error))
    ssid, password = NETWORK[kind] + padded(serial), key[:PASSWORD_DIGITS]
    print("Meter     %s\nNetwork   %s\nPassword  %s\n" % (serial, ssid, password))
    segno.make(wifi_text(ssid, password), error="m", micro=False).terminal(compact=True)
    options.say("the key is in %s" % path)
