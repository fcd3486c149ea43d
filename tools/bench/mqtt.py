# uMeter - MQTT: rate against umqtt.simple, longest stall of the loop
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from sim.certificates import certificate, save
from sim.launch import ROOT, interpreter
from tools import brokers

_MESSAGES = 500
_STALL_S = 12

_OURS = """
import asyncio, time
from firmware.clock import Clock
from firmware.log import Log
from firmware.net.mqtt import MqttClient
from firmware.net.resolver import Resolver
async def main():
    log = Log(Clock(time.ticks_ms, time.ticks_diff), write=lambda line: None)
    client = MqttClient("127.0.0.1", %d, "bench", log, Resolver())
    task = asyncio.create_task(client.run())
    while not client.connected:
        await asyncio.sleep_ms(1)
    start = time.ticks_us()
    sent = 0
    while client.counters.acked < %d:
        if sent < %d and sent - client.counters.acked < 20:
            client.publish(b"/sample/v2/7210086/1466572820", bytes(176))
            sent += 1
        else:
            await asyncio.sleep_ms(0)
    print(time.ticks_diff(time.ticks_us(), start))
    task.cancel()
asyncio.run(main())
"""

_THEIRS = """
import time
from umqtt.simple import MQTTClient
client = MQTTClient("bench2", "127.0.0.1", %d, keepalive=60)
client.connect()
start = time.ticks_us()
for _ in range(%d):
    client.publish(b"/sample/v2/7210086/1466572820", bytes(176), qos=1)
print(time.ticks_diff(time.ticks_us(), start))
"""

# The loop turns round every millisecond; the longest time between two turns is the stall.
_STALL = """
import asyncio, time
from firmware.clock import Clock
from firmware.log import Log
from firmware.net.mqtt import MqttClient
from firmware.net.resolver import Resolver
async def main():
    log = Log(Clock(time.ticks_ms, time.ticks_diff), write=lambda line: None)
    client = MqttClient("127.0.0.1", %d, "bench", log, Resolver(), keepalive=4, timeout_ms=3000,
                        retry_ms=(100, 1000))
    task = asyncio.create_task(client.run())
    longest, last, end = 0, time.ticks_us(), time.ticks_add(time.ticks_ms(), %d)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        client.publish(b"/sample/v2/7210086/1466572820", bytes(1000))
        await asyncio.sleep_ms(1)
        now = time.ticks_us()
        longest = max(longest, time.ticks_diff(now, last))
        last = now
    print(longest)
    task.cancel()
asyncio.run(main())
"""


_HANDSHAKE = """
import asyncio, time
import world
from firmware.clock import Clock
from firmware.log import Log
from firmware.net.mqtt import MqttClient
from firmware.net.resolver import Resolver
from firmware.net.tls import client_context
world.config["dns"] = {"localhost": "127.0.0.1"}
async def main():
    log = Log(Clock(time.ticks_ms, time.ticks_diff), write=lambda line: None)
    with open("%s", "rb") as file:
        tls = client_context(file.read())
    client = MqttClient("localhost", %d, "bench", log, Resolver(), tls=tls)
    task = asyncio.create_task(client.run())
    longest, last = 0, time.ticks_us()
    while not client.connected:
        await asyncio.sleep_ms(0)
        now = time.ticks_us()
        longest = max(longest, time.ticks_diff(now, last))
        last = now
    print(longest)
    task.cancel()
asyncio.run(main())
"""


def _micropython(code):
    places = (ROOT / "sim" / "board", ROOT / "build" / "umqtt", ROOT, ".frozen")
    env = {**os.environ, "MICROPYPATH": ":".join(map(str, places))}
    done = subprocess.run([interpreter(), "-X", "heapsize=400k", "-c", code], env=env,
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr + done.stdout)
    return int(done.stdout)


@contextlib.contextmanager
def _black_hole(kind):
    """Port of a broker that "accepts" nothing, "answers" nothing, or stops to "read"."""
    kept = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0 if kind == "accepts" else 20)
        address = listener.getsockname()
        if kind == "accepts":  # two connections fill the backlog; further SYNs are dropped
            for _ in range(2):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(address)
                kept.append(filler)
        else:
            threading.Thread(target=_accept, args=(listener, kind, kept), daemon=True).start()
        try:
            yield address[1]
        finally:
            for connection in kept:
                connection.close()


def _accept(listener, kind, kept):
    while True:
        try:
            connection = listener.accept()[0]
        except OSError:
            return
        kept.append(connection)
        if kind == "reads":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.recv(200)
            connection.sendall(b"\x20\x02\x00\x00")  # CONNACK


def _handshake(folder):
    """Longest stall in ms while TLS is set up: P-256, one certificate below the authority."""
    authority = certificate("Bench CA")
    save(folder / "ca", authority)
    server = save(folder / "server", certificate("localhost", authority))
    lines = ("certfile %s.pem" % server, "keyfile %s.key" % server, "user root")
    with brokers.mosquitto(folder, *lines) as port:
        return _micropython(_HANDSHAKE % (folder / "ca.der", port)) / 1000


def run():
    """[(name, value, unit, note)] for make bench."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, brokers.mosquitto(folder) as port:
        ours = _micropython(_OURS % (port, _MESSAGES, _MESSAGES)) / _MESSAGES
        theirs = _micropython(_THEIRS % (port, _MESSAGES)) / _MESSAGES
    rows.append(("QoS 1 publish, ours", 1e6 / ours, "/s", "176 bytes, acknowledged, mosquitto"))
    rows.append(("QoS 1 publish, umqtt.simple", 1e6 / theirs, "/s", "the same broker"))
    rows.append(("ours / umqtt.simple", theirs / ours, "x", ""))
    for kind, note in (("accepts", "SYNs are dropped"), ("answers", "no CONNACK"),
                       ("reads", "CONNACK, then the window closes")):  # fmt: skip
        with _black_hole(kind) as port:
            stall = _micropython(_STALL % (port, _STALL_S * 1000)) / 1000
        rows.append(("longest stall, broker never %s" % kind, stall, "ms", note + "; goal 50"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        note = "one step of mbedTLS, P-256; the arithmetic of the host, no goal"
        rows.append(("longest stall, TLS handshake", _handshake(Path(folder)), "ms", note))
    return rows
