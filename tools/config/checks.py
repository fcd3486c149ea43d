# uMeter - turns the text of a flag into its value, or says what is wrong with it
# MIT license; Copyright (c) 2026 The uMeter authors

# Each check takes the text (never empty: that is the default) and returns the value;
# ValueError says what is wrong without repeating the text, which may be a secret.

import re
import zoneinfo

from firmware.control.timezone import Timezone
from firmware.crypto.keys import parse_key
from firmware.store import checks as settings_checks

_SSID_BYTES = 32  # IEEE 802.11-2020 section 9.4.2.2
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
                   r"(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")  # fmt: skip
_MOST_REGISTERS = 16  # two requests more
_TIMEZONE_BYTES = 63  # as the setting


class ConfigError(Exception):
    """A flag that cannot be accepted; the message starts with its name."""


def switch(text):
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def one_of(*choices):
    def check(text):
        if text not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return text

    return check


def list_of(*choices):
    def check(text):
        names = tuple(name.strip() for name in text.split(","))
        if not set(names) <= set(choices):
            raise ValueError("must be names out of " + ", ".join(choices))
        return names

    return check


def number(low, high):
    def check(text):
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError("must be a whole number from %d to %d" % (low, high))
        return int(text)

    return check


def registers(text):
    """Numbers of KMP registers, separated by commas."""
    ids = tuple(number(1, 65535)(part.strip()) for part in text.split(","))
    if len(set(ids)) != len(ids):
        raise ValueError("must name a register once")
    if len(ids) > _MOST_REGISTERS:
        raise ValueError("must name at most %d registers" % _MOST_REGISTERS)
    return ids


pulse_length = settings_checks.pulse_length


def pin(text):
    """GPIO number, or None for "none": not wired."""
    return None if text == "none" else number(0, 48)(text)


def key(text):
    """A meter's key: 32 hex digits, kept in lower case."""
    try:
        parse_key(text)
    except ValueError as error:
        raise ValueError(str(error).partition(": ")[2] or str(error)) from None
    return text.lower()


def master_key(text):
    if not key(text).strip("0"):
        raise ValueError("all zeros is no secret")
    return text.lower()


def serial(text):
    if not re.fullmatch("[0-9A-Za-z_.-]{1,16}", text):
        raise ValueError("must have 1 to 16 letters, digits or . _ -")
    return text


def ssid(text):
    if len(text.encode()) > _SSID_BYTES:
        raise ValueError("must have at most %d bytes" % _SSID_BYTES)
    return text


def passphrase(text):
    """WPA passphrase, 8 to 63 printable characters, or the 64 hex digits made of it."""
    if re.fullmatch("[ -~]{8,63}|[0-9A-Fa-f]{64}", text):
        return text
    raise ValueError("must have 8 to 63 characters (ASCII), or 64 hex digits")


def credential(text):
    if len(text.encode()) > 128 or "\0" in text:
        raise ValueError("must have at most 128 bytes")
    return text


def address(text):
    """host, host:port or [IPv6]:port -> (host, port or 0)."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::(\d{1,5}))?", text)
    if not found or not (found[1] or _HOST.fullmatch(found[2])):
        raise ValueError("must be host or host:port, without a scheme")
    port = int(found[3] or 0)
    if found[3] and not 0 < port < 65536:
        raise ValueError("must have a port from 1 to 65535")
    return found[1] or found[2], port


def servers(text):
    """host,host:port -> tuple of the same texts."""
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        address(name)
    return names


def timezone(text):
    """POSIX TZ text, or a zone's name, which becomes the POSIX text of its present rule."""
    if _is_posix(text):
        return text
    try:
        zone = zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError("must be a zone such as Europe/Copenhagen, or a POSIX TZ text") from None
    posix = _footer(zone.key)
    if not _is_posix(posix):
        raise ValueError("has no rule that POSIX TZ can express; give a POSIX TZ text")
    return posix


def _is_posix(text):
    """Whether the device's own parser understands it."""
    try:
        Timezone(text)
    except ValueError:
        return False
    return len(text) <= _TIMEZONE_BYTES


def _footer(name):
    """The last line of a TZif file, RFC 8536 section 3.3."""
    for folder in zoneinfo.TZPATH:
        try:
            with open("%s/%s" % (folder, name), "rb") as file:
                return file.read().rsplit(b"\n", 2)[1].decode("ascii")
        except (OSError, IndexError):
            continue
    from importlib import resources

    package, _, last = ("tzdata/zoneinfo/" + name).rpartition("/")
    try:
        return resources.read_binary(package.replace("/", "."), last).rsplit(b"\n", 2)[1].decode()
    except (ImportError, OSError, IndexError):
        return ""


def certificate(text):
    """A file with a CA certificate, DER or PEM -> its DER bytes."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        with open(text, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ValueError("cannot read the file: " + (error.strerror or "?")) from None
    pem = b"-----BEGIN" in data
    load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
    try:
        return load(data).public_bytes(Encoding.DER)
    except ValueError:
        raise ValueError("the file holds no certificate (DER or PEM)") from None
