# uMeter - surroundings of the MQTT tests: scripted broker, client with short patience
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import socket
import time

from _ports import free_port

from firmware.clock import Clock
from firmware.log import Log
from firmware.net.mqtt import MqttClient
from firmware.net.resolver import Resolver
from sim.broker import Broker

socket._MOST = 400  # many clients and their broker share this process
TOPIC = b"/sample/v2/7210086/1466572820"
COMMAND_TOPIC = b"/config/v2/7210086/1466572820/ping"
QUICK = {"timeout_ms": 1000, "keepalive": 1}  # for tests that wait until patience ends
resolver = Resolver()
log_lines = []
log = Log(Clock(time.ticks_ms, time.ticks_diff), write=log_lines.append)


PORT = free_port()


def command(packet_id=1, payload=b"x", topic=COMMAND_TOPIC, head=0x32):
    """PUBLISH of the broker, up to 127 bytes or up to 16383."""
    size = 2 + len(topic) + 2 + len(payload)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    ids = bytes([packet_id >> 8, packet_id & 255])
    return bytes([head]) + length + bytes([0, len(topic)]) + topic + ids + payload


class Session:
    """A client that runs, and what it received."""

    def __init__(self, name="7210086", host="127.0.0.1", port=None, subscribe=True, **settings):
        given = {"retry_ms": (10, 50)}
        given.update(settings)
        self.client = MqttClient(host, port or PORT, name, log, resolver, **given)
        if subscribe:
            self.client.subscriptions = [("/config/v2/" + name + "/#", 1)]
        self.got = []
        self.client.on_message = lambda topic, payload: self.got.append((topic, payload))
        self.counters = self.client.counters
        self.task = None

    def start(self):
        self.task = asyncio.create_task(self.client.run())
        return self

    async def stop(self):
        self.task.cancel()
        try:
            await self.task
        except asyncio.CancelledError:
            self.task = None
        await asyncio.sleep_ms(0)

    def publish(self, count, first=0):
        for n in range(first, first + count):
            assert self.client.publish(TOPIC, b"%d" % n)


async def until(true, what, seconds=60):
    end = time.ticks_add(time.ticks_ms(), seconds * 1000)
    while not true():
        assert time.ticks_diff(end, time.ticks_ms()) > 0, what
        await asyncio.sleep_ms(5)


def payloads(seen):
    return [payload for _, payload, _, _ in seen.messages]


class Ticker:
    """Longest time, in ms, that the loop kept others waiting."""

    def __init__(self, step_ms=5):
        self.longest = 0
        self._step = step_ms
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        last = time.ticks_ms()
        while True:
            await asyncio.sleep_ms(self._step)
            now = time.ticks_ms()
            self.longest = max(self.longest, time.ticks_diff(now, last) - self._step)
            last = now

    def stop(self):
        self._task.cancel()
        return self.longest


async def with_broker(*scripts, name="7210086", port=PORT):
    broker = Broker()
    broker.scripts[name] = list(scripts)
    await broker.start(port)
    return broker
