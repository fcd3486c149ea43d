# uMeter - judges what arrives: topic, size, signature, time
# MIT license; Copyright (c) 2026 The uMeter authors

# Order of the checks as in MeterLogger's reception rules; each refusal is counted. What is
# signed but comes before the clock is set waits, and is judged when the time is known.

from micropython import const

_WINDOW_S = const(1800)
_MOST_PAYLOAD = const(511)
_MOST_WAITING = const(8)
_MAC = const(32)  # bytes of the signature, first in the payload


class Message:
    """function: text; text: bytes; when: unix time of its topic; mac: its signature."""

    def __init__(self, function, text, when, mac):
        self.function = function
        self.text = text
        self.when = when
        self.mac = mac


class Reception:
    """(topic, payload) -> Message or None.

    parse: topic -> (serial, unix, function), ValueError; envelope: open(topic, payload),
    ValueError with the reason. Both come from outside, so this knows no network.
    """

    def __init__(self, parse, envelope, clock):
        self._parse = parse
        self._envelope = envelope
        self._clock = clock
        self._waiting = []  # (uptime, Message)
        self.rejected = {}  # reason -> how many

    def refuse(self, reason):
        """Counts a refusal."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1

    def judge(self, topic, payload, serial):
        """bytes, bytes, own serial as in topics -> Message; None: refused, or it waits."""
        try:
            if not 1 <= len(payload) <= _MOST_PAYLOAD:
                raise ValueError("payload length")
            to, when, function = self._parse(topic)
            text = self._envelope.open(topic, payload)
            if to != serial:
                raise ValueError("other serial")
            message = Message(function, text, when, bytes(payload[:_MAC]))
            if self._clock.now() == 0:
                return self._wait(message)
            self._check_time(when)
        except ValueError as error:
            self.refuse(error.args[0])
            return None
        return message

    def _check_time(self, when):
        now = self._clock.now()
        if not now - _WINDOW_S <= when <= now + _WINDOW_S:
            raise ValueError("time")

    def _wait(self, message):
        if len(self._waiting) >= _MOST_WAITING:
            raise ValueError("no time yet")
        self._waiting.append((self._clock.uptime(), message))

    def release(self):
        """The clock is set: the messages that waited and are young enough, in order."""
        waiting = self._waiting
        self._waiting = []
        sound = []
        for uptime, message in waiting:
            try:
                if self._clock.uptime() - uptime > _WINDOW_S:
                    raise ValueError("waited too long")
                self._check_time(message.when)
            except ValueError as error:
                self.refuse(error.args[0])
                continue
            sound.append(message)
        return sound
