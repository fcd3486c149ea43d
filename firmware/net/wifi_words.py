# uMeter - reason codes of the radio in MeterLogger's words
# MIT license; Copyright (c) 2026 The uMeter authors

# MeterLogger section 8.6; IEEE 802.11 table 9-49, and Espressif's own codes from 200 on.

_WORDS = {
    1: "unspecified",
    2: "auth_expire",
    3: "auth_leave",
    4: "assoc_expire",
    5: "assoc_toomany",
    6: "not_authed",
    7: "not_assoced",
    8: "assoc_leave",
    9: "assoc_not_authed",
    10: "disassoc_pwrcap_bad",
    11: "disassoc_supchan_bad",
    13: "ie_invalid",
    14: "mic_failure",
    15: "4way_handshake_timeout",
    16: "group_key_update_timeout",
    17: "ie_in_4way_differs",
    18: "group_cipher_invalid",
    19: "pairwise_cipher_invalid",
    20: "akmp_invalid",
    21: "unsupp_rsn_ie_version",
    22: "invalid_rsn_ie_cap",
    23: "802_1x_auth_failed",
    24: "cipher_suite_rejected",
    200: "beacon_timeout",
    201: "no_ap_found",
    202: "auth_fail",
    203: "assoc_fail",
    204: "handshake_timeout",
    210: "no_ap_found",
    211: "no_ap_found",
    212: "no_ap_found",
}


def word(status):
    """Word of what the driver's status() told; without reason it is `unspecified`."""
    return _WORDS.get(status, "unspecified")


def scan_text(network):
    """(ssid, bssid, channel, rssi, auth, hidden) of a scan -> text of /scan_result."""
    ssid, bssid, channel, rssi, auth, _ = network
    name = escape(ssid.decode() if _is_utf8(ssid) else "?")
    address = ":".join("%02x" % byte for byte in bssid)
    mode = _AUTH[auth] if auth < len(_AUTH) else "MAX"
    return "ssid=%s&bssid=%s&rssi=%d&channel=%d&auth_mode=%s" % (
        name, address, rssi, channel, mode)  # fmt: skip


_AUTH = ("OPEN", "WEP", "WPA_PSK", "WPA2_PSK", "WPA_WPA2_PSK")


def _is_utf8(data):
    try:
        data.decode()
    except UnicodeError:
        return False
    return True


def escape(text):
    """& and = as MeterLogger's replies write them."""
    return text.replace("&", "%26").replace("=", "%3D")


def unescape(text):
    """%26, %3d and %3D back; section 4.5."""
    return text.replace("%26", "&").replace("%3d", "=").replace("%3D", "=")
