# uMeter - commands that set further networks, the radio, and what is seldom set
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.control.commands import keep
from firmware.net.wifi_words import escape, unescape

_RADIO = ("hostname", "ip", "netmask", "gateway", "dns", "country", "tx_power", "power_save")
_DEVICE = ("interval", "timezone", "cron_most", "fail_safe", "switch_interval", "motor_valve")


def answer(settings, name, text):
    """Obeys the command `name`; -> its answer. ValueError: the text is wrong; nothing changed."""
    if name == "clear_networks":
        return _keep(settings, {"networks": []})
    if name == "set_network":
        return _set_network(settings, *_pair(text))
    if name == "set_fallback":
        ssid, password = _pair(text)
        return _keep(settings, {"fallback_ssid": ssid, "fallback_password": password})
    if name == "networks":
        return _list(settings)
    names = _RADIO if name.endswith("wifi") else _DEVICE
    if text is not None:
        _set(settings, names, text)
    return _show(settings, names)


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
    keep(settings, changes)
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


def _show(settings, names):
    texts = []
    for name in names:
        value = settings[name]
        texts.append("%s=%s" % (name, int(value) if isinstance(value, bool) else value))
    return "&".join(texts)


def _set(settings, names, text):
    changes = {}
    for part in text.split("&"):
        name, found, value = part.partition("=")
        if name not in names or not found:
            raise ValueError("%s: not one of %s" % (name, " ".join(names)))
        changes[name] = value
    if "timezone" in changes:
        from firmware.control.timezone import Timezone

        Timezone(changes["timezone"])
    if changes.get("ip", settings["ip"]) and not changes.get("gateway", settings["gateway"]):
        raise ValueError("gateway: must not be empty with a fixed address")
    keep(settings, changes)
