# uMeter - which serial port a board is at
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import re
import sys
import time

import serial.tools.list_ports
from rich.console import Console
from rich.prompt import IntPrompt

from tools.config import run_variable

_SHORTCUTS = {"a": "/dev/ttyACM", "u": "/dev/ttyUSB", "c": "COM"}  # mpremote's: u0, a1 ...


class FlashError(Exception):
    """What went wrong, in words for the user."""


def given_port(overrides):
    """What PORT= or ESPPORT= says, else "auto"."""
    port = run_variable("ESPPORT", overrides, os.environ, "auto")
    return run_variable("PORT", overrides, os.environ, port)


def port_name(port, ask=None):
    """PORT as mpremote takes it -> what pyserial opens.

    ask(ports) chooses where "auto" finds several; by default the person at the terminal does.
    """
    short = re.fullmatch(r"([auc])(\d+)", port)
    if short:
        return _SHORTCUTS[short[1]] + short[2]
    if port == "auto":
        return _find(ask or _ask)
    if port.startswith("id:"):
        for found in serial.tools.list_ports.comports():
            if found.serial_number == port[3:]:
                return found.device
        raise FlashError("PORT=%s: no device with this serial number" % port)
    return port[5:] if port.startswith("port:") else port


def _find(ask):
    usable = sorted(p for p in serial.tools.list_ports.comports() if p.vid is not None)
    if not usable:
        raise FlashError("no USB serial port found; give PORT=")
    return (usable[0] if len(usable) == 1 else ask(usable)).device


def _ask(ports):
    if not sys.stdin.isatty():
        raise FlashError("several boards: give PORT=, one of " + ", ".join(
            p.device for p in ports))  # fmt: skip
    console = Console(stderr=True, highlight=False, markup=False)
    for number, p in enumerate(ports, 1):
        console.print("  %d  %s  %s" % (number, p.device, p.description))
    choices = [str(number) for number in range(1, len(ports) + 1)]
    return ports[IntPrompt.ask("Which board", console=console, choices=choices) - 1]


def wait_for_port(port, seconds=10):
    """Returns when the device is there; boards with USB of their own leave at each reset."""
    limit = time.monotonic() + seconds
    while port.startswith("/") and not os.path.exists(port) and time.monotonic() < limit:
        time.sleep(0.1)
