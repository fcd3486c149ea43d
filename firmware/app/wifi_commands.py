# uMeter - commands that set further networks, and how the radio works
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.control.commands import NOT_KEPT
from firmware.net.wifi_words import escape, unescape

_RADIO = ("hostname", "ip", "netmask", "gateway", "dns", "country", "tx_power", "power_save")


def answer(settings, name, text):
    """Obeys the command `name`; -> its answer. ValueError: the text is wrong; nothing changed."""
    if name == "clear_networks":
        return _keep(settings, {"networks": []})
    if name == "set_network":
        return _set_network(settings, *_pair(text))
    if name == "set_fallback":
        ssid, password = _pair(text)
        return _keep(settings, {"fallback_ssid": ssid, "fallback_password": password})
    if name == "set_wifi":
        return _set_radio(settings, text)
    return _radio(settings) if name == "wifi" else _list(settings)


def _pair(text):
    """ssid=...&pwd=... -> (ssid, password)."""
    ssid, found, password = text.partition("&pwd=")
    if ssid[:5] != "ssid=" or not found:
        raise ValueError("ssid=...&pwd=..., not that")
    return unescape(ssid[5:]), unescape(password)


def _list(settings):
    """Names by priority, the fallback last."""
    names = [settings["ssid"]] + [pair[0] for pair in settings["networks"]]
    texts = ["%d=%s" % (i + 1, escape(name)) for i, name in enumerate(names)]
    return "&".join(texts + ["fallback=" + escape(settings["fallback_ssid"])])


def _keep(settings, changes):
    settings.update(changes)
    if not settings.save():
        raise ValueError(NOT_KEPT)
    return _list(settings)


def _set_network(settings, ssid, password):
    """A new one comes last; one that is known gets another password."""
    known = [list(pair) for pair in settings["networks"]]
    if not ssid:
        raise ValueError("ssid: must not be empty")
    if ssid == settings["ssid"]:
        raise ValueError("ssid: is the first network; set_pwd changes its password")
    for pair in known:
        if pair[0] == ssid:
            pair[1] = password
            break
    else:
        known.append([ssid, password])
    return _keep(settings, {"networks": known})


def _radio(settings):
    texts = []
    for name in _RADIO:
        value = settings[name]
        texts.append("%s=%s" % (name, int(value) if isinstance(value, bool) else value))
    return "&".join(texts)


def _set_radio(settings, text):
    changes = {}
    for part in text.split("&"):
        name, found, value = part.partition("=")
        if name not in _RADIO or not found:
            raise ValueError("%s: not one of %s" % (name, " ".join(_RADIO)))
        changes[name] = value
    if changes.get("ip", settings["ip"]) and not changes.get("gateway", settings["gateway"]):
        raise ValueError("gateway: must not be empty with a fixed address")
    _keep(settings, changes)
    return _radio(settings)
