# uMeter - MQTT topic grammar
# MIT license; Copyright (c) 2026 The uMeter authors

# To the device /config/v2/<serial>/<unix time>/<function>, from the device
# /<function>/v2/<serial>/<unix time>. The last will is a v1 topic without time.

_MAX_TOPIC = 127


def padded(serial):
    """The serial as it stands in every topic but a KMP sample's: seven digits at least."""
    return "0" * (7 - len(serial)) + serial


def outgoing(function, serial, unix):
    """Topic (bytes) of what the device says; the serial as it is."""
    return ("/%s/v2/%s/%d" % (function, serial, unix)).encode()


def offline(serial):
    return ("/offline/v1/" + padded(serial)).encode()


def commands(serial):
    """Subscription filter for everything that is meant for this device."""
    return ("/config/v2/" + padded(serial) + "/#").encode()


def parse_command(topic):
    """b"/config/v2/<serial>/<time>/<function>" -> (serial, unix, function).

    ValueError names what is wrong. Bytes beyond ASCII, a sign or a space in the
    time, missing or extra elements are all refused.
    """
    if not 1 <= len(topic) <= _MAX_TOPIC:
        raise ValueError("topic length")
    for byte in topic:
        if not 0x21 <= byte <= 0x7E:
            raise ValueError("topic characters")
    parts = bytes(topic).decode().split("/")
    if len(parts) != 6 or parts[0] or parts[1] != "config" or parts[2] != "v2":
        raise ValueError("topic form")
    serial, when, function = parts[3:]
    if not when.isdigit() or len(when) > 10:
        raise ValueError("topic time")
    if not serial or not function:
        raise ValueError("topic form")
    return serial, int(when), function
