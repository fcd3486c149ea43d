# uMeter - what is believed of a message: bounds, signature, serial, time, and what waits
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.clock import Clock
from firmware.control.reception import Reception
from firmware.crypto.envelope import Envelope
from firmware.net import topics

NOW = 1_800_000_000
SERIAL = "7210086"
ENVELOPE = Envelope(bytes(range(16)))


class House:
    def __init__(self, now=NOW):
        self.ms = 0
        self.clock = Clock(lambda: self.ms, lambda a, b: a - b)
        if now:
            self.clock.set(now)
        self.opened = 0
        self.reception = Reception(topics.parse_command, self, self.clock)

    def open(self, topic, payload):
        self.opened += 1
        return ENVELOPE.open(topic, payload)

    def pass_time(self, seconds):
        for _ in range(seconds):
            self.ms += 1000
            self.clock.uptime()

    def judge(self, topic, payload):
        return self.reception.judge(topic, payload, SERIAL)

    def hear(self, when, name="open", text=b"1", serial=SERIAL):
        return self.judge(*sealed(when, name, text, serial))


def sealed(when, name="open", text=b"1", serial=SERIAL):
    topic = b"/config/v2/%s/%d/%s" % (serial.encode(), when, name.encode())
    return topic, ENVELOPE.seal(topic, text)


def test_a_sound_message():
    topic, payload = sealed(NOW, "open_until", b"57000")
    message = House().judge(topic, payload)
    assert (message.function, message.text, message.when) == ("open_until", b"57000", NOW)
    assert message.mac == payload[:32]


@pytest.mark.parametrize("off, good", [(0, True), (1800, True), (1801, False), (10**6, False)])
def test_the_window(off, good):
    for when in (NOW + off, NOW - off):
        house = House()
        assert bool(house.hear(when)) == good
        assert house.reception.rejected == ({} if good else {"time": 1})


def test_bounds_of_the_payload():
    house = House()
    text = b"x" * 446
    assert len(sealed(NOW, "ssid", text)[1]) == 496 and house.hear(NOW, "ssid", text)
    assert not house.hear(NOW, "ssid", text + b"xx")  # 512 bytes
    assert house.opened == 1 and house.reception.rejected == {"payload length": 1}
    topic, _ = sealed(NOW)
    assert not house.judge(topic, bytes(511)) and not house.judge(topic, b"")
    assert house.reception.rejected == {"payload length": 2, "length": 1}


def test_the_signature_comes_before_serial_and_time():
    house = House()
    for topic in (b"/config/v2/7210087/%d/open" % NOW, b"/config/v2/7210086/5/open"):
        house.judge(topic, bytes(64))
    assert house.reception.rejected == {"hmac": 2}
    house.hear(5, serial="7210087")
    house.hear(5)
    assert house.reception.rejected == {"hmac": 2, "other serial": 1, "time": 1}


def test_what_comes_before_the_time_is_known_waits():
    house = House(now=0)
    names = ["n%d" % n for n in range(9)]
    for name in names:
        assert house.hear(NOW, name) is None
    assert house.reception.rejected == {"no time yet": 1}  # of nine
    house.clock.set(NOW + 60)
    assert [message.function for message in house.reception.release()] == names[:8]
    assert house.reception.release() == []
    for name in names:  # and there is room again
        assert house.hear(NOW, name).function == name


def test_a_stranger_does_not_fill_the_room_of_those_that_wait():
    house = House(now=0)
    for _ in range(20):
        house.judge(sealed(NOW)[0], bytes(64))
    house.hear(NOW)
    assert house.reception.rejected == {"hmac": 20}
    house.clock.set(NOW)
    assert len(house.reception.release()) == 1


def test_what_waited_is_judged_by_its_time_and_by_how_long():
    house = House(now=0)
    house.hear(NOW + 1700, "long")
    house.pass_time(1)
    house.hear(NOW - 1, "old")
    house.hear(NOW, "good")
    house.pass_time(1800)
    house.clock.set(NOW + 1800)
    assert [message.function for message in house.reception.release()] == ["good"]
    assert house.reception.rejected == {"waited too long": 1, "time": 1}
