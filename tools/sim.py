# uMeter - make sim: a simulated meter, the firmware on a virtual board, a broker, a listener
# MIT license; Copyright (c) 2026 The uMeter authors

import argparse
import contextlib
import math
import os
import re
import secrets
import socket
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

from sim.launch import VirtualBoard, interpreter
from sim.meters.server import METERS, Server, make_parser
from tools import boards, brokers, build, mpy
from tools.config import ConfigError, near_misses, resolve, run_variable
from tools.config.collect import parse_overrides
from tools.image import make_image
from firmware.crypto.keys import parse_key
from tools.keys import KeyRing
from tools.meterctl.link import Link, LinkError, trusting
from tools.meterctl.messages import open_message, printable

SSID = "virtual"
UART = re.compile(r"(tcp:[^ ]+:\d{1,5}|pty:/[^ ]+)( .+)?")  # of sim/board/_wires.py


class SimError(Exception):
    """What keeps the simulation from starting."""


def say(who, text):
    print("%-9s %s" % (who, text), flush=True)


class TimeServer:
    """SNTP on 127.0.0.1: the virtual board must not depend on the network outside."""

    def __init__(self):
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        self._sock.settimeout(0.1)
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ends:
            try:
                data, peer = self._sock.recvfrom(128)
            except socket.timeout:
                continue
            if len(data) < 48:
                continue
            now = struct.pack("!II", int(time.time()) + 2208988800, 0)
            self._sock.sendto(b"\x24\x01\x06\xec" + bytes(20) + data[40:48] + now + now, peer)

    def close(self):
        # Closed under a thread that waits, its number could become another socket's, whose
        # messages that thread would then take.
        self._ends = True
        self._thread.join()
        self._sock.close()


def flags(overrides, environ, broker_address, time_port, folder):
    """Flags of this run: what was given, and what a virtual board needs besides."""
    given = dict(overrides)
    wanted = {"BROKER": broker_address, "NTP_SERVER": "127.0.0.1:%d" % time_port,
              "WIFI_SSID": SSID}  # fmt: skip
    for name, value in wanted.items():
        if not given.get(name) and not environ.get(name):
            given[name] = value
    if not given.get("KEY") and not environ.get("KEY"):
        key = Path(folder) / "key"
        if not key.exists():
            key.write_text(secrets.token_hex(16))
            key.chmod(0o600)
        given["KEY"] = key.read_text()
    return resolve(given, environ)


def meter_world(values, uart, stack, frames=None):
    """World of the virtual board's meter: a simulated one, or the one at UART=tcp:host:port."""
    name = values["METER"]
    if uart and not UART.fullmatch(uart):
        raise SimError("UART=%s: must be tcp:host:port" % uart)
    if uart and name in ("none", "impulse"):
        raise SimError("UART=%s: METER=%s is on no serial line" % (uart, name))
    if frames and (uart or name not in ("han", "p1")):
        raise SimError("FRAMES=%s: only the simulated meters of METER=han and METER=p1 replay it"
                       % frames)  # fmt: skip
    if name == "none":
        return {}
    if name == "impulse":
        return {"pulses": {"pin": values["PINS"]["pulse"], "per_hour": 3600, "length_ms": 100}}
    if not uart:
        if name not in METERS:
            raise SimError("METER=%s has no simulated meter yet; one of: none %s"
                           % (name, " ".join(sorted(METERS))))  # fmt: skip
        try:
            core = METERS[name](make_parser().parse_args(_arguments(name, values, frames)))
        except (OSError, ValueError) as error:
            raise SimError("FRAMES: %s" % error) from None
        core.log = lambda text: say("meter", text)
        server = stack.enter_context(Server(core, tcp=("127.0.0.1", 0)))
        uart = "tcp:127.0.0.1:%d" % server.port
    return {"uart": {str(values["UART_ID"]): uart}}


def _arguments(name, values, frames):
    given = {"--frames": frames, "--key": values["HAN_ENCRYPTION_KEY"],
             "--authentication-key": values["HAN_AUTHENTICATION_KEY"]}  # fmt: skip
    arguments = [name, "--tcp", "127.0.0.1:0"]
    for option, value in given.items():
        arguments += [option, value] if value else []
    return arguments


