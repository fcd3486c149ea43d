# uMeter - the embedded broker: mosquitto; for the demonstration amqtt, where there is none
# MIT license; Copyright (c) 2026 The uMeter authors

# amqtt gives a retained message twice, so tests want mosquitto itself.

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from sim.launch import ROOT, free_port

AMQTT = ROOT / "build" / "amqtt"
_RUN_AMQTT = "from amqtt.scripts.broker_script import main; main()"
_AMQTT_CONFIGURATION = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:%d
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


class BrokerError(Exception):
    """What keeps the broker from starting."""


def find_mosquitto():
    """Its path, or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


@contextlib.contextmanager
def mosquitto(folder, *lines):
    """On a free port, with these lines in its configuration; yields the port."""
    program = find_mosquitto()
    if not program:
        raise BrokerError("no mosquitto here: run `make setup`, or give BROKER=host:port")
    port = free_port()
    conf = Path(folder) / "mosquitto.conf"
    lines = ("listener %d 127.0.0.1" % port, "allow_anonymous true", *lines)
    conf.write_text("\n".join(lines) + "\n")
    with _serving("mosquitto", [program, "-c", str(conf)], port):
        yield port


@contextlib.contextmanager
def _amqtt(folder):
    port = free_port()
    conf = Path(folder) / "amqtt.yaml"
    conf.write_text(_AMQTT_CONFIGURATION % port)
    command = [sys.executable, "-c", _RUN_AMQTT, "-c", str(conf)]
    with _serving("amqtt", command, port, dict(os.environ, PYTHONPATH=str(AMQTT))):
        yield port


@contextlib.contextmanager
def embedded(folder):
    """The one that can be had; yields its name and port."""
    if find_mosquitto() or not AMQTT.exists():
        with mosquitto(folder) as port:
            yield "mosquitto", port
    else:
        with _amqtt(folder) as port:
            yield "amqtt", port


@contextlib.contextmanager
def _serving(name, command, port, environ=None):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True, env=environ)  # fmt: skip
    try:
        _wait(name, process, port)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _wait(name, process, port):
    for _ in range(400):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if process.poll() is not None:
            raise BrokerError("%s ended with status %d" % (name, process.returncode))
        time.sleep(0.05)
    raise BrokerError("%s does not listen" % name)
