# uMeter - judges what arrives: topic, size, signature, time
# MIT license; Copyright (c) 2026 The uMeter authors

# Order of the checks as in MeterLogger's reception rules; each refusal is counted.

_WINDOW_S = 1800
_MOST_PAYLOAD = 511


class Reception:
    """Message -> (function, text) or None.

    parse: topic -> (serial, unix, function), ValueError; envelope: open(topic, payload),
    ValueError with the reason. Both come from outside, so this knows no network.
    """

    def __init__(self, parse, envelope, clock):
        self._parse = parse
        self._envelope = envelope
        self._clock = clock
        self.rejected = {}  # reason -> how many

    def judge(self, topic, payload, serial):
        """bytes, bytes, own serial as in topics -> (function, text bytes), None when refused."""
        try:
            if not 1 <= len(payload) <= _MOST_PAYLOAD:
                raise ValueError("payload length")
            to, when, function = self._parse(topic)
            text = self._envelope.open(topic, payload)
            if to != serial:
                raise ValueError("other serial")
            now = self._clock.now()
            if now == 0 or not now - _WINDOW_S <= when <= now + _WINDOW_S:
                raise ValueError("time")
        except ValueError as error:
            reason = error.args[0]
            self.rejected[reason] = self.rejected.get(reason, 0) + 1
            return None
        return function, text
