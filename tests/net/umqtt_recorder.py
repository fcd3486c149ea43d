# uMeter - umqtt.simple on a recording socket: the oracle for our MQTT packets
# MIT license; Copyright (c) 2026 The uMeter authors

import binascii
import importlib.util
import socket
import struct
import sys

import pytest

from tests.sources import ROOT

FILE = ROOT / "build" / "umqtt" / "umqtt" / "simple.py"


class Waiting(Exception):
    """It wants to read more than there is."""


class Recorder:
    """Keeps what is written; gives what is to be read."""

    def __init__(self, answer=b""):
        self.written = b""
        self._answer = answer

    def write(self, data, count=None):
        self.written += bytes(data[:count])

    def read(self, count):
        if count and not self._answer:
            raise Waiting
        data, self._answer = self._answer[:count], self._answer[count:]
        return data

    def setblocking(self, on):
        """Never blocks."""

    def connect(self, address):
        """Always is."""


class OneSocket:
    """Stands in for the module socket inside of umqtt.simple."""

    def __init__(self, recorder):
        self._recorder = recorder

    def socket(self):
        return self._recorder

    def getaddrinfo(self, host, port):
        return [(0, 0, 0, "", (host, port))]


def load():
    """Module umqtt.simple; the names of MicroPython's modules lead to CPython's."""
    if not FILE.exists():
        pytest.skip("no umqtt.simple in build/: make setup")
    theirs = {"usocket": socket, "ustruct": struct, "ubinascii": binascii}
    before = {name: sys.modules.get(name) for name in theirs}
    sys.modules.update(theirs)
    try:
        spec = importlib.util.spec_from_file_location("umqtt_simple", FILE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        for name, module_before in before.items():
            if module_before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module_before
    return module


class Oracle:
    """What umqtt.simple writes for each packet."""

    def __init__(self):
        self._module = load()

    def _client(self, answer=b"", **settings):
        recorder = Recorder(answer)
        self._module.socket = OneSocket(recorder)
        client = self._module.MQTTClient(settings.pop("client_id", b"c"), "h", 1883, **settings)
        client.sock = recorder
        return client, recorder

    def connect(self, client_id, keepalive, user, password, will):
        client, recorder = self._client(
            b"\x20\x02\0\0", client_id=client_id, user=user, password=password,
            keepalive=keepalive,
        )
        if will:
            client.set_last_will(*will)
        client.connect()
        return recorder.written

    def publish(self, topic, payload, qos, retain, packet_id):
        client, recorder = self._client()
        client.pid = packet_id - 1
        try:
            client.publish(topic, payload, retain, qos)
        except Waiting:
            assert qos
        return recorder.written

    def subscribe(self, topic, qos, packet_id):
        client, recorder = self._client()
        client.set_callback(print)
        client.pid = packet_id - 1
        try:
            client.subscribe(topic, qos)
        except Waiting:
            return recorder.written
        raise AssertionError("it did not wait for SUBACK")

    def receive(self, packet):
        """((topic, payload), PUBACK that it writes)."""
        client, recorder = self._client(packet)
        got = []
        client.set_callback(lambda topic, payload: got.append((topic, payload)))
        client.wait_msg()
        return got[0], recorder.written

    def ping(self):
        client, recorder = self._client()
        client.ping()
        return recorder.written
