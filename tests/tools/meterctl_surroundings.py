# uMeter - scripted device, broker and surroundings for the tests of meterctl
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import sys
import time

import paho.mqtt.client as mqtt

from firmware.crypto.envelope import Envelope, EnvelopeError

KEY = "00112233445566778899aabbccddeeff"
ENVELOPE = Envelope(bytes.fromhex(KEY))
SERIAL = "0012345"
SAMPLE = b"heap=1000&t1=23.61 C&e1=56.726 MWh&"


def wait_until(true, what, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


class Device:
    """Answers commands as told: answers maps a command to texts, or to payload makers."""

    def __init__(self, port, answers=None, envelope=ENVELOPE):
        self.answers = answers or {}
        self.envelope = envelope
        self.received = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_message = self.on_message
        self.client.on_subscribe = lambda *_: setattr(self, "ready", True)
        self.ready = False
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("/config/v2/%s/#" % SERIAL)

    def __enter__(self):
        self.client.loop_start()
        wait_until(lambda: self.ready, "the device's subscription")
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, function, text, serial=SERIAL, when=None, retain=False):
        topic = "/%s/v2/%s/%d" % (function, serial, when or time.time())
        self.client.publish(topic, self.envelope.seal(topic.encode(), text), 1, retain)

    def on_message(self, client, userdata, message):
        try:
            text = ENVELOPE.open(message.topic.encode(), message.payload)
        except EnvelopeError as error:
            text = error
        command = message.topic.split("/")[-1]
        self.received.append((command, text))
        for answer in self.answers.get(command, ()):
            answer(self) if callable(answer) else self.say(command, answer)


def command_line(*arguments):
    return [sys.executable, "-m", "tools.meterctl.main", *map(str, arguments)]


def surroundings(tmp_path, port, **more):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UMETER_")}
    environment.update(HOME=str(tmp_path), UMETER_BROKER="127.0.0.1:%d" % port, COLUMNS="200")
    environment.update(more)
    return environment
