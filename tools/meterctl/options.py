# uMeter - options that the subcommands of meterctl share, and how they end
# MIT license; Copyright (c) 2026 The uMeter authors

from pathlib import Path
from typing import Optional

import typer
from rich.console import Console

from tools.keys import KeysError, find_keys
from tools.meterctl.link import DEFAULT_PORT, TLS_PORT, Link, parse_broker, trusting

NO_ANSWER = 1  # exit status: it worked, but nothing (good) came back
WRONG = 2  # exit status: wrong use, keys, broker

errors = Console(stderr=True, highlight=False, soft_wrap=True)

Broker = typer.Option(
    "127.0.0.1", "--broker", "-b", envvar="UMETER_BROKER", help="MQTT broker, host[:port]."
)
CaFile = typer.Option(
    None, "--ca", envvar="UMETER_CA",
    help="File with the CA of the broker (DER or PEM): TLS, port 8883 by default.",
)  # fmt: skip
CaPath = Optional[str]
Keys = typer.Option(
    None, "--keys", "-k", help="File with lines `serial key`; * for every other serial."
)
KeysPath = Optional[str]


def say(text, style=None):
    """A line for the person, on stderr, so that stdout holds results only."""
    errors.print(text, style=style, markup=False)


def fail(text, status=WRONG):
    say("meterctl: " + text, "red")
    raise typer.Exit(status)


def key_ring(path):
    try:
        keys = find_keys(path)
    except KeysError as error:
        fail(str(error))
    for warning in keys.warnings:
        say("meterctl: " + warning, "yellow")
    return keys


def broker_link(broker, ca, filters):
    """Link to the broker at host[:port], with TLS if the name of a CA's file is given."""
    try:
        tls = trusting(Path(ca).read_bytes()) if ca else None
    except (OSError, ValueError) as error:
        fail("--ca %s: %s" % (ca, getattr(error, "strerror", None) or error))
    try:
        host, port = parse_broker(broker, TLS_PORT if ca else DEFAULT_PORT)
    except ValueError as error:
        fail(str(error))
    return Link(host, port, filters, tls=tls)


def checked_serial(text):
    """A serial as it may stand in a topic."""
    if not text or not text.isascii() or not text.isprintable() or set(text) & set("/+# "):
        fail("serial %r: the meter's number, as on its label" % text)
    return text
