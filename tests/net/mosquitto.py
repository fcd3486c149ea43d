# uMeter - a real broker for the tests, and somebody who listens to it
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import socket
import subprocess
import time

import paho.mqtt.client as paho
import pytest

from sim.launch import free_port
from tests.sources import ROOT
from tools import brokers

PEER = ROOT / "tests" / "device" / "_mqtt_peer.py"


def wait_until(true, what, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.02)


class Mosquitto:
    """One that can be stopped and started again on the same port."""

    def __init__(self, folder, *lines):
        self._program = brokers.find_mosquitto()
        if self._program is None:
            pytest.skip("no mosquitto here: make setup")
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        lines = lines or ("allow_anonymous true",)
        text = "listener %d 127.0.0.1\n%s\n" % (self.port, "\n".join(lines))
        self._config.write_text(text)
        self._process = None

    def start(self):
        command = [self._program, "-c", str(self._config)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(self._accepts, "mosquitto does not listen")
        return self

    def _accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self._process:
            self._process.kill()
            self._process.wait(10)
            self._process = None


class Listener:
    """Everything that is published, in order."""

    def __init__(self, port, login=None, tls=None):
        self.messages = []
        self._ready = False
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if login:
            self.client.username_pw_set(*login)
        if tls:
            self.client.tls_set_context(tls)
        self.client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, bytes(message.payload)))
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: setattr(self, "_ready", True)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("localhost" if tls else "127.0.0.1", port)
        self.client.loop_start()
        wait_until(lambda: self._ready, "no subscription")

    def payloads(self, start):
        return [payload for topic, payload in self.messages if topic.startswith(start)]

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


class Peer:
    """The client under test in a process of its own."""

    def __init__(self, program, log, port, count=1, every_ms=1, **more):
        self._log = log
        environment = dict(os.environ, MICROPYPATH=f"{ROOT}/sim/board:{ROOT}:.frozen")
        environment.update(UMETER_BROKER="127.0.0.1:%d" % port, UMETER_COUNT=str(count),
                           UMETER_EVERY_MS=str(every_ms), **more)
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [program, "-X", "heapsize=160k", str(PEER)],
                env=environment, stdout=output, stderr=output,
            )

    def said(self):
        return self._log.read_text()

    def wait_for(self, text, seconds=60):
        def found():
            assert self.process.poll() is None, self.said()
            return text in self.said()

        wait_until(found, lambda: "no %r in: %s" % (text, self.said()), seconds)

    def stop(self):
        self.process.kill()
        self.process.wait(10)
