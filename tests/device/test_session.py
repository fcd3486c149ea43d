# uMeter - the MQTT session begins anew: with another broker, for another meter, without any
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 300k

import sys

from _mqtt import PORT, TOPIC, log, payloads, resolver, until, with_broker
from _ports import free_port

from firmware.net.backoff import Backoff
from sim.broker import Script


class Flags:
    MQTT_CA = ""


sys.modules["config"] = Flags

from firmware.app.session import Session  # noqa: E402

Backoff.next = lambda self: 20  # the waits have tests of their own


class Publisher:
    serial = send = None
    released = 0

    def release(self):
        self.released += 1


def make(port):
    settings = {"broker_host": "127.0.0.1", "broker_port": port, "mqtt_user": ""}
    publisher = Publisher()
    return Session(settings, publisher, resolver, log), publisher, settings


def say(publisher, numbers):
    for n in numbers:
        assert publisher.send(TOPIC, b"%d" % n)


def texts(numbers):
    return [b"%d" % n for n in numbers]


async def test_another_broker_gets_what_the_first_one_did_not():
    session, publisher, settings = make(free_port())  # nobody is there
    session.identify("7210086")
    say(publisher, range(5))
    broker = await with_broker()
    settings["broker_port"] = PORT
    session.restart()
    say(publisher, range(5, 7))
    await until(lambda: session.counters.acked == 7, "all acknowledged")
    assert payloads(broker.of("7210086")) == texts(range(7))
    assert session.counters.dropped == 0 and len(session.client.outbox) == 0
    session.task.cancel()
    await broker.stop()


async def test_what_is_on_its_way_is_sent_again():
    broker = await with_broker(Script(pubacks="lost"))
    session, publisher, _ = make(PORT)
    session.identify("7210086")
    await until(lambda: session.connected, "connected")
    say(publisher, range(3))
    await until(lambda: len(broker.of("7210086").messages) == 3, "sent")
    session.identify("0000007")  # the meter was exchanged
    say(publisher, range(3, 5))
    await until(lambda: session.connected and session.counters.acked == 5, "acknowledged")
    assert payloads(broker.of("0000007")) == texts(range(5))
    session.task.cancel()
    await broker.stop()


async def test_without_a_broker_the_publisher_holds():
    session, publisher, settings = make(free_port())
    session.identify("7210086")
    assert publisher.send and publisher.released == 1
    settings["broker_host"] = ""
    session.restart()
    assert publisher.send is None and session.client is None and session.counters is None
    settings["broker_host"] = "127.0.0.1"
    session.restart()
    assert publisher.send and publisher.released == 2
    session.task.cancel()
