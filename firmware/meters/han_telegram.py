# uMeter - what the push decoder hands over: one telegram, or why there is none
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.reading import Reading


class FrameError(Exception):
    """A layer refuses what it got. result: "reject", "no_values" or "need_key"."""

    def __init__(self, result, reason):
        self.result = result
        self.reason = reason


# Which text names the meter, best first.
_SERIALS = ("meter_id", "meter_number", "logical_device_name", "device_id")
_SERIAL_MOST = 32  # characters; it becomes part of topics


class Telegram:
    """One push of a meter.

    result  "values", "need_key" (ciphered, no key), "reject" (complete, but check, tag or
            structure is wrong), "need_more" (first part of a longer message) or "no_values"
    reason  "" or a short word: "hcs", "fcs", "flag", "checksum", "crc", "tag", "wrong_key",
            "replay", "structure", "order", "lost", "layout", "incomplete", "headless", "noise",
            "overflow", "clear_copy"; for need_key the system title
    layers  names from outside in: "hdlc", "hdlc-seg", "mbus", "llc", "gbt", "glo-ciphering",
            "dlms", "p1"
    values  canonical name -> Quantity, text or bool; empty unless result is "values"
    derived names in `values` that were computed
    notes   diagnostics in words; "unauthenticated" if nobody vouches for a ciphered telegram
    title, counter   system title (bytes) and invocation counter, if it was ciphered
    apdu    the clear APDU or P1 text (bytes), None if it was not reached
    """

    def __init__(self, result, reason, layers):
        self.result = result
        self.reason = reason
        self.layers = layers
        self.values = {}
        self.derived = []
        self.notes = []
        self.title = None
        self.counter = None
        self.apdu = None

    def serial(self):
        """Letters and digits that name the meter, "" if the telegram names none."""
        for name in _SERIALS:
            text = self.values.get(name, "")
            if not text.isdigit():
                text = "".join([c for c in text if c.isalpha() or c.isdigit() or c in "-_."])
            if text:
                return text[:_SERIAL_MOST]
        return ""

    def reading(self, uptime, time=0):
        """The same as a Reading of kind "p1" or "han"; its age counts from `uptime`."""
        kind = "p1" if "p1" in self.layers else "han"
        return Reading(
            kind, self.serial(), uptime, self.values, time, tuple(self.notes), tuple(self.derived)
        )
