# uMeter - the set-up page: networks, fields, and how it goes with what was tried
# MIT license; Copyright (c) 2026 The uMeter authors

import json
from micropython import const

from firmware.web.site import FOLDER, escape, fill, json_text

_OPTION = '<option value="%s"%s>%s</option>'
_FAILED = "Not saved: please look at the marked fields."
_REFRESH = '<meta http-equiv="refresh" content="2">'
_HEADS = {"testing": "One moment", "failed": "That did not work", "saved": "Saved"}
_WRONG = ("auth_fail", "auth_expire", "4way_handshake_timeout", "handshake_timeout", "mic_failure")
_NETWORKS = const(20)
_BARS_DBM = (-85, -75, -67, -55)  # from here on one bar more


def show(site, request, name):
    """Answer to GET /<name>: setup, progress, save, networks.json or status.json."""
    host = site.host
    if name == "networks.json":
        return json_text(found_text(host))
    if name == "status.json":
        return told(host)
    if name == "setup":
        return form(site, request, {}, {})
    report = host.report()
    state = report["state"]
    slots = {
        "refresh": (_REFRESH,) if state == "testing" else "",
        "state": state, "head": _HEADS.get(state, "Nothing to do"), "text": words(report),
        "anyway": "" if state == "failed" else "hidden",
    }  # fmt: skip
    return site.page(request, "Progress", "progress.html", slots)


def told(host, status=200):
    report = host.report()
    report["text"] = words(report)
    return json_text(json.dumps(report), status)


# -- networks --


def bars(rssi):
    """0 to 4."""
    return len([limit for limit in _BARS_DBM if rssi >= limit])


def listed(scan):
    """[(ssid, rssi, secured)] by strength; scan: of WLAN.scan(). Each name once, at its best.

    Names that are hidden or no UTF-8 are left out: nobody could type them here.
    """
    best = {}
    for raw, _, _, rssi, security, _ in scan:
        try:
            ssid = raw.decode()
        except UnicodeError:
            continue
        if not ssid or [char for char in ssid if ord(char) < 0x20 or ord(char) == 0x7F]:
            continue
        if ssid not in best or best[ssid][0] < rssi:
            best[ssid] = (rssi, bool(security))
    found = [(rssi, ssid, secured) for ssid, (rssi, secured) in best.items()]
    found.sort(reverse=True)
    return [(ssid, rssi, secured) for rssi, ssid, secured in found[:_NETWORKS]]


def found_text(host):
    """Text of /networks.json; asks for the next scan."""
    host.look_around()
    return json.dumps({"networks": [
        {"ssid": ssid, "rssi": rssi, "bars": bars(rssi), "secured": secured}
        for ssid, rssi, secured in listed(host.scan())]})  # fmt: skip


def draw(networks, chosen):
    """Pieces of HTML: one radio button each, the chosen one on."""
    for i, (ssid, rssi, secured) in enumerate(networks):
        count = bars(rssi)
        told = "signal %d of 4, %s" % (count, "with password" if secured else "open")
        yield (
            '<label class="net"><input type="radio" name="ssid" value="%s"%s '
            'aria-describedby="net-%d"><span class="name">%s</span>'
            '<span class="lock%s</span><span class="bars b%d" aria-hidden="true">'
            '<i></i><i></i><i></i><i></i></span><span class="sr" id="net-%d">%s</span></label>\n'
        ) % (
            escape(ssid), " checked" if ssid == chosen else "", i, escape(ssid),
            ' on">' if secured else '">open', count, i, told,
        )  # fmt: skip


# -- fields --


class _Slots:
    """What the template asks for: of field x its value (x), mark (x!) and error (x?).

    Made when it is asked for: all at once would want half a kilobyte in one piece. given: answers
    to show again, but never the secret ones; errors: {name: text}.
    """

    def __init__(self, settings, given, errors):
        self._settings = settings
        self._given = given
        self._errors = errors
        self._more = {}

    def update(self, **more):
        """Finished ones."""
        self._more.update(more)

    def __getitem__(self, slot):
        if slot in self._more:
            return self._more[slot]
        name = slot.rstrip("!?")
        if slot[-1] == "!":  # aria-invalid
            return "true" if name in self._errors else "false"
        if slot[-1] == "?":
            return self._errors.get(name, "")
        if self._settings.is_secret(name):
            return "unchanged" if self._settings[name] else ""  # a placeholder
        return self._given.get(name, "" if name == "reading" else str(self._settings[name]))


def form(site, request, given, errors):
    settings = site.host.settings
    ssid = given.get("ssid", settings["ssid"])
    found = listed(site.host.scan())
    other = ssid == "*" or ssid and ssid not in [network[0] for network in found]
    typed = given.get("ssid_other", "") if ssid == "*" else ssid
    slots = _Slots(settings, given, errors)
    slots.update(
        failed=_FAILED if errors else "", networks=draw(found, ssid), refresh="",
        other="checked" if other else "", ssid_other=typed if other else "", meter="",
        zones=zones(given.get("timezone", settings["timezone"])),
    )  # fmt: skip
    for part in ("pulses_per_unit", "han_encryption_key"):
        if part in settings:
            slots.update(meter=fill(part[:3] + ".html", slots))
    return site.page(request, "Set up", "setup.html", slots, 422 if errors else 200)


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


def words(report):
    """A report in a sentence or two."""
    state, ssid = report["state"], report["ssid"]
    if state == "testing":
        return "Trying %s, %d seconds at most ..." % (ssid, report["left"])
    if state == "failed":
        word = report["reason"]
        if word == "flash":
            return "The device cannot keep it: its flash is full or broken. Nothing is saved."
        why = "did not let the device in"
        if word in _WRONG:
            why = "did not let the device in: the password seems to be wrong"
        elif word == "no_ap_found":
            why = "was not found: is it in reach, on 2.4 GHz, and spelled like this"
        elif word == "dhcp_timeout":
            why = "let the device in, but gave it no address"
        return "%s %s (%s). Nothing is saved yet." % (ssid, why, word)
    if state == "saved":
        if report["address"] in ("", "0.0.0.0"):
            return "The device joins %s as soon as it can." % ssid
        return "Address in %s: %s" % (ssid, report["address"])
    return "Nothing is under way."
