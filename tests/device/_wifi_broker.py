# uMeter - a broker in virtual time, behind the radio of the Wi-Fi tests
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import errno

from firmware.net import mqtt
from firmware.net import mqtt_codec as codec

_CONNECT, _PINGREQ, _DISCONNECT = 0x10, 0xC0, 0xE0
_PINGRESP = b"\xd0\0"


class _Wire:
    """One TCP connection: whoever leaves the network hears nothing more, not even its end."""

    def __init__(self, broker):
        self._broker = broker
        self._stay = broker.stay()
        self._inbox = bytearray()
        self._news = asyncio.Event()

    def _is_alive(self):
        return self._broker.answers and self._broker.stay() == self._stay

    async def send(self, data, timeout_ms):
        if not self._is_alive():
            return  # into the socket's buffer
        size = 1  # of the length
        while data[size] & 0x80:
            size += 1
        self._take(data[0], bytes(data[1 + size :]))  # one packet each time

    def _take(self, head, body):
        if head == _CONNECT:
            self._broker.connects += 1
            self._inbox += b"\x20\x02\0\0"
        elif head & 0xF0 == codec.PUBLISH:
            _, payload, packet_id = codec.parse_publish(head, body)
            self._broker.take(bytes(payload[:6]))
            self._inbox += codec.encode_puback(packet_id)
        elif head == _PINGREQ:
            self._inbox += _PINGRESP
        elif head == _DISCONNECT:
            self._broker.farewells += 1
        else:
            raise AssertionError("packet %02x" % head)
        self._news.set()

    async def receive(self, buf):
        while not (self._inbox and self._is_alive()):
            self._news.clear()
            await self._news.wait()
        count = min(len(self._inbox), len(buf))
        buf[:count] = self._inbox[:count]
        self._inbox = self._inbox[count:]
        return count

    def close(self):
        self._stay = None


class _Names:
    async def resolve(self, host, port, timeout_ms):
        return host, port


class Broker:
    """Behind the networks `ssids`; payloads: how the samples begin that it got.

    A client that samples belongs to it.
    """

    def __init__(self, house, *ssids):
        self._house = house
        self._ssids = ssids
        self.answers = True
        self.payloads = set()
        self.pings = 0
        self._first = 1  # number of the first sample that is not accounted for
        self.connects = self.farewells = 0
        self.made = 0  # samples
        self.task = None
        mqtt.open_connection = self._open
        self.client = mqtt.MqttClient("10.0.0.1", 1883, "7210086", house.log, _Names())
        house.on_up = self.client.retry_now

    def take(self, begin):
        if begin == b"ping":
            self.pings += 1
        else:
            self.payloads.add(begin)

    def stay(self):
        """Which stay in the network it is; None: in none, or one without the broker."""
        wifi = self._house.wifi
        if wifi.connected and wifi.ssid in self._ssids:
            return len(self._house.ups)
        return None

    async def _open(self, address, name, tls, timeout_ms):
        if self.stay() is None or not self.answers:
            await asyncio.sleep_ms(timeout_ms)
            raise OSError(errno.ETIMEDOUT)
        return _Wire(self)

    async def start(self):
        self.task = asyncio.create_task(self.client.run())
        asyncio.create_task(self._sample())

    async def _sample(self):
        while True:
            self.made += 1
            assert self.client.publish(b"/sample/v2/7210086/1", b"%06d" % self.made + bytes(300))
            await asyncio.sleep(60)

    async def hears(self, seconds):
        """Seconds until it hears of us; in time."""
        clock = self._house.clock
        began, before = clock.uptime(), self.pings
        self.client.publish(b"/ping/v2/7210086/1", b"ping")
        while self.pings == before:
            waited = clock.uptime() - began
            assert waited <= seconds, "not back after %d s: %s" % (waited, self._house.lines)
            await asyncio.sleep_ms(100)
        assert not self._house.restarts
        return clock.uptime() - began

    async def has_all(self):
        await asyncio.sleep(5)
        for number in range(self._first, self.made):
            begin = b"%06d" % number
            assert begin in self.payloads, "sample %d of %d is lost" % (number, self.made)
            self.payloads.remove(begin)
        self._first = self.made
        assert not self.client.counters.dropped
