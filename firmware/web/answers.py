# uMeter - what comes back from the set-up page: checked, tried, kept
# MIT license; Copyright (c) 2026 The uMeter authors

# Apart from the page itself: with it and the checks of all settings it would be too much at once.

import json

from firmware import overlay
from firmware.reading import parse_decimal, rescale
from firmware.web.site import FOLDER, json_text

# A field may be a secret: never shown, empty keeps it. But the broker's password is not handed to
# another server that somebody types in.
_FIELDS = ("broker_host", "broker_port", "mqtt_user", "mqtt_password", "serial", "reading",
            "pulses_per_unit", "pulse_ms", "han_encryption_key", "han_authentication_key",
            "hostname", "timezone", "ip", "netmask", "gateway", "dns",
            "setup_password")  # fmt: skip


def submit(site, request, name, answers):
    """name: "setup" tries and saves, "save" saves what failed."""
    host = site.host
    scripted = "json" in request.headers.get("Accept", "")
    status = 200
    if name == "save":
        host.save_anyway()
    else:
        changes, errors = read(answers, host.settings)
        overlay.free("firmware.web.answers")
        if errors and scripted:
            return json_text(json.dumps({"errors": errors}), 422)
        if errors:
            host.rests()  # the page wants the room of the checks
            from firmware.web import form

            return form.form(site, request, answers, errors)
        status = 202 if host.start(changes) else 409
    if scripted:
        from firmware.web import form

        return form.told(host, status)
    return site.go("/progress")


def read(form, settings):
    """(changes, errors) of a form {name: text}; errors name the fields, nothing is stored."""
    changes, errors = {}, {}
    ssid = form.get("ssid", "*")
    if ssid == "*":
        ssid = form.get("ssid_other", "")
    if ssid:
        _check("ssid", ssid, settings, changes, errors)
        if form.get("password") or ssid != settings["ssid"]:
            _check("password", form.get("password", ""), settings, changes, errors)
    else:
        errors["ssid"] = "choose a network"
    for name in _FIELDS:
        text = form.get(name)
        if text is None or name not in settings:
            continue
        shown = ""
        if not settings.is_secret(name):
            text = text.strip()
            if name != "reading":
                shown = str(settings[name])
        if text != shown:  # a build may allow what cannot be typed here
            _check(name, text, settings, changes, errors)
    _broker_password(settings, changes, errors)
    zone = changes.get("timezone", settings["timezone"])
    if zone != settings["timezone"] and zone not in _zones():
        errors.setdefault("timezone", "choose one of the list")
    ip, gateway = [changes.get(name, settings[name]) for name in ("ip", "gateway")]
    if ip and not gateway:
        errors.setdefault("gateway", "must not be empty with a fixed address")
    return changes, errors


def _zones():
    with open(FOLDER + "zones.txt") as file:
        for line in file:
            yield line.split(" ", 1)[0].strip()


def _broker_password(settings, changes, errors):
    """Whose user has gone is of no use; another server or user has another one."""
    name = "mqtt_password"
    if name in changes or not settings[name]:
        return
    if not changes.get("mqtt_user", settings["mqtt_user"]):
        changes[name] = ""
        return
    for place in ("broker_host", "broker_port", "mqtt_user"):
        if changes.get(place, settings[place]) != settings[place]:
            errors.setdefault(name, "type it again for another server or user")


def _check(name, text, settings, changes, errors):
    try:
        changes[name] = settings.check(name, _milli(text) if name == "reading" else text)
    except ValueError as error:
        # Without the setting's name: it stands below its field.
        text = str(error.args[0])
        errors[name] = text.split(": ", 1)[1] if ": " in text else text


def _milli(text):
    """kWh -> Wh, exactly. ValueError: more than three decimals."""
    mantissa, exponent = parse_decimal(text.replace(",", "."))
    if exponent < -3 or mantissa < 0:
        raise ValueError("a number with three decimals at most")
    return rescale(mantissa, exponent, -3)
