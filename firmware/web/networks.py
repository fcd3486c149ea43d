# uMeter - the list of networks: what the last scan found, best first
# MIT license; Copyright (c) 2026 The uMeter authors

from micropython import const

from firmware.web.render import escape

_MOST = const(20)
_BARS_DBM = (-85, -75, -67, -55)  # from here on one bar more


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
        if not ssid or not _is_text(ssid):
            continue
        if ssid not in best or best[ssid][0] < rssi:
            best[ssid] = (rssi, bool(security))
    found = [(rssi, ssid, secured) for ssid, (rssi, secured) in best.items()]
    found.sort(reverse=True)
    return [(ssid, rssi, secured) for rssi, ssid, secured in found[:_MOST]]


def _is_text(ssid):
    for char in ssid:
        if ord(char) < 0x20 or ord(char) == 0x7F:
            return False
    return True


def draw(networks, chosen):
    """Pieces of HTML: one radio button each, the chosen one on."""
    for i, (ssid, rssi, secured) in enumerate(networks):
        count = bars(rssi)
        told = "signal %d of 4%s" % (count, ", with password" if secured else ", open")
        yield (
            '<label class="net"><input type="radio" name="ssid" value="%s"%s '
            'aria-describedby="net-%d"><span class="name">%s</span>'
            '<span class="lock">%s</span><span class="bars b%d" aria-hidden="true">'
            '<i></i><i></i><i></i><i></i></span><span class="sr" id="net-%d">%s</span></label>\n'
        ) % (
            escape(ssid), " checked" if ssid == chosen else "", i, escape(ssid),
            "" if secured else "open", count, i, told,
        )  # fmt: skip
