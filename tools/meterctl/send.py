# uMeter - meterctl send: one command to one device, and its answer
# MIT license; Copyright (c) 2026 The uMeter authors

import sys
import time
from typing import Optional

import typer

from firmware.net.topics import padded
from tools.meterctl import commands, options
from tools.meterctl.link import Link, LinkError
from tools.meterctl.messages import open_message, printable

REPEAT_S = 10  # as the server does: a lost command is sent anew, with fresh time and IV
SCAN_S = 2  # a scan's results come one by one; this long after the last they are complete
WINDOW_S = 1800  # older answers are somebody's recording


class Exchange:
    """One command on its way to one device."""

    def __init__(self, link, keys, serial, command, text):
        self._link = link
        self._keys = keys
        self._serial = serial
        self._command = command
        self._text = text.decode("utf-8", "surrogateescape")
        self._encoded = text
        self.refused = {}  # reason -> messages that looked like the answer and were not

    def publish(self):
        topic = "/config/v2/%s/%d/%s" % (padded(self._serial), time.time(), self._command)
        payload = self._keys.envelope(self._serial).seal(topic.encode(), self._encoded)
        self._link.publish(topic, payload)

    def answer(self, timeout_s, repeat=True):
        """Text of the answer; None if there is none within the time."""
        end = time.monotonic() + timeout_s
        repeat_at = time.monotonic() + REPEAT_S
        while True:
            now = time.monotonic()
            if now >= end:
                return None
            if repeat and now >= repeat_at:
                self.publish()
                repeat_at = now + REPEAT_S
            received = self._link.receive(min(end, repeat_at if repeat else end) - now)
            text = received and self._judge(*received)
            if text is not None:
                return text

    def _judge(self, topic, payload, retained):
        message = open_message(topic, payload, self._keys)
        if message is None or message.function != commands.answer_function(self._command):
            return None
        if not message.verified:
            reason = "not verified (%s)" % message.reason
        elif retained or abs(message.time - time.time()) > WINDOW_S:
            reason = "an old one"
        elif not commands.answers(self._command, self._text, message.text):
            reason = "for another number (%s)" % printable(message.text)
        else:
            return message.text
        self.refused[reason] = self.refused.get(reason, 0) + 1
        return None


def no_answer(exchange, serial, timeout_s):
    text = "no answer from %s in %g s" % (serial, timeout_s)
    for reason, count in exchange.refused.items():
        text += "\n  an answer came, but %s%s" % (reason, " x%d" % count if count > 1 else "")
    text += (
        "\n  Is the serial right, the device online (meterctl listen %s) and its key this one?"
        "\n  Devices ignore commands when the clock here and theirs differ by more than half an"
        " hour." % serial
    )
    options.fail(text, options.NO_ANSWER)


def run(link, keys, serial, command, text, timeout_s, wait):
    exchange = Exchange(link, keys, serial, command, text)
    exchange.publish()
    if not wait:
        options.say("%s sent; no answer is waited for" % command)
        return
    answer = exchange.answer(timeout_s)
    if answer is None:
        no_answer(exchange, serial, timeout_s)
    while answer is not None:
        print(printable(answer), flush=True)
        answer = exchange.answer(SCAN_S, repeat=False) if command == "scan" else None


def checked(serial, command, text):
    """The command's text, as bytes."""
    options.checked_serial(serial)
    try:
        return commands.checked(command, text)
    except ValueError as error:
        options.fail(str(error))


def send(
    serial: str = typer.Argument(help="The meter's serial number."),
    command: str = typer.Argument(help="What to do, such as ping, status, open_until."),
    text: Optional[str] = typer.Argument(None, help="The command's text; - reads it from stdin."),
    broker: str = options.Broker,
    keys: options.KeysPath = options.Keys,
    timeout: float = typer.Option(30, min=0.1, help="Seconds to wait for the answer."),
    no_wait: bool = typer.Option(False, "--no-wait", help="Wait for no answer."),
):
    """Send a command to a device, encrypted and signed, and print its answer.

    Unanswered commands are sent again every 10 s. The commands open, close,
    start_ap, stop_ap, reconnect, restart, off, pwm and test are carried out
    without an answer: after them ask status. Give passwords by stdin, not on
    the command line.

    Exit status: 0 if the answer came (or none was waited for), 1 if not,
    2 if the command was not sent.

    Examples:

        meterctl send 6892850 ping
        meterctl send 6892850 open_until 57000
        meterctl send 6892850 set_pwd - < password-file
    """
    if text == "-":
        text = sys.stdin.read().rstrip("\r\n")
    encoded = checked(serial, command, text)
    ring = options.key_ring(keys)
    if ring.envelope(serial) is None:
        options.fail("%s holds no key for %s" % (ring.origin, serial))
    host, port = options.broker_address(broker)
    wait = not no_wait and command not in commands.SILENT
    answers = "/%s/v2/%s/+" % (commands.answer_function(command), padded(serial))
    try:
        with Link(host, port, [answers]) as link:
            run(link, ring, serial, command, encoded, timeout, wait)
    except LinkError as error:
        options.fail(str(error))
