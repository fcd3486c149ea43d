# uMeter - checks of single settings
# MIT license; Copyright (c) 2026 The uMeter authors

"""Each maker returns check(value) -> the value as it is stored; ValueError says what is wrong."""

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHANUMERIC = _LETTERS + "0123456789"
HOST = ALPHANUMERIC + "-"


def switch():
    def check(value):
        if value is True or value is False:
            return value
        if value in ("1", "on", "0", "off"):  # from forms and texts
            return value in ("1", "on")
        raise ValueError("on or off")

    return check


def number(low, high):
    def check(value):
        if isinstance(value, str):
            digits = value[1:] if value[:1] == "-" else value
            # isdigit() of CPython takes other scripts' digits, too
            if not digits or len(digits) > 15 or [c for c in digits if not "0" <= c <= "9"]:
                raise ValueError("a whole number")
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("a whole number")
        if not low <= value <= high:
            raise ValueError("%d to %d" % (low, high))
        return value

    return check


def text(most, least=0, characters=None):
    """most, least: bytes of UTF-8. characters: those allowed; without it all but controls."""

    def check(value):
        if not isinstance(value, str):
            raise ValueError("text")
        if not least <= len(value.encode()) <= most:
            if not value:
                raise ValueError("must not be empty")
            raise ValueError("%d to %d bytes" % (least, most))
        for char in value:
            if ord(char) < 0x20 or ord(char) == 0x7F or (characters and char not in characters):
                raise ValueError("character %r is not allowed" % char)
        return value

    return check


def one_of(*allowed):
    def check(value):
        if value not in allowed:
            raise ValueError("one of " + " ".join(allowed))
        return value

    return check


def optional(inner):
    """"" means: not set."""
    return lambda value: value if value == "" else inner(value)


def passphrase(value):
    """WPA2: 8 to 63 characters of ASCII; IEEE 802.11 J.4."""
    if not isinstance(value, str) or not 8 <= len(value) <= 63:
        raise ValueError("8 to 63 characters")
    if [c for c in value if not " " <= c <= "~"]:
        raise ValueError("letters, digits and signs of ASCII")
    return value


def key(value):
    """AES-128 key as 32 hex digits."""
    if not isinstance(value, str) or len(value) != 32:
        raise ValueError("32 hex digits")
    if [c for c in value if c not in "0123456789abcdefABCDEF"]:
        raise ValueError("32 hex digits")
    return value.lower()


def factor(value):
    """A decimal number that is not negative, as text."""
    if not isinstance(value, str) or not 1 <= len(value) <= 16:
        raise ValueError("a number such as 0.1")
    whole, dot, places = value.partition(".")
    if not whole or (dot and not places) or [c for c in whole + places if not "0" <= c <= "9"]:
        raise ValueError("a number such as 0.1")
    return value


def serial_line(value):
    """Setting of a meter's serial line: "2400 8E1", "115200 8N1 inverted"."""
    words = value.split(" ") if isinstance(value, str) else ()
    if len(words) in (2, 3) and words[2:] in ([], ["inverted"]) and len(words[1]) == 3:
        rate, (bits, parity, stop) = words[0], words[1]
        digits = 3 <= len(rate) <= 6 and not [c for c in rate if not "0" <= c <= "9"]
        if digits and 300 <= int(rate) <= 921600 and bits in "78" and parity in "NEO":
            if stop in "12":
                return value
    raise ValueError("a line such as 2400 8N1")


def pulse_length(value):
    """Milliseconds from and to: "80-120"; "20-": 20 and more."""
    low, dash, high = value.partition("-") if isinstance(value, str) else ("", "", "")
    digits = low + high
    if dash and low and len(value) <= 11 and not [c for c in digits if not "0" <= c <= "9"]:
        if 1 <= int(low) <= 10000 and (not high or int(low) < int(high) <= 60000):
            return value
    raise ValueError("milliseconds such as 80-120 or 20-")


def ipv4(value):
    parts = value.split(".") if isinstance(value, str) else ()
    if len(parts) != 4:
        raise ValueError("an address such as 192.168.1.20")
    for part in parts:
        if not 1 <= len(part) <= 3 or [c for c in part if not "0" <= c <= "9"] or int(part) > 255:
            raise ValueError("an address such as 192.168.1.20")
    return ".".join(str(int(part)) for part in parts)


def list_of(inner, most):
    def check(value):
        if not isinstance(value, (list, tuple)):
            raise ValueError("a list")
        if len(value) > most:
            raise ValueError("%d at most" % most)
        return [inner(item) for item in value]

    return check


def pair_of(first, second):
    def check(value):
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise ValueError("a pair")
        return [first(value[0]), second(value[1])]

    return check
