# uMeter - meterctl against a stock MeterLogger, as its specification describes it
# MIT license; Copyright (c) 2026 The uMeter authors

import re
import time
from os import urandom

import pytest
from cryptolib import aes
from meterctl_surroundings import KEY, SERIAL, Device

from firmware.crypto.envelope import EnvelopeError
from firmware.crypto.keys import derive, parse_key
from firmware.crypto.mac import HmacSha256

pytest_plugins = ["meterctl_fixtures"]
AES_KEY, MAC_KEY = derive(parse_key(KEY))
SAMPLE = b"heap=21376&t1=23.61 C&e1=56.726 MWh&"
CBC = 2


def sealed(topic, text, old):
    """As devices do it, or, old, as they did until July 2025: filled with zeros."""
    plain = text + b"\0"
    rest = -len(plain) % 16
    plain += bytes(rest) if old else bytes([rest or 16]) * (rest or 16)
    iv = urandom(16)
    body = iv + aes(AES_KEY, CBC, iv).encrypt(plain)
    return HmacSha256(MAC_KEY).mac(topic, body) + body


class Stock(Device):
    """Refuses an empty text, answers with QoS 2, keeps silent about what it does not know."""

    def __init__(self, port, old):
        super().__init__(port)
        self._old = old
        self.valve, self.limit, self.jobs = b"close", b"0", 0

    def say(self, function, text, serial=SERIAL, when=None, retain=False):
        topic = "/%s/v2/%s/%d" % (function, serial, when or time.time())
        self.client.publish(topic, sealed(topic.encode(), text, self._old), 2)

    def on_message(self, client, userdata, message):
        super().on_message(client, userdata, message)
        command, text = self.received[-1]
        if isinstance(text, EnvelopeError) or not text:
            return
        self.obey(command, text)

    def obey(self, command, text):
        if command in ("open", "close"):
            self.valve = command.encode()
        elif command == "open_until":
            self.valve, self.limit = b"open", text
            self.say("open_until", b"%d" % (int(text) - 1))  # its float arithmetic cuts
            self.say("status", self.valve)
        elif command == "set_cron":
            self.jobs = min(self.jobs + 1, 16)
            self.say("set_cron", text)
        elif command == "clear_cron":
            self.jobs = 0
            self.say("clear_cron", b"")
        else:
            answers = {"ping": b"", "status": self.valve, "cron": b"%d" % self.jobs, "rssi": b"31",
                       "version": b"2.2.2-master-1-abc-2.0.3-KMP-THERMO_NC"}  # fmt: skip
            if command in answers:
                self.say(command, answers[command])


@pytest.fixture
def stock(request, broker):
    with Stock(broker, getattr(request, "param", True)) as device:
        yield device


@pytest.mark.parametrize("stock", [False, True], indirect=True, ids=["pkcs7", "zeros"])
def test_commands(meterctl, stock):
    done = meterctl("send", "12345", "ping")
    assert (done.returncode, done.stdout) == (0, "\n")
    assert meterctl("send", SERIAL, "open").stdout == "open\n"
    assert meterctl("send", SERIAL, "open_until", "57000").stdout == "56999\n"
    assert stock.received == [("ping", b"1"), ("open", b"1"), ("status", b"1"),
                              ("open_until", b"57000")]  # fmt: skip


def test_jobs(meterctl, stock):
    done = meterctl("cron", "add", SERIAL, "0 8 * * *", "open")
    assert done.stdout.strip() == (
        "minute=0&hour=8&day_of_month=*&month=*&day_of_week=*&command=open")  # fmt: skip
    done = meterctl("cron", "list", SERIAL, "--timeout", "2")
    assert done.stdout == "" and "1 jobs; this device does not list them" in done.stderr
    assert meterctl("cron", "clear", SERIAL).returncode == 0 and stock.jobs == 0


def test_fleet(meterctl, stock):
    stock.client.message_callback_add(
        "/config/v2/%s/+/status" % SERIAL,
        lambda *message: (stock.on_message(*message), stock.say("sample", SAMPLE, "12345")))
    done = meterctl("watch", "12345", "--seconds", "3")
    last = done.stdout.splitlines()[-1]
    assert done.returncode == 0 and "Valve: close" in last and "Limit: -" in last
    assert "RSSI: 31" in last and "-KMP-THERMO_NC" in last
    assert re.search(r"Last sample: \d+ s", last)
