# uMeter - meterctl watch: a fleet of devices at a glance
# MIT license; Copyright (c) 2026 The uMeter authors

import time
from typing import List, Optional

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from firmware.net.topics import padded
from tools.meterctl import commands, options
from tools.meterctl.link import LinkError
from tools.meterctl.listen import filters
from tools.meterctl.messages import open_message, printable

STEP_S = 1  # ages are shown in seconds
ONCE = ("version",)  # asked when a device is first heard of
OFTEN = ("status", "limit", "rssi")  # and every time
COLUMNS = ("Serial", "Last sample", "Valve", "Limit", "RSSI", "Version", "Heard")

# function of a device's message -> field of the table
FIELDS = {"status": "valve", "limit": "limit", "open_until": "limit",
          "open_until_delta": "limit", "rssi": "rssi", "version": "version",
          "sample": "sample"}  # fmt: skip


class Device:
    """The newest verified value of each field, and when the device said it."""

    def __init__(self, serial):
        self.serial = serial
        self.heard = None  # unix second of its newest message, by its own clock
        self.offline = False  # the broker says so, and nothing has come since
        self._fields = {}  # name -> (time, text)

    def take(self, message):
        if not message.verified:
            self.offline = self.offline or message.function == "offline"
            return
        if self.heard is None or message.time >= self.heard:
            self.heard = message.time
            self.offline = False
        name = FIELDS.get(message.function)
        known = self._fields.get(name, (0, ""))
        if name and message.time >= known[0] and not commands.is_error(message.text):
            left = message.function == "open_until_delta"
            self._fields[name] = message.time, message.text + (" left" if left else "")

    def cells(self, now):
        sampled = self._fields.get("sample", (None,))[0]
        texts = [self._fields.get(name, (0, ""))[1] for name in ("valve", "limit", "rssi")]
        version = self._fields.get("version", (0, ""))[1]
        heard = "offline" if self.offline else age(self.heard, now)
        return [printable(text) for text in
                (self.serial, age(sampled, now), *texts, version, heard)]  # fmt: skip


def age(when, now):
    """ "12 s", "5 min", "3 h", "2 d"; "" for never."""
    if when is None:
        return ""
    gone = max(int(now - when), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if gone >= 2 * size:
            return "%d %s" % (gone // size, unit)
    return "%d s" % gone


class Fleet:
    """Devices by serial; those that were named are there from the beginning."""

    def __init__(self, serials):
        self._devices = {}
        for serial in serials:
            self._device(serial)

    def _device(self, serial):
        return self._devices.setdefault(padded(serial), Device(padded(serial)))

    def take(self, message):
        """-> the device; None: nothing about it can be believed, and nobody asked for it."""
        known = padded(message.serial) in self._devices
        if not known and not message.verified:
            return None
        device = self._device(message.serial)
        device.take(message)
        return device

    def serials(self):
        return sorted(self._devices)

    def table(self, now):
        table = Table(*COLUMNS)
        for serial in self.serials():
            device = self._devices[serial]
            style = "red" if device.offline else None
            table.add_row(*[Text(cell) for cell in device.cells(now)], style=style)
        return table

    @property
    def heard(self):
        return any(device.heard is not None for device in self._devices.values())


class Asker:
    """Asks each device that there is a key for, at first and then every so often."""

    def __init__(self, link, keys, every_s):
        self._link = link
        self._keys = keys
        self._every = every_s
        self._next = {}  # serial -> monotonic second of its next questions

    def ask(self, serials, now):
        for serial in serials:
            due = self._next.get(serial, now)
            if not self._every or now < due:
                continue
            questions = OFTEN if serial in self._next else ONCE + OFTEN
            self._next[serial] = now + self._every
            envelope = self._keys.envelope(serial)
            for question in questions if envelope else ():
                topic = "/config/v2/%s/%d/%s" % (serial, time.time(), question)
                sealed = envelope.seal(topic.encode(), commands.NOTHING.encode())
                self._link.publish(topic, sealed)


class Plain:
    """A line for each message; for pipes."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def show(self, fleet, device):
        if device:
            cells = zip(COLUMNS, device.cells(time.time()))
            print("  ".join("%s: %s" % (name, text or "-") for name, text in cells), flush=True)


class Screen:
    """The whole fleet, in place; for terminals."""

    def __init__(self, console):
        self._live = Live(console=console, auto_refresh=False, screen=False)

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *_):
        self._live.stop()

    def show(self, fleet, device):
        self._live.update(fleet.table(time.time()), refresh=True)


def follow(link, keys, fleet, view, every_s, seconds):
    """Until the time is over, or Ctrl-C."""
    asker = Asker(link, keys, every_s)
    end = None if seconds is None else time.monotonic() + seconds
    try:
        while end is None or time.monotonic() < end:
            if link.connected.is_set():
                asker.ask(fleet.serials(), time.monotonic())
            left = STEP_S if end is None else min(STEP_S, end - time.monotonic())
            received = link.receive(left)
            message = None
            if received and not received[2]:  # what the broker kept may be of any age
                message = open_message(received[0], received[1], keys)
            view.show(fleet, message and fleet.take(message))
    except KeyboardInterrupt:
        return  # the way to end it


Serials = typer.Argument(None, help="These meters; all if none.")


def watch(
    serials: Optional[List[str]] = Serials,
    broker: str = options.Broker,
    ca: options.CaPath = options.CaFile,
    keys: options.KeysPath = options.Keys,
    every: float = typer.Option(
        60, min=0, help="Seconds between two questions to a device; 0: only listen."
    ),
    seconds: Optional[float] = typer.Option(None, min=0.1, help="Stop after so many seconds."),
):
    """Show a fleet in a table that keeps itself up to date.

    For each device: the age of its last sample, the valve, the limit, the
    signal strength, the version, and how long ago it was heard, all from
    verified messages only. Devices are asked for version, status, limit and
    rssi, never told to do anything. Stock MeterLogger devices cannot be asked
    for the limit: it is shown once they have answered open_until or
    open_until_delta, whoever has sent it. "offline" is what the broker says and
    nobody signs.

    On a terminal the table stays in place; elsewhere each message makes a line.

    Exit status: 0 if a device was heard, 1 if none, 2 if it could not listen.

    Examples:

        meterctl watch --broker broker.example.org
        meterctl watch 6892850 7210086 --every 0
    """
    ring = options.key_ring(keys)
    wanted = [options.checked_serial(serial) for serial in serials or []]
    link = options.broker_link(broker, ca, filters(wanted))
    fleet = Fleet(wanted)
    console = Console()
    view = Screen(console) if console.is_terminal else Plain()
    try:
        with link:
            options.say("watching on %s, keys from %s" % (link.name, ring.origin))
            with view:
                follow(link, ring, fleet, view, every, seconds)
    except LinkError as error:
        options.fail(str(error))
    raise typer.Exit(0 if fleet.heard else options.NO_ANSWER)
