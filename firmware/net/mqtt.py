# uMeter - MQTT client that keeps itself connected
# MIT license; Copyright (c) 2026 The uMeter authors

# What is promised, and why it is not umqtt.simple: docs/mqtt.md.

import asyncio
from errno import errorcode
from micropython import const
from random import getrandbits

from firmware import overlay
from firmware.net import mqtt_codec as codec
from firmware.net.backoff import Backoff
from firmware.net.mqtt_link import Link
from firmware.net.mqtt_outbox import Outbox
from firmware.net.transport import open_connection

_MOST_IN = const(1152)  # bytes of a packet from the broker; longer ones are left out
_CHUNK = const(512)  # bytes read at a time
_NOT_TRUSTED = const(-0x2700)  # MBEDTLS_ERR_X509_CERT_VERIFY_FAILED


class Counters:
    """Since the start. All but queued and sent say how good the link is."""

    def __init__(self):
        self.queued = 0
        self.sent = 0  # each message once
        self.acked = 0
        self.resent = 0
        self.dropped = 0  # the queue was full
        self.unknown_acks = 0
        self.received = 0
        self.oversize = 0  # received and left out
        self.failed_handlers = 0
        self.pings = 0
        self.pongs = 0
        self.ping_us = 0  # way to the broker and back, mean of the last 60 answered pings
        self.connects = 0
        self.disconnects = 0  # of links that were ready
        self.refused = 0  # subscriptions, per connection
        self.malformed = 0  # connections ended by a broken rule of the protocol


class MqttClient:
    """Publishes and receives; brokers come and go.

    subscriptions: [(filter, qos 0 or 1)], asked for after every connect.
    on_message: f(topic, payload), bytes; on_connect: f(). Both short; what they raise is
    logged and counted. They may call publish().
    """

    def __init__(self, host, port, client_id, log, resolver, user=None, password=None, will=None,
                 keepalive=60, tls=None, queue_bytes=12288, timeout_ms=10000,
                 retry_ms=(1000, 60000)):
        """will: (topic, payload). tls: see net/tls.py. timeout_ms: of each step that waits for
        the broker or the network. retry_ms: shortest and longest wait between two tries.
        ValueError: a text is too long, or there is a password without a user.
        """
        self.host = host
        self.port = port
        self.keepalive = keepalive
        self.timeout_ms = timeout_ms
        self.subscriptions = []
        self.on_message = None
        self.on_connect = None
        self.counters = Counters()
        self.outbox = Outbox(self.counters, queue_bytes, timeout_ms)
        self.decoder = codec.Decoder(_MOST_IN)  # kept: a heap in use for weeks has holes
        self.chunk = bytearray(_CHUNK)
        self._log = log
        self._resolver = resolver
        self._tls = tls
        from firmware.net.mqtt_connect import encode_connect

        self._connect = encode_connect(client_id, keepalive, user, password, will)
        overlay.free("firmware.net.mqtt_connect")
        self._backoff = Backoff(retry_ms[0], retry_ms[1], getrandbits)
        self._long_ms = retry_ms[1] // 2  # a link that held so long was a good one
        self._link = None
        self._said = []  # reasons told since there was no link
        self._go = asyncio.Event()

    @property
    def connected(self):
        """True while messages flow."""
        return self._link is not None and self._link.ready

    def publish(self, topic, payload, qos=1, retain=False):
        """Queue a message, QoS 0 or 1; never waits. False: it is too long for the queue."""
        accepted = self.outbox.add(codec.encode_publish(topic, payload, qos, retain))
        if self._link:
            self._link.stir()
        return accepted

    def succeed(self, client):
        """Goes on with what another client has not delivered; that one is stopped."""
        self.outbox, self.counters = client.outbox, client.counters

    def retry_now(self):
        """The network is back: do not wait any longer. A link of before it went is a dead one."""
        self.drop()
        self._go.set()

    def drop(self):
        """End the link, if there is one; a new one follows."""
        if self._link:
            self._link.end()

    async def leave(self):
        """Says good-bye, so that the broker keeps the will to itself. OSError."""
        if self.connected:
            await self._link.leave()

    async def run(self):
        """Keep connected, for ever. To stop, cancel: the broker then publishes the will."""
        while True:
            try:
                await self._serve()
            except Exception as error:  # even a fault of ours must not silence the meter
                self._note_lost(error)
            await self._pause()

    async def _serve(self):
        address = await self._resolver.resolve(self.host, self.port, self.timeout_ms)
        transport = await open_connection(address, self.host, self._tls, self.timeout_ms)
        try:
            self._link = Link(self, transport, self._connect)
            await self._link.run()
        finally:
            transport.close()
            self._forget_link()

    def _forget_link(self):
        link, self._link = self._link, None
        self.outbox.link_lost()
        if link and link.ready:
            self.counters.disconnects += 1
            if link.ready_ms() >= self._long_ms:
                self._backoff.reset()

    def _note_lost(self, error):
        if type(error) is codec.MqttError:
            self.counters.malformed += 1
        reason = _reason(error)
        if reason not in self._said:  # some take turns, without end
            self._said.append(reason)
            self._log.event("mqtt", "no link to %s:%d: %s" % (self.host, self.port, reason))

    async def _pause(self):
        try:
            await asyncio.wait_for_ms(self._go.wait(), self._backoff.next())
        except asyncio.TimeoutError:
            return
        self._go.clear()
        self._backoff.reset()

    # called by the link

    def note_ready(self):
        self.counters.connects += 1
        self._said = []
        self._log.event("mqtt", "connected to %s:%d" % (self.host, self.port))
        if self.on_connect:
            self._call(self.on_connect)

    def note_refused(self):
        self.counters.refused += 1
        self._log.event("mqtt", "subscription refused")

    def deliver(self, topic, payload):
        self.counters.received += 1
        if self.on_message:
            self._call(self.on_message, topic, payload)

    def _call(self, handler, *arguments):
        try:
            handler(*arguments)
        except Exception as error:  # the link is not to blame and lives on
            self.counters.failed_handlers += 1
            self._log.event("mqtt", "handler: %s: %s" % (type(error).__name__, error))


def _reason(error):
    if isinstance(error, codec.MqttError):
        return error.args[0]
    number = error.args[0] if isinstance(error, OSError) and error.args else None
    if number == _NOT_TRUSTED:
        return "certificate refused: name, date or authority"
    return errorcode.get(number) or "%s: %s" % (type(error).__name__, error)
