# uMeter - one connection to an MQTT broker, from CONNECT until it breaks
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: OASIS MQTT Version 3.1.1, sections 3.1 to 3.14, 4.8. Three tasks: one reads, one
# writes, one looks at the time. The first error of any ends all three.

import asyncio
import errno
from collections import deque
from micropython import const
from time import ticks_diff, ticks_ms

from firmware.net import mqtt_codec as codec

_LOOK_MS = const(100)  # how often the time is looked at
_PAUSE_MS = const(10)
_MOST_ACKS = const(8)  # PUBACKs that wait to be sent, then we read no further

_GREETING = const(0)
_SUBSCRIBING = const(1)
_READY = const(2)


class Link:
    """Settings, buffers, queue and handlers are those of `client`, see MqttClient."""

    def __init__(self, client, transport, connect):
        """connect: encoded CONNECT packet."""
        self._client = client
        self._counters = client.counters
        self._outbox = client.outbox
        self._transport = transport
        self._decoder = client.decoder
        self._decoder.reset()
        self._first = deque((connect,), _MOST_ACKS + 4)  # goes out before any message
        self._stir = asyncio.Event()
        self._failure = None
        self._state = _GREETING
        self._since = ticks_ms()  # when the state was entered
        self._heard = self._said = self._since
        self._pinged = None  # ticks of a PINGREQ without answer
        self._subscribe_id = 0

    @property
    def ready(self):
        """True once the broker took us and our subscriptions."""
        return self._state == _READY

    def ready_ms(self):
        """For how long it has been ready."""
        return ticks_diff(ticks_ms(), self._since) if self.ready else 0

    def stir(self):
        """There is something new to send."""
        self._stir.set()

    async def run(self):
        """Until the connection breaks: raises the reason."""
        tasks = [asyncio.create_task(self._guard(part)) for part in (self._read, self._write)]
        try:
            await self._watch()
        finally:
            for task in tasks:
                task.cancel()

    async def _guard(self, part):
        try:
            await part()
        except Exception as error:  # raised again by _watch(), in the task that asked for us
            self._failure = error

    def end(self):
        """Somebody wants another connection."""
        self._failure = OSError(errno.ECONNABORTED)

    async def leave(self):
        """Nothing is left to send. OSError."""
        await self._transport.send(codec.DISCONNECT, self._client.timeout_ms)
        self.end()

    # time

    async def _watch(self):
        while self._failure is None:
            await asyncio.sleep_ms(_LOOK_MS)
            self._check_time(ticks_ms())
        raise self._failure

    def _check_time(self, now):
        patience_ms = self._client.timeout_ms
        if self._state != _READY and ticks_diff(now, self._since) >= patience_ms:
            raise OSError(errno.ETIMEDOUT)
        keepalive_ms = self._client.keepalive * 1000
        if keepalive_ms and self.ready:
            self._check_life(now, keepalive_ms)
        if self._outbox.is_stuck(now):
            raise OSError(errno.ETIMEDOUT)
        if len(self._outbox):
            self._stir.set()  # a message may have become late

    def _check_life(self, now, keepalive_ms):
        silent_ms = ticks_diff(now, self._heard)
        if self._pinged is not None:
            if ticks_diff(now, self._pinged) >= self._client.timeout_ms:
                raise OSError(errno.ETIMEDOUT)
        elif max(silent_ms, ticks_diff(now, self._said)) >= keepalive_ms // 2:
            self._pinged = now
            self._counters.pings += 1
            self._send_first(codec.PINGREQ)
        if silent_ms * 2 >= keepalive_ms * 3:
            raise OSError(errno.ETIMEDOUT)

    # out

    async def _write(self):
        while True:
            if self._first:
                packet = self._first.popleft()
            else:
                packet = self._outbox.next(ticks_ms()) if self.ready else None
            if packet:
                await self._transport.send(packet, self._client.timeout_ms)
                self._said = ticks_ms()
                # send() need not have waited: a long queue must not keep others waiting.
                await asyncio.sleep_ms(0)
            else:
                self._stir.clear()
                await self._stir.wait()

    def _send_first(self, packet):
        self._first.append(packet)
        self._stir.set()

    # in

    async def _read(self):
        buf = self._client.chunk
        decoder = self._decoder
        while True:
            count = await self._transport.receive(buf)
            self._heard = ticks_ms()
            at = 0
            while at < count:
                at = decoder.feed(buf, at, count)
                if decoder.complete:
                    await self._take(decoder.head, decoder.body())
            await asyncio.sleep_ms(0)

    async def _take(self, head, body):
        if head == codec.CONNACK and self._state == _GREETING:
            codec.parse_connack(body)
            self._subscribe()
        elif self._state == _GREETING:
            raise codec.MqttError("no CONNACK first")
        elif head & 0xF0 == codec.PUBLISH:
            await self._take_message(head, body)
        elif head == codec.PUBACK:
            self._outbox.acknowledge(codec.parse_ack(body))
            self._stir.set()
        elif head == codec.SUBACK and self._state == _SUBSCRIBING:
            self._take_suback(body)
        elif head == codec.PINGRESP:
            if self._pinged is not None:
                self._note_pong(ticks_diff(ticks_ms(), self._pinged))
            self._pinged = None
        else:
            raise codec.MqttError("packet out of place")

    def _note_pong(self, took_ms):
        counters = self._counters
        counters.pongs += 1
        # A mean of the last 60 or so [MeterLogger 8.7]; of microseconds, so rounding is small.
        counters.ping_us += (took_ms * 1000 - counters.ping_us) // min(counters.pongs, 60)

    def _subscribe(self):
        subscriptions = self._client.subscriptions
        if not subscriptions:
            self._become_ready()
            return
        self._enter(_SUBSCRIBING)
        self._subscribe_id = self._outbox.take_id()
        self._send_first(codec.encode_subscribe(self._subscribe_id, subscriptions))

    def _take_suback(self, body):
        packet_id, granted = codec.parse_suback(body, len(self._client.subscriptions))
        if packet_id != self._subscribe_id:
            raise codec.MqttError("SUBACK of another packet")
        if not granted:
            self._client.note_refused()
        self._become_ready()

    def _become_ready(self):
        self._enter(_READY)
        self._client.note_ready()
        self._stir.set()

    def _enter(self, state):
        self._state = state
        self._since = ticks_ms()

    async def _take_message(self, head, body):
        topic, payload, packet_id = codec.parse_publish(head, body)
        if self._decoder.size > len(body):
            self._counters.oversize += 1
        else:
            self._client.deliver(topic, payload)
        if packet_id:
            while len(self._first) >= _MOST_ACKS:
                await asyncio.sleep_ms(_PAUSE_MS)
            self._send_first(codec.encode_puback(packet_id))
        # A handler decrypts and acts: others get their turn after each message.
        await asyncio.sleep_ms(0)
