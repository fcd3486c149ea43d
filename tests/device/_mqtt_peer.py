# uMeter - MQTT client under test for tests/net: UMETER_BROKER=HOST:PORT, prints what happens
# MIT license; Copyright (c) 2026 The uMeter authors

# Publishes one numbered message every UMETER_EVERY_MS, UMETER_COUNT in all, answers commands.
# UMETER_CA names a file (DER): then with TLS. UMETER_NAME is what the broker is called.

import asyncio
import time
from uos import getenv

import world

from firmware.clock import Clock
from firmware.log import Log
from firmware.net.mqtt import MqttClient
from firmware.net.resolver import Resolver

TOPIC = "/sample/v2/7210086/%d"


def client_from_environment():
    host, port = getenv("UMETER_BROKER").split(":")
    name = getenv("UMETER_NAME") or host
    world.config["dns"] = {name: host}
    tls = None
    if getenv("UMETER_CA"):
        from firmware.net.tls import client_context

        with open(getenv("UMETER_CA"), "rb") as file:
            tls = client_context(file.read())
    log = Log(Clock(time.ticks_ms, time.ticks_diff))
    return MqttClient(
        name, int(port), "7210086", log, Resolver(), getenv("UMETER_USER"),
        getenv("UMETER_PASSWORD"), ("/offline/v1/7210086", b""), 10, tls,
        timeout_ms=3000, retry_ms=(100, 400),
    )


async def main():
    client = client_from_environment()
    client.subscriptions = [("/config/v2/7210086/#", 1)]

    def answer(topic, payload):
        print("command", topic.decode(), payload.decode())
        client.publish("/ping/v2/7210086/1", payload)

    client.on_message = answer
    running = asyncio.create_task(client.run())
    count = int(getenv("UMETER_COUNT"))
    for number in range(count):
        client.publish(TOPIC % number, "%d" % number)
        await asyncio.sleep_ms(int(getenv("UMETER_EVERY_MS")))
    while len(client.outbox):
        await asyncio.sleep_ms(20)
    print("done", client.counters.acked, client.counters.connects)
    await running


asyncio.run(main())
