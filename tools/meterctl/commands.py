# uMeter - the commands of a v2 device as the sender sees them
# MIT license; Copyright (c) 2026 The uMeter authors

import difflib
import re

from firmware.control import cron_query

TEXT_BYTES = 446  # the longest text that every device accepts
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
_BOTH = re.compile(r"ssid=[^&=]+&pwd=[^&=]*")
_JOB = re.compile(r"(?:job=([0-9]+)&)?jobs=([0-9]+)(?:&(.*))?")
_PER_MILLE = re.compile(r"[0-9]{1,3}|1000")

# These are carried out without a word; `status` tells what open and close did.
SILENT = frozenset("open close start_ap stop_ap reconnect restart off pwm test".split())

# silent command -> (question that tells whether it was done, answer if it was)
FOLLOWED = {
    "open": ("status", "open"),
    "close": ("status", "close"),
    "start_ap": ("ap_status", "started"),
    "stop_ap": ("ap_status", "stopped"),
}

# command -> what its text must be
TEXT_NEEDED = {
    "set_ssid": "the network's name",
    "set_pwd": "the network's password",
    "set_ssid_pwd": "ssid=<name>&pwd=<password>, & and = in them as %26 and %3d",
    "set_network": "of one more network: ssid=<name>&pwd=<password>",
    "set_fallback": "used while no other works: ssid=<name>&pwd=<password>; ssid=&pwd= for none",
    "set_wifi": "ip=192.168.1.20&gateway=192.168.1.1, dns netmask hostname ...",
    "set_device": "timezone=GMT0BST,M3.5.0/1,M10.5.0&fail_safe=close, interval cron_most ...",
    "set_ap_mesh_pwd": "the extender's password",
    "set_cron": "minute=0&hour=8&day_of_month=*&month=*&day_of_week=*&command=open",
    "open_until": "a meter reading, kWh (m3 for flow meters)",
    "open_until_delta": "an amount from now on, kWh (m3 for flow meters)",
    "pwm": "0 to 1000 per mille",
}

NO_TEXT_NEEDED = frozenset(
    """ping version uptime vdd rssi ssid reconnect scan wifi_status start_ap stop_ap ap_status
    start_setup disconnect_count network_quality mem chip_id flash_id flash_size crypto
    reset_reason restart stack_trace save cron cron_list clear_cron open close status limit
    off test rejected factory_reset networks
    clear_networks wifi device""".split()
)

KNOWN = NO_TEXT_NEEDED | set(TEXT_NEEDED)
NOTHING = "1"  # text of a command that needs none: old devices refuse an empty one


def checked(command, text):
    """Text as it is sent, bytes; ValueError says what is wrong with command or text."""
    if command not in KNOWN:
        near = difflib.get_close_matches(command, KNOWN, 1)
        hint = "did you mean %s?" % near[0] if near else "one of " + ", ".join(sorted(KNOWN))
        raise ValueError("there is no command %r; %s" % (command, hint))
    if command in TEXT_NEEDED and not text:
        raise ValueError("%s needs a text: %s" % (command, TEXT_NEEDED[command]))
    if command in NO_TEXT_NEEDED and text not in (None, "", NOTHING):
        raise ValueError("%s takes no text, not %r either" % (command, text))
    if command in ("open_until", "open_until_delta") and not _NUMBER.fullmatch(text):
        raise ValueError("%s: %r is not %s" % (command, text, TEXT_NEEDED[command]))
    if command == "pwm" and not _PER_MILLE.fullmatch(text):
        raise ValueError("pwm: %r is not %s" % (text, TEXT_NEEDED[command]))
    if command == "set_cron":
        cron_query.parse(text)
    if command in ("set_ssid_pwd", "set_network") and not _BOTH.fullmatch(text):
        raise ValueError("%s: needs %s" % (command, TEXT_NEEDED[command]))
    # Bytes of the command line that are no UTF-8 arrive as they were typed.
    encoded = (NOTHING if text is None else text).encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise ValueError("%s: the text holds a NUL" % command)
    if len(encoded) > TEXT_BYTES:
        raise ValueError("%s: %d bytes of text, %d at most" % (command, len(encoded), TEXT_BYTES))
    return encoded


def answer_function(command):
    """First topic element of the command's answer."""
    return "scan_result" if command == "scan" else command


def answers(command, text, reply):
    """Whether the reply is the answer to this very text.

    open_until and its delta repeat the number, within 1; another number answers
    somebody else. What is no number is an error that the device reports.
    """
    if command not in ("open_until", "open_until_delta") or not _NUMBER.fullmatch(reply):
        return True
    return abs(_thousandths(reply) - _thousandths(text)) <= 1000


def _thousandths(number):
    whole, _, fraction = number.partition(".")
    return int(whole) * 1000 + int((fraction + "000")[:3])


def listed_job(reply):
    """Reply to cron_list -> (number, of how many, query); (0, 0, None) when there are none."""
    found = _JOB.fullmatch(reply)
    if not found:
        raise ValueError("%r is no job" % reply)
    return int(found[1] or 0), int(found[2]), found[3]


def is_error(reply):
    return reply.startswith("error: ")
