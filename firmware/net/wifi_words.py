# uMeter - reason codes of the radio in MeterLogger's words
# MIT license; Copyright (c) 2026 The uMeter authors

# MeterLogger section 8.6; IEEE 802.11 table 9-49, and Espressif's own codes from 200 on.

# One text: a table of thirty strings takes four times the room. 300 is ours: the network took us,
# and gave no address.
_WORDS = (
    " "
    "1 unspecified 2 auth_expire 3 auth_leave 4 assoc_expire 5 assoc_toomany 6 not_authed "
    "7 not_assoced 8 assoc_leave 9 assoc_not_authed 10 disassoc_pwrcap_bad "
    "11 disassoc_supchan_bad 13 ie_invalid 14 mic_failure 15 4way_handshake_timeout "
    "16 group_key_update_timeout 17 ie_in_4way_differs 18 group_cipher_invalid "
    "19 pairwise_cipher_invalid 20 akmp_invalid 21 unsupp_rsn_ie_version "
    "22 invalid_rsn_ie_cap 23 802_1x_auth_failed 24 cipher_suite_rejected 200 beacon_timeout "
    "201 no_ap_found 202 auth_fail 203 assoc_fail 204 handshake_timeout 210 no_ap_found "
    "211 no_ap_found 212 no_ap_found "
    "300 dhcp_timeout "
)


def word(status):
    """Word of what the driver's status() told; without reason it is `unspecified`."""
    start = _WORDS.find(" %d " % status)
    return _WORDS[start:].split(" ", 3)[2] if start >= 0 else "unspecified"


def scan_text(network):
    """(ssid, bssid, channel, rssi, auth, hidden) of a scan -> text of /scan_result."""
    ssid, bssid, channel, rssi, auth, _ = network
    text = escape(name(ssid))
    address = ":".join("%02x" % byte for byte in bssid)
    mode = _AUTH[auth] if auth < len(_AUTH) else "MAX"
    return "ssid=%s&bssid=%s&rssi=%d&channel=%d&auth_mode=%s" % (
        text, address, rssi, channel, mode)  # fmt: skip


_AUTH = ("OPEN", "WEP", "WPA_PSK", "WPA2_PSK", "WPA_WPA2_PSK")


def name(ssid):
    """The bytes of a network's name as text; "?" if they are none."""
    try:
        return ssid.decode()
    except UnicodeError:
        return "?"


def escape(text):
    """& and = as MeterLogger's replies write them."""
    return text.replace("&", "%26").replace("=", "%3D")


def unescape(text):
    """%26, %3d and %3D back; section 4.5."""
    return text.replace("%26", "&").replace("%3d", "=").replace("%3D", "=")
