# uMeter - messages of devices: topic taken apart, envelope opened, sample split
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.crypto.envelope import EnvelopeError


class Message:
    """What one device said.

    function, serial: str; time: unix seconds, None for the last will. verified: the
    envelope's signature was right; text then holds the plaintext. Otherwise reason
    tells why not.
    """

    def __init__(self, function, serial, time, reason=None, text=None):
        self.function = function
        self.serial = serial
        self.time = time
        self.reason = reason
        self.text = text
        self.verified = reason is None

    @property
    def is_sample(self):
        return self.verified and self.function == "sample"


def read_topic(topic):
    """/<function>/v2/<serial>/<time> or /offline/v1/<serial> -> the three; None if neither."""
    parts = topic.split("/")
    if len(parts) == 4 and parts[:3] == ["", "offline", "v1"] and parts[3]:
        return "offline", parts[3], None
    if len(parts) != 5 or parts[0] or parts[2] != "v2" or not (parts[1] and parts[3]):
        return None
    if not (parts[4].isascii() and parts[4].isdigit() and len(parts[4]) <= 10):
        return None
    return parts[1], parts[3], int(parts[4])


def open_message(topic, payload, keys):
    """Message of what arrived (topic str, payload bytes); None if no device's topic."""
    parts = read_topic(topic)
    if parts is None:
        return None
    if parts[2] is None:
        return Message(*parts, reason="unsigned")  # the broker sends it, it has no key
    envelope = keys.envelope(parts[1])
    if envelope is None:
        return Message(*parts, reason="no key")
    try:
        text = envelope.open(topic.encode(), payload)
    except EnvelopeError as error:
        return Message(*parts, reason=error.args[0])
    return Message(*parts, text=text.decode("utf-8", "backslashreplace"))


def sample_values(text):
    """ "t1=23.61 C&hr=5 h&" -> [("t1", "23.61", "C"), ("hr", "5", "h")]; the unit may be ""."""
    values = []
    for group in text.split("&"):
        name, found, rest = group.partition("=")
        if found and name:
            value, _, unit = rest.partition(" ")
            values.append((name, value, unit))
    return values


def printable(text):
    """Text that cannot steer a terminal: control characters are written as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
