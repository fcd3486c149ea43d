# uMeter - what can be set, within which bounds, and what holds if nobody has set it
# MIT license; Copyright (c) 2026 The uMeter authors

"""Rows (name, check, default, secret) for store.settings; defaults come from the build flags."""

from firmware.store import checks
from firmware.store.checks import number, one_of, optional, switch, text

_BIG = 10**13  # Wh or litres; beyond what any meter's display shows
_NETWORKS = 4
_JOB = 512  # bytes of a cron query; a command's text is shorter
_ssid = text(32)


def setting_rows(config):
    """Everything that people set; `config` is the module of build flags."""
    passphrase = optional(checks.passphrase)
    address = optional(checks.ipv4)
    rows = [
        ("ssid", _ssid, config.WIFI_SSID, False),
        ("password", passphrase, config.WIFI_PASSWORD, True),
        # further networks by priority, [ssid, password] each
        ("networks", checks.list_of(checks.pair_of(text(32, 1), passphrase), _NETWORKS), [], True),
        ("fallback_ssid", _ssid, "", False),  # used only while no other works
        ("fallback_password", passphrase, "", True),
        ("ip", address, "", False),  # "": DHCP
        ("netmask", checks.ipv4, "255.255.255.0", False),
        ("gateway", address, "", False),
        ("dns", address, "", False),
        ("hostname", text(32, 0, checks.HOST), "", False),  # "": made of the chip's id
        ("country", optional(text(2, 2, checks.ALPHANUMERIC)), "", False),
        ("tx_power", number(0, 20), 0, False),  # dBm; 0: the driver's
        ("power_save", switch(), config.POWER_SAVE, False),  # of the radio between beacons
        ("ap", switch(), config.AP, False),
        ("ap_password", passphrase, "", True),  # "": derived from the key
        ("setup_password", passphrase, config.SETUP_PASSWORD, True),
        ("broker_host", text(63, 0, checks.HOST + "._"), config.BROKER_HOST, False),
        ("broker_port", number(1, 65535), config.BROKER_PORT, False),
        ("mqtt_user", text(64), config.MQTT_USER, False),
        ("mqtt_password", text(64), config.MQTT_PASSWORD, True),
        ("ntp_servers", text(200), ",".join(config.NTP_SERVERS), False),
        ("timezone", text(63, 1), config.TIMEZONE, False),
        ("interval", number(1, 3600), config.INTERVAL, False),  # seconds between samples
        ("cron_jobs", checks.list_of(text(_JOB, 1), 64), [], True),  # may carry passwords
        ("cron_most", number(1, 64), 16, False),
        ("fail_safe", one_of("keep", "open", "close"), "keep", False),
        ("motor_valve", switch(), False, False),  # AC 1 opens, AC 2 closes, for a minute
        ("switch_interval", number(0, 3600), 0, False),  # seconds between two moves of the valve
    ]
    if config.METER in ("han", "p1"):
        rows += _han_rows(config)
    elif config.METER == "impulse":
        rows += _impulse_rows(config)
    return rows


def _han_rows(config):
    key = optional(checks.key)
    return [
        ("han_encryption_key", key, config.HAN_ENCRYPTION_KEY, True),
        ("han_authentication_key", key, config.HAN_AUTHENTICATION_KEY, True),
        ("han_line", optional(checks.serial_line), "", False),  # as it was detected: "2400 8N1"
        ("han_replay", one_of("", "warn", "drop"), "", False),  # "": drop if authenticated
        ("multiplier_w", checks.factor, "1", False),
        ("multiplier_v", checks.factor, "1", False),
        ("multiplier_a", checks.factor, "1", False),
        ("multiplier_kwh", checks.factor, "1", False),
    ]


def _impulse_rows(config):
    return [
        ("serial", text(16, 1, checks.ALPHANUMERIC), config.SERIAL, False),
        ("reading", number(0, _BIG), config.READING * 1000, False),  # Wh or litres at count 0
        ("pulses_per_unit", number(1, 100000), config.PULSES_PER_UNIT, False),
        ("pulse_ms", optional(checks.pulse_length), config.PULSE_MS, False),  # "": any length
    ]
