# uMeter - make wifisetup: joins the set-up network of a device and opens its page
# MIT license; Copyright (c) 2026 The uMeter authors

# NetworkManager's nmcli does the joining, with a profile that it keeps in memory only; without
# the profile it goes back to the network that it knew before. The password goes through a pipe:
# on nmcli's command line everybody on this computer could read it, and by default it is half of
# the key.

import os
import re
import shutil
import subprocess
import sys
import time
import webbrowser

from rich.console import Console
from rich.prompt import IntPrompt

from tools.build import command_line
from tools.config import ConfigError
from tools.config.collect import collect, parse_overrides

ADDRESS = "http://192.168.4.1/"
_PROFILE = "umeter-setup"
_NAME = re.compile(r"(?:KAM|EL|WATER)_(\d{7,})")  # with the serial
_LOOKS, _PAUSE_S = 24, 5  # two minutes, as long as the network is there after power-on
_JOIN_S = 45


class WifiSetupError(Exception):
    """What went wrong, in words for the user."""


def find(serial=""):
    """The set-up networks in sight, sorted by name; of a serial if one is given."""
    nmcli("device", "wifi", "rescan", check=False)  # refused if the last one was just now
    said = nmcli("--terse", "--escape", "no", "--fields", "SSID", "device", "wifi", "list")
    names = {line for line in said.splitlines() if _NAME.fullmatch(line)}
    return sorted(name for name in names
                  if not serial or int(_NAME.fullmatch(name)[1]) == int(serial))  # fmt: skip


def join(name, password):
    """Joins a network, for as long as leave() is not called."""
    leave()
    nmcli("connection", "add", "save", "no", "type", "wifi", "con-name", _PROFILE, "ifname", "*",
          "ssid", name, "connection.autoconnect", "no", "wifi-sec.key-mgmt", "wpa-psk",
          "wifi-sec.psk-flags", "2")  # fmt: skip
    try:
        nmcli("--wait", str(_JOIN_S), "connection", "up", _PROFILE, "passwd-file", "/dev/stdin",
              given="802-11-wireless-security.psk:%s\n" % password)  # fmt: skip
    except WifiSetupError as error:
        leave()
        raise WifiSetupError("cannot join %s (%s); is that the KEY or SETUP_PASSWORD that the "
                             "device was built with?" % (name, error)) from None  # fmt: skip


def leave():
    nmcli("connection", "delete", _PROFILE, check=False)


def nmcli(*words, given=None, check=True):
    """What nmcli prints."""
    if not shutil.which("nmcli"):
        raise WifiSetupError("there is no nmcli (Debian: apt install network-manager). Join the "
                             "network KAM_, EL_ or WATER_ and the serial with a phone or by hand, "
                             "and open " + ADDRESS)  # fmt: skip
    done = subprocess.run(["nmcli", *words], input=given, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"})  # fmt: skip
    if check and done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise WifiSetupError(lines[-1] if lines else "nmcli gives no reason")
    return done.stdout


def look(serial, say, looks=_LOOKS, pause_s=_PAUSE_S):
    """The set-up networks, as soon as there are some."""
    for number in range(looks):
        names = find(serial)
        if names:
            return names
        if number == 0:
            say("looking for a set-up network; switch the device off and on ...")
        time.sleep(pause_s)
    raise WifiSetupError("no set-up network in sight; a device shows it for two minutes after "
                         "power-on")  # fmt: skip


def choose(names, console):
    if len(names) == 1:
        return names[0]
    if not sys.stdin.isatty():
        raise WifiSetupError("several devices: give SERIAL=, one of " + ", ".join(names))
    for number, name in enumerate(names, 1):
        console.print("  %d  %s" % (number, name))
    numbers = [str(number) for number in range(1, len(names) + 1)]
    return names[IntPrompt.ask("Which device", console=console, choices=numbers) - 1]


def main(argv=None):
    options = command_line("Joins the set-up network of a device.").parse_args(argv)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    try:
        flags = collect(parse_overrides(options.override), os.environ)
        password = flags.get("SETUP_PASSWORD") or flags.get("KEY", "")[:16]
        if not password:
            raise ConfigError("KEY: is missing; or SETUP_PASSWORD, as the device was built")
        name = choose(look(flags.get("SERIAL", ""), console.print), console)
        join(name, password)
    except (ConfigError, WifiSetupError) as error:
        sys.exit("wifisetup: %s" % error)
    except KeyboardInterrupt:
        sys.exit("wifisetup: stopped")
    console.print("joined %s; the page is %s" % (name, ADDRESS))
    webbrowser.open(ADDRESS)
    _stay(console)


def _stay(console):
    """This computer has no other network until the person is done."""
    try:
        if sys.stdin.isatty():
            console.print("Enter goes back to the network that this computer had before")
            sys.stdin.readline()
            leave()
    except KeyboardInterrupt:
        leave()


if __name__ == "__main__":
    main()