def watch(link, keys, seconds, enough):
    """Prints what the firmware publishes until the time is over or there are enough samples; how
    many were sound."""
    end = time.monotonic() + seconds if seconds else None
    samples = 0
    while samples < enough and (end is None or time.monotonic() < end):
        received = link.receive(0.3)
        message = received and open_message(received[0], received[1], keys)
        if not message:
            continue
        if message.verified:
            samples += message.is_sample
            place = "/%s %s %s" % (message.function, message.serial, message.time)
            say("verified", "%s: %s" % (place, printable(message.text)))
        else:
            say("REFUSED", "/%s %s: %s" % (message.function, message.serial, message.reason))
    return samples


def _seconds(text):
    """0: until Ctrl-C."""
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise SimError("SECONDS=%s: must be a number of seconds" % text)


def _make_folder(folder):
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SimError("SIM_DIR=%s: %s" % (folder, error.strerror)) from None


def _login(values):
    """User and password of the broker, as the listener's environment has them."""
    return {"UMETER_" + name: values[name] for name in ("MQTT_USER", "MQTT_PASSWORD")}


def run(overrides, environ, heap="160k", enough=math.inf):
    """Exit status: 0 if a sample was verified (or Ctrl-C), 1 if none came in time. enough: samples
    after which it ends early."""
    seconds = _seconds(run_variable("SECONDS", overrides, environ, "0"))
    uart = run_variable("UART", overrides, environ)
    outside = overrides.get("BROKER") or environ.get("BROKER")
    kept = run_variable("SIM_DIR", overrides, environ)
    with contextlib.ExitStack() as stack:
        folder = kept or stack.enter_context(tempfile.TemporaryDirectory(prefix="umeter-sim-"))
        _make_folder(folder)
        clock = stack.enter_context(contextlib.closing(TimeServer()))
        if outside:
            name, address = "yours", outside
        elif overrides.get("MQTT_CA") or environ.get("MQTT_CA"):
            raise SimError("MQTT_CA: the embedded broker has no TLS; give BROKER=host:port")
        else:
            name, port = stack.enter_context(brokers.embedded(folder))
            address = "127.0.0.1:%d" % port
        values = flags(overrides, environ, address, clock.port, folder)
        address = values["BROKER_HOST"], values["BROKER_PORT"]
        tree = Path(folder) / "device"
        arch = mpy.host_arch(interpreter())
        manifest = build.build(values, arch, tree)
        image = Path(folder) / "flash.img"
        make_image(tree, image, keep=image)
        say("build", "%d files, %d bytes for %s" % (len(manifest.files), manifest.size, arch))
        say("broker", "%s, %s:%d" % (name, *address))
        world = meter_world(values, uart, stack, run_variable("FRAMES", overrides, environ))
        world["chip"] = boards.BOARDS[values["BOARD"]].chip
        world["aps"] = [{"ssid": values["WIFI_SSID"], "password": values["WIFI_PASSWORD"],
                         "rssi": -61, "channel": 6}]  # fmt: skip
        keys = KeyRing({"*": parse_key(values["KEY"])})
        topics = ["/+/v2/+/+", "/offline/v1/+"]
        trust = trusting(values.files[values["MQTT_CA"]]) if values["MQTT_CA"] else None
        link = stack.enter_context(Link(*address, topics, _login(values), trust))
        board = VirtualBoard(image, world, heap, on_line=lambda line: say("board", line))
        say("pages", "http://127.0.0.1:%d/ once the set-up network is there" % board.port(80))
        stack.enter_context(board)
        try:
            samples = watch(link, keys, seconds, enough)
        except KeyboardInterrupt:
            return 0
    say("end", "%d samples received and verified" % samples)
    return 0 if samples else 1


def main():
    parser = argparse.ArgumentParser(prog="make sim")
    parser.add_argument("--override", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    for line in near_misses(os.environ):
        say("build", line)
    try:
        return run(parse_overrides(options.override), os.environ)
    except (SimError, ConfigError, build.BuildError, brokers.BrokerError, LinkError) as error:
        print("make sim: %s" % error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
