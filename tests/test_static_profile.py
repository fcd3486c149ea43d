# uMeter - static check: the firmware uses only what the chip's MicroPython offers
# MIT license; Copyright (c) 2026 The uMeter authors

import json

import pytest

from tests.sources import ROOT, device_files
from tools import mpy, profile
from tools.profile.uses import lacking

MODULES = profile.load()["modules"]
ORIGINAL = ROOT.parent / "shared" / "profile" / "esp32_generic_1.26.1.json"


@pytest.mark.parametrize("path", device_files(), ids=str)
def test_chip_has_every_name(path):
    errors = lacking((ROOT / path).read_text(), MODULES)
    assert not errors, "\n".join(f"{path}:{line}: {text}" for line, text in errors)


def test_chip_compiler_takes_every_file(tmp_path):
    for path in device_files():
        mpy.compile_file(ROOT / path, tmp_path / "out.mpy", path.name, "xtensawin")


def test_table_is_the_chips():
    if not ORIGINAL.exists():
        pytest.skip("the chip's own list of names is not here; the copy in tools/profile is used")
    original = json.loads(ORIGINAL.read_text())
    assert MODULES == original["modules"]
    assert profile.load()["facts"] == original["facts"]


GOOD = """
import asyncio, machine, micropython, sys, umqtt.simple, os as system
from machine import Pin
from time import ticks_ms as ms
import config
from firmware.clock import Clock
from . import crc
try:
    import ssl, nothing_like_it
except ImportError:
    ssl = None
uart = None
uart = machine.UART(1)
uart.readinto(bytearray(1))
Pin(1, machine.Pin.IN).irq(None, Pin.IRQ_RISING)
asyncio.create_task(None).cancel()
umqtt.simple.MQTTClient.check_msg
system.urandom(4)
@micropython.viper
def f(x: ptr8): pass
class A:
    def use(self):
        self.either.any_name
    def __init__(self, pin):
        self.either = machine.UART(1)
        self.either = pin
"""


def test_check_passes_what_the_chip_has():
    assert lacking(GOOD, MODULES) == []


@pytest.mark.parametrize("source, error", [
    ("import hmac", "no module hmac"),
    ("import hmac.core", "no module hmac.core"),
    ("from dataclasses import dataclass", "no module dataclasses"),
    ("from collections import Counter", "no Counter in collections"),
    ("import machine as m\nm.Pin.IRQ_LOW_LEVEL", "no IRQ_LOW_LEVEL in machine.Pin"),
    ("from machine import Pin\nPin.PULL_HOLD", "no PULL_HOLD in machine.Pin"),
    ("import time\ntime.monotonic()", "no monotonic in time"),
    ("import umqtt.simple\numqtt.simple.ssl", "no ssl in umqtt.simple"),
    ("import machine\nu = machine.UART(1)\nu.readable()", "no readable in machine.UART"),
    ("import hashlib\nclass A:\n def f(self):\n  self.h.copy()\n def __init__(self):\n"
     "  self.h = None\n  self.h = hashlib.sha256()\n", "no copy in hashlib.sha256"),
    ("try:\n import hmac\nexcept ValueError:\n hmac = None", "no module hmac"),
    ("try:\n import time\nexcept ImportError:\n import hmac", "no module hmac"),
])
def test_check_finds_what_the_chip_lacks(source, error):
    assert [text for _, text in lacking(source, MODULES)] == [error]


@pytest.mark.parametrize("path", device_files(), ids=str)
def test_waits_for_nothing_that_never_comes(path):
    """The port's sockets tell POLLHUP and POLLERR only to those who ask for them, and lwIP has no
    such state: a refused connection is ready for writing (ports/esp32/modsocket.c, ioctl)."""
    source = (ROOT / path).read_text()
    assert "POLLHUP" not in source and "POLLERR" not in source
