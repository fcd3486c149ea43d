# uMeter - the form: which settings it shows, how, and what it makes of the answers
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.reading import parse_decimal, rescale
from firmware.web.render import FOLDER, escape

_OPTION = '<option value="%s"%s>%s</option>'

# Kinds: text; number; secret (never shown; empty: keep); new (a secret that belongs to the place
# named behind it: empty keeps it only while that place stays); reading (kWh for the setting's Wh).
_KINDS = (
    ("broker_host", "text", ""),
    ("broker_port", "text", ""),
    ("mqtt_user", "text", ""),
    ("mqtt_password", "new", "mqtt_user"),
    ("serial", "text", ""),
    ("reading", "reading", ""),
    ("pulses_per_unit", "text", ""),
    ("han_encryption_key", "secret", ""),
    ("han_authentication_key", "secret", ""),
    ("hostname", "text", ""),
    ("timezone", "text", ""),
    ("ip", "text", ""),
    ("netmask", "text", ""),
    ("gateway", "text", ""),
    ("dns", "text", ""),
    ("setup_password", "secret", ""),
)


def fill_slots(slots, settings, given, errors):
    """Values, marks (name!) and errors (name?) of all fields for the template.

    given: answers to show again, but never the secret ones; errors: {name: text}.
    """
    for name, kind, _ in _KINDS + (("ssid", "", ""), ("password", "secret", "")):
        if name not in settings:
            continue
        if kind in ("secret", "new"):
            value = "unchanged" if settings[name] else ""  # a placeholder
        else:
            value = given.get(name, "" if kind == "reading" else str(settings[name]))
        slots[name] = value
        slots[name + "!"] = "true" if name in errors else "false"  # aria-invalid
        slots[name + "?"] = errors.get(name, "")


def zones(current):
    """Pieces of HTML: options of all time zones, and the current one if it is another."""
    known = False
    with open(FOLDER + "zones.txt") as file:
        for line in file:
            zone, _, text = line.strip().partition(" ")
            known = known or zone == current
            yield _OPTION % (escape(zone), " selected" if zone == current else "", escape(text))
    if not known:
        yield _OPTION % (escape(current), " selected", escape(current))


def read(form, settings):
    """(changes, errors) of a form {name: text}; errors name the fields, nothing is stored."""
    changes, errors = {}, {}
    _network(form, settings, changes, errors)
    for name, kind, place in _KINDS:
        text = form.get(name)
        if text is None or name not in settings:
            continue
        text = text if kind in ("secret", "new") else text.strip()
        if not text:
            if kind in ("secret", "reading"):
                continue  # kept
            if kind == "new" and form.get(place, "").strip() == settings[place] != "":
                continue
        try:
            value = _milli(text) if kind == "reading" else text
            changes[name] = settings.check(name, value)
        except ValueError as error:
            errors[name] = _told(error)
    if changes.get("ip") and not changes.get("gateway"):
        errors.setdefault("gateway", "must not be empty with a fixed address")
    if changes.get("setup_password") == "":
        del changes["setup_password"]
    return changes, errors


def _network(form, settings, changes, errors):
    ssid = form.get("ssid", "*")
    if ssid == "*":
        ssid = form.get("ssid_other", "")
    if not ssid:
        errors["ssid"] = "choose a network"
        return
    password = form.get("password", "")
    for name, value in (("ssid", ssid), ("password", password)):
        if name == "password" and not value and ssid == settings["ssid"]:
            continue  # kept
        try:
            changes[name] = settings.check(name, value)
        except ValueError as error:
            errors[name] = _told(error)


def _told(error):
    """What is wrong, without the setting's name: the text stands below its field."""
    text = str(error.args[0])
    return text.split(": ", 1)[1] if ": " in text else text


def _milli(text):
    """kWh -> Wh, exactly. ValueError: more than three decimals."""
    mantissa, exponent = parse_decimal(text.replace(",", "."))
    if exponent < -3 or mantissa < 0:
        raise ValueError("a number with three decimals at most")
    return rescale(mantissa, exponent, -3)
