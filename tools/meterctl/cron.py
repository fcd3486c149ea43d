# uMeter - meterctl cron: timed jobs of a device
# MIT license; Copyright (c) 2026 The uMeter authors

from typing import Optional

import typer

from tools.meterctl import commands, options
from tools.meterctl.link import LinkError
from tools.meterctl.messages import printable
from tools.meterctl.send import QUIET_S, Exchange, ask, checked, filters

KEYS = ("minute", "hour", "day_of_month", "month", "day_of_week")
LIST_S = 5  # stock devices keep silent when asked for a list

cron = typer.Typer(name="cron", help="Timed jobs of a device.", no_args_is_help=True)

Serial = typer.Argument(help="The meter's serial number.")
Timeout = typer.Option(30, min=0.1, help="Seconds to wait for the answer.")


def query_of(when, command, text):
    """Five crontab fields and a command -> the query that devices understand; ValueError."""
    fields = when.split()
    if len(fields) != len(KEYS):
        raise ValueError("%r: five fields needed: minute hour day month weekday" % when)
    query = "&".join("%s=%s" % pair for pair in zip(KEYS, fields)) + "&command=" + command
    return query if text is None else "%s=%s" % (query, text)


def with_link(serial, command, keys, broker, ca, act):
    """act(link, key ring) with a link that hears the command's answers and those of cron."""
    options.checked_serial(serial)
    ring = options.key_ring(keys)
    if ring.envelope(serial) is None:
        options.fail("%s holds no key for %s" % (ring.origin, serial))
    link = options.broker_link(broker, ca, filters(serial, command) + filters(serial, "cron"))
    try:
        with link:
            act(link, ring)
    except LinkError as error:
        options.fail(str(error))


@cron.command()
def add(
    serial: str = Serial,
    when: str = typer.Argument(help="Five fields as in crontab, in quotes."),
    command: str = typer.Argument(help="What to do: open, close, open_until ..."),
    text: Optional[str] = typer.Argument(None, help="The command's text."),
    broker: str = options.Broker,
    ca: options.CaPath = options.CaFile,
    keys: options.KeysPath = options.Keys,
    timeout: float = Timeout,
):
    """Let the device do something at certain times, in its own time zone.

    The fields are minute, hour, day of the month, month, day of the week; each
    is *, a number, a name, a range, a list, or one of these with a /step. All
    five have to match. Stock MeterLogger devices understand * and one number
    for each field only.

    Commands: open, close, off, test, reconnect, start_ap, stop_ap, clear_cron,
    and with a text open_until, open_until_delta, set_ssid_pwd (stock devices
    know neither open_until nor open_until_delta here).

    Examples:

        meterctl cron add 6892850 "30 6 * * mon-fri" open
        meterctl cron add 6892850 "0 0 1 oct *" open_until_delta 500
    """
    try:
        query = query_of(when, command, text)
    except ValueError as error:
        options.fail(str(error))
    encoded = checked(serial, "set_cron", query)

    def act(link, ring):
        print(printable(ask(link, ring, serial, "set_cron", encoded, timeout)[0]))

    with_link(serial, "set_cron", keys, broker, ca, act)


def read_list(link, ring, serial, timeout):
    """Queries of all jobs, by number; None when the device cannot list them."""
    exchange = Exchange(link, ring, serial, "cron_list", commands.NOTHING.encode())
    exchange.publish()
    jobs, answer = {}, exchange.answer(min(LIST_S, timeout))
    if answer is None:
        return None
    try:
        number, count, query = commands.listed_job(answer)
        while number:
            jobs[number] = query
            answer = exchange.answer(QUIET_S, repeat=False) if len(jobs) < count else None
            if answer is None:
                break
            number, count, query = commands.listed_job(answer)
    except ValueError as error:
        options.fail("%s answered: %s" % (serial, error), options.NO_ANSWER)
    if len(jobs) < count:
        options.fail("only %d of %d jobs were told" % (len(jobs), count), options.NO_ANSWER)
    return [jobs[number] for number in sorted(jobs)]


@cron.command(name="list")
def list_jobs(
    serial: str = Serial,
    broker: str = options.Broker,
    ca: options.CaPath = options.CaFile,
    keys: options.KeysPath = options.Keys,
    timeout: float = Timeout,
):
    """Print the device's jobs, one per line, as set_cron takes them.

    Stock MeterLogger devices only tell how many there are; that is said on stderr.

    Example: meterctl cron list 6892850
    """

    def act(link, ring):
        jobs = read_list(link, ring, serial, timeout)
        if jobs is None:
            count, _ = ask(link, ring, serial, "cron", commands.NOTHING.encode(), timeout)
            options.say("%s jobs; this device does not list them" % printable(count))
            return
        for job in jobs:
            print(printable(job))
        if not jobs:
            options.say("no jobs")

    with_link(serial, "cron_list", keys, broker, ca, act)


@cron.command()
def clear(
    serial: str = Serial,
    broker: str = options.Broker,
    ca: options.CaPath = options.CaFile,
    keys: options.KeysPath = options.Keys,
    timeout: float = Timeout,
):
    """Delete all jobs of the device.

    Example: meterctl cron clear 6892850
    """

    def act(link, ring):
        ask(link, ring, serial, "clear_cron", commands.NOTHING.encode(), timeout)
        options.say("%s has no jobs now" % serial)

    with_link(serial, "clear_cron", keys, broker, ca, act)
