# uMeter - meterctl decode: JSON lines through the firmware's own decoders
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import subprocess
import sys
from enum import Enum
from pathlib import Path

import typer

from tools.decode import run
from tools.meterctl import options

ROOT = Path(__file__).resolve().parents[2]
HEAP = "8m"  # a host tool: whole captures on one line are welcome


class Engine(str, Enum):
    cpython = "cpython"
    micropython = "micropython"


def micropython_status(explain):
    """Exit status of the same filter, run by the host's MicroPython."""
    program = os.environ.get("MICROPYTHON") or str(ROOT / "build" / "micropython")
    command = [program, "-X", "heapsize=" + HEAP, str(ROOT / "tools" / "decode" / "run.py")]
    if explain:
        command.append("--explain")
    environment = dict(os.environ, MICROPYPATH="%s:.frozen" % ROOT)
    try:
        return subprocess.run(command, env=environment, cwd=ROOT).returncode
    except OSError as error:
        options.fail("cannot run %s: %s\n  make setup builds it" % (program, error.strerror))


EngineOption = typer.Option(Engine.cpython, "--engine", help="Who runs the decoders.")
ExplainOption = typer.Option(False, "--explain", help="Frames layer by layer, for a person.")


def decode(engine: Engine = EngineOption, explain: bool = ExplainOption):
    """Decode frames: JSON lines on stdin, one answer per line on stdout.

    Each line is an object with "id", "protocol" and what the protocol needs:

        kmp      "request", "frame"
        en61107  "request" (text), "frame"
        han      "frame", "encryption_key", "authentication_key"
        v2       "key", "topic", "payload"

    Frames, keys and payloads are hex digits. The answer has the same "id", a
    "result" (values, ack, need_key, need_more, reject, no_values), a "reason"
    and what was found. What cannot be understood is answered with "reject".

    --explain prints each record's frame layer by layer instead, and what it says.

    Exit status: 0, whatever the lines held.

    Example:

        meterctl decode --engine micropython < frames.jsonl > values.jsonl
    """
    if engine is Engine.micropython:
        raise typer.Exit(micropython_status(explain))
    run.main(sys.stdin.buffer, sys.stdout, explain)
