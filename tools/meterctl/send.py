# uMeter - meterctl send: one command to one device, and its answer
# MIT license; Copyright (c) 2026 The uMeter authors

import sys
import time
from typing import Optional

import typer

from firmware.net.topics import padded
from tools.meterctl import commands, options
from tools.meterctl.link import LinkError
from tools.meterctl.messages import open_message, printable

REPEAT_S = 10  # as the server does: a lost command is sent anew, with fresh time and IV
QUIET_S = 2  # of answers that come one by one, this long after the last they are complete
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


def ask(link, keys, serial, command, text, timeout_s):
    """Send it and wait. -> (answer, the exchange, for more answers); says why and ends if none."""
    exchange = Exchange(link, keys, serial, command, text)
    exchange.publish()
    answer = exchange.answer(timeout_s)
    if answer is None:
        no_answer(exchange, serial, timeout_s)
    if commands.is_error(answer):
        options.fail("%s refused %s: %s" % (serial, command, printable(answer[7:])),
                     options.NO_ANSWER)  # fmt: skip
    return answer, exchange


def run(link, keys, serial, command, text, timeout_s):
    answer, exchange = ask(link, keys, serial, command, text, timeout_s)
    jobs = set()
    if not answer:
        options.say("%s answered %s" % (serial, command))
    while answer is not None:
        print(printable(answer), flush=True)
        if command == "scan":
            answer = exchange.answer(QUIET_S, repeat=False)
        elif command == "cron_list":
            jobs.add(answer)
            try:
                number = commands.listed_job(answer)[1]
            except ValueError as error:
                options.fail("%s answered: %s" % (serial, error), options.NO_ANSWER)
            answer = exchange.answer(QUIET_S, repeat=False) if len(jobs) < number else None
        else:
            answer = None


def tell(link, keys, serial, command, text, timeout_s):
    """Send one that has no answer, and ask what became of it."""
    Exchange(link, keys, serial, command, text).publish()
    question, wanted = commands.FOLLOWED.get(command, (None, None))
    if question is None:
        options.say("%s sent; devices carry it out without an answer" % command)
        return
    answer, _ = ask(link, keys, serial, question, commands.NOTHING.encode(), timeout_s)
    print(printable(answer), flush=True)
    if answer.partition(",")[0] != wanted:  # "started, this device only: no NAPT"
        options.fail("%s was sent, but %s says %s" % (command, serial, printable(answer)),
                     options.NO_ANSWER)  # fmt: skip


def filters(serial, command):
    """Topics of the answers; stock devices pad the serial."""
    names = {command, commands.FOLLOWED.get(command, (command,))[0]}
    functions = sorted({commands.answer_function(name) for name in names})
    return ["/%s/v2/%s/+" % (name, padded(serial)) for name in functions]


def checked(serial, command, text):
    """The command's text, as bytes."""
    options.checked_serial(serial)
    try:
        return commands.checked(command, text)
    except ValueError as error:
        options.fail(str(error))


def send(
    serial: str = typer.Argument(help="The meter's serial number."),
    command: str = typer.Argument(help="One of " + ", ".join(sorted(commands.KNOWN)) + "."),
    text: Optional[str] = typer.Argument(None, help="The command's text; - reads it from stdin."),
    broker: str = options.Broker,
    ca: options.CaPath = options.CaFile,
    keys: options.KeysPath = options.Keys,
    timeout: float = typer.Option(30, min=0.1, help="Seconds to wait for the answer."),
    no_wait: bool = typer.Option(False, "--no-wait", help="Wait for no answer."),
):
    """Send a command to a device, encrypted and signed, and print its answer.

    Unanswered commands are sent again every 10 s. The commands open, close,
    start_ap and stop_ap have no answer, so status or ap_status is asked after
    them; reconnect, restart, off, pwm and test are sent and not followed. Give
    passwords by stdin, not on the command line.

    Stock MeterLogger devices understand the same commands, but not cron_list,
    limit, rejected, factory_reset, start_setup, networks, set_network,
    clear_networks, set_fallback, wifi, set_wifi, device and set_device; those
    with current firmware know no off, pwm, test.

    Exit status: 0 if the answer came (or none was waited for), 1 if not or if
    the device refused, 2 if the command was not sent.

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
    link = options.broker_link(broker, ca, filters(serial, command))
    try:
        with link:
            if no_wait:
                Exchange(link, ring, serial, command, encoded).publish()
                options.say("%s sent; no answer is waited for" % command)
                return
            act = tell if command in commands.SILENT else run
            act(link, ring, serial, command, encoded, timeout)
    except LinkError as error:
        options.fail(str(error))
