# uMeter - meterctl listen: what devices say, opened and checked, as it comes
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import time
from collections import deque
from typing import List, Optional

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from firmware.net.topics import padded
from tools.meterctl import options
from tools.meterctl.link import LinkError
from tools.meterctl.messages import open_message, printable, sample_values

STEP_S = 0.5  # how often the end is looked for while nothing comes


def filters(serials):
    """Subscriptions for all that the devices say; without serials, for every device."""
    names = set()
    for serial in serials or ["+"]:
        for form in {serial, serial if serial == "+" else padded(serial)}:
            names |= {"/+/v2/%s/+" % form, "/offline/v1/%s" % form}
    return sorted(names)


def as_json(message, retained):
    line = {
        "received": int(time.time()),
        "function": message.function,
        "serial": message.serial,
        "time": message.time,
        "verified": message.verified,
        "reason": message.reason,
        "retained": retained,
        "text": message.text,
    }
    if message.is_sample:
        line["values"] = {
            name: {"value": value, "unit": unit}
            for name, value, unit in sample_values(message.text)
        }
    return json.dumps(line)


def row(message):
    """(time, serial, function, content) for a person."""
    when = "" if message.time is None else time.strftime("%F %T", time.localtime(message.time))
    if not message.verified:
        note = "last will, not signed" if message.reason == "unsigned" else message.reason
        content = Text("unverified: " + note, "yellow" if message.time is None else "red")
    elif message.is_sample:
        groups = [" ".join(group).strip() for group in sample_values(message.text)]
        content = Text(printable("  ".join(groups)))
    else:
        content = Text(printable(message.text))
    return when, printable(message.serial), printable(message.function), content


class LiveTable:
    """The last messages as a table that stays in place; for terminals."""

    def __init__(self, console):
        self._rows = deque(maxlen=max(console.size.height - 6, 3))
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *_):
        self._live.stop()

    def show(self, message, retained):
        self._rows.append(row(message))
        table = Table("Time", "Serial", "Message", "Content")
        for cells in self._rows:
            table.add_row(*[Text(cell) if isinstance(cell, str) else cell for cell in cells])
        self._live.update(table, refresh=True)


class Lines:
    """One line each; for pipes, and for programs as JSON."""

    def __init__(self, json_lines):
        self._json = json_lines

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def show(self, message, retained):
        if self._json:
            line = as_json(message, retained)
        else:
            line = "  ".join(str(cell) for cell in row(message))
        print(line, flush=True)


def follow(link, keys, view, seconds, count):
    """Show messages until the time is over, count samples have come or Ctrl-C; how many came."""
    end = None if seconds is None else time.monotonic() + seconds
    samples = 0
    was_connected = True
    try:
        while count is None or samples < count:
            left = STEP_S if end is None else min(STEP_S, end - time.monotonic())
            if left <= 0:
                break
            received = link.receive(left)
            connected = link.connected.is_set()
            if connected != was_connected:
                options.say("broker %s %s" % (link.name, "is back" if connected else "is lost"))
                was_connected = connected
            message = received and open_message(received[0], received[1], keys)
            if message:
                view.show(message, received[2])
                samples += message.is_sample
    except KeyboardInterrupt:
        pass  # the way to end it
    return samples


Serials = typer.Argument(None, help="Only these meters; all if none.")


def listen(
    serials: Optional[List[str]] = Serials,
    broker: str = options.Broker,
    ca: options.CaPath = options.CaFile,
    keys: options.KeysPath = options.Keys,
    json_lines: bool = typer.Option(False, "--json", help="One JSON object per line."),
    seconds: Optional[float] = typer.Option(None, min=0.1, help="Stop after so many seconds."),
    count: Optional[int] = typer.Option(None, min=1, help="Stop after so many samples."),
):
    """Print what devices publish, decrypted and checked, as it comes.

    Messages that cannot be verified are shown as such, with the reason:
    "no key", "hmac" (wrong key, or not from this device), "length",
    "padding", "empty".

    Exit status: 0 if at least one sample was verified, 1 if none,
    2 if it could not listen.

    Examples:

        meterctl listen --broker broker.example.org
        meterctl listen 6892850 --json --count 1
        UMETER_KEY=<32 hex digits> meterctl listen --seconds 150
    """
    ring = options.key_ring(keys)
    names = filters([options.checked_serial(serial) for serial in serials or []])
    link = options.broker_link(broker, ca, names)
    console = Console()
    view = Lines(json_lines) if json_lines or not console.is_terminal else LiveTable(console)
    try:
        with link:
            options.say("listening on %s, keys from %s" % (link.name, ring.origin))
            with view:
                samples = follow(link, ring, view, seconds, count)
            if link.dropped:
                options.say("%d messages came faster than they were shown" % link.dropped)
    except LinkError as error:
        options.fail(str(error))
    if not samples:
        options.fail("no sample came that could be verified", options.NO_ANSWER)
