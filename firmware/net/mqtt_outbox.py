# uMeter - MQTT messages on their way out: a bounded queue and what waits for a PUBACK
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: OASIS MQTT Version 3.1.1, sections 2.3.1 (packet ids), 4.3.2 (QoS 1), 4.4 and
# 4.6 (delivery and its order). Packets are encoded once; id and DUP are patched in.

from collections import deque
from micropython import const

from firmware.net import mqtt_codec as codec

_MOST = const(128)  # messages; a field's queue of 12 kB holds some 56 samples
_WINDOW = const(8)  # messages on the way at a time
_AGE_MASK = const(0x3FFFFFFF)  # ticks_ms of the chip wraps here


class _Flight:
    # A message with QoS 1 that has been sent at least once.
    def __init__(self, packet, packet_id, now):
        self.packet = packet
        self.packet_id = packet_id
        self.sent = now  # ticks of the last time
        self.tries = 1  # on this connection: 0 (has to be sent again), 1, 2


class Outbox:
    """What was published, in order, until the broker has it (QoS 1) or the socket took it (QoS 0).

    A PUBACK that takes longer than patience_ms has its message sent once more.
    `counters` needs queued, sent, acked, dropped, resent, unknown_acks.
    """

    def __init__(self, counters, most_bytes, patience_ms):
        self._counters = counters
        self._most_bytes = most_bytes
        self._patience_ms = patience_ms
        self._waiting = deque((), _MOST)
        self._flights = []  # oldest first
        self._last_id = 0
        self.bytes = 0

    def __len__(self):
        """Messages that the broker has not got yet, as far as we know."""
        return len(self._waiting) + len(self._flights)

    def add(self, packet):
        """Queue an encoded PUBLISH; the oldest make room. False: it could not be taken."""
        if self._on_the_way() + len(packet) > self._most_bytes:
            self._counters.dropped += 1
            return False
        while self.bytes + len(packet) > self._most_bytes or len(self) >= _MOST:
            self._drop_oldest()
        self._waiting.append(packet)
        self.bytes += len(packet)
        self._counters.queued += 1
        return True

    def _on_the_way(self):
        # Bytes that cannot make room: their PUBACK may be on the wire right now.
        return sum([len(flight.packet) for flight in self._flights if flight.tries])

    def _drop_oldest(self):
        for i, flight in enumerate(self._flights):
            if flight.tries == 0:
                packet = self._flights.pop(i).packet
                break
        else:
            packet = self._waiting.popleft()
        self.bytes -= len(packet)
        self._counters.dropped += 1

    def take_id(self):
        """A packet id that nothing on the way has, 1 to 65535."""
        taken = [flight.packet_id for flight in self._flights]
        while True:
            self._last_id = self._last_id % 65535 + 1
            if self._last_id not in taken:
                return self._last_id

    def next(self, now):
        """The packet to send next, None if there is nothing or too much is on the way.

        now: ticks in ms. A packet with QoS 0 is forgotten here, one with QoS 1 is in flight.
        """
        for flight in self._flights:
            if flight.tries == 0 or flight.tries == 1 and self._is_late(flight, now):
                codec.set_dup(flight.packet)
                flight.tries += 1
                flight.sent = now
                self._counters.resent += 1
                return flight.packet
        if not self._waiting or len(self._flights) >= _WINDOW:
            return None
        packet = self._waiting.popleft()
        self._counters.sent += 1
        if codec.is_tracked(packet):
            flight = _Flight(packet, self.take_id(), now)
            codec.set_id(packet, flight.packet_id)
            self._flights.append(flight)
        else:
            self.bytes -= len(packet)
        return packet

    def _is_late(self, flight, now):
        return (now - flight.sent) & _AGE_MASK >= self._patience_ms

    def acknowledge(self, packet_id):
        """The broker has it. One that we do not wait for (late, doubled) is only counted."""
        for i, flight in enumerate(self._flights):
            if flight.packet_id == packet_id and flight.tries:
                del self._flights[i]
                self.bytes -= len(flight.packet)
                self._counters.acked += 1
                return
        self._counters.unknown_acks += 1

    def is_stuck(self, now):
        """True if a PUBACK did not come after the second time either."""
        for flight in self._flights:
            if flight.tries == 2 and self._is_late(flight, now):
                return True
        return False

    def link_lost(self):
        """Nothing is on the way any more: what was goes out again on the next connection."""
        for flight in self._flights:
            flight.tries = 0
