# uMeter - readings and replies as signed, encrypted MQTT messages
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.net import topics
from firmware.net.sample import sample_text

# What waits for the time: an hour of samples, or the few minutes of an electricity meter's.
_MOST_HELD = 60
_MOST_HELD_CHARS = 6144


class Publisher:
    """v2 messages (topic carries the time, HMAC covers the topic).

    What was said before the clock was set is held back and leaves with the time at which
    it was said; when too much is held the oldest goes, counted in `dropped`.
    """

    def __init__(self, envelope, clock, flow_meter, free_heap):
        self.envelope = envelope
        self._clock = clock
        self._flow_meter = flow_meter
        self._free_heap = free_heap
        self._held = []  # (uptime, function, serial, text)
        self._chars = 0  # of their texts
        self.send = None  # f(topic, payload), once there is a broker to send to
        self.serial = None  # of the meter, text; None until it is known
        self.dropped = 0

    def sample(self, reading):
        """Says a Reading as /sample/v2/<serial>/<time of sampling>; KMP's serial is not padded."""
        text = sample_text(reading, self._flow_meter, self._free_heap())
        serial = reading.serial
        if reading.kind != "kmp":
            serial = topics.padded(serial)
        self._say(reading.uptime, "sample", serial, text)

    def reply(self, function, text):
        """Says `text` (str or bytes) as /<function>/v2/<serial>/<now>."""
        if self.serial is not None:
            self._say(self._clock.uptime(), function, topics.padded(self.serial), text)

    def release(self):
        """Sends what was held; call it when the time or the broker has become known."""
        if not self._ready():
            return
        while self._held:  # one by one: a full heap costs one message, not all
            message = self._held.pop(0)
            self._chars -= len(message[3])
            self._send(*message)

    def _ready(self):
        return self.send is not None and self._clock.now() != 0

    def _say(self, uptime, function, serial, text):
        if self._ready():
            self._send(uptime, function, serial, text)
            return
        self._held.append((uptime, function, serial, text))
        self._chars += len(text)
        while len(self._held) > _MOST_HELD or self._chars > _MOST_HELD_CHARS:
            self._chars -= len(self._held.pop(0)[3])
            self.dropped += 1

    def _send(self, uptime, function, serial, text):
        topic = topics.outgoing(function, serial, self._clock.unix_at(uptime))
        if isinstance(text, str):
            text = text.encode()
        self.send(topic, self.envelope.seal(topic, text))
