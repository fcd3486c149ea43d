# uMeter - what a form means: changes, and errors by field
# MIT license; Copyright (c) 2026 The uMeter authors

from types import SimpleNamespace

import pytest
from microdot import Request
from microdot.microdot import NoCaseDict

from firmware.log import Log
from firmware.store.schema import setting_rows
from firmware.store.settings import Settings
from firmware.web.answers import read
from firmware.web.site import _answers
from tools.config import resolve

GIVEN = {"KEY": "00112233445566778899aabbccddeeff", "WIFI_SSID": "Home"}
KEPT = ("broker_host", "broker_port", "mqtt_user", "hostname", "timezone", "ip", "netmask",
        "gateway", "dns", "serial", "pulses_per_unit", "pulse_ms")  # fmt: skip


class Uptime:
    def uptime(self):
        return 0


def page(folder, flags=(), **stored):
    """(settings, what a browser sends back of its form when nobody has typed anything)."""
    config = SimpleNamespace(**resolve(dict(GIVEN, **dict(flags)), {}))
    log = Log(Uptime(), write=str)
    settings = Settings(str(folder / "data" / "settings"), lambda: setting_rows(config), log)
    settings.update(stored)
    form = {name: str(settings[name]) for name in KEPT if name in settings}
    return settings, dict(form, ssid="Home", password="", mqtt_password="", setup_password="")


@pytest.mark.parametrize("flags", [
    {}, {"MQTT_USER": "u" * 100, "MQTT_PASSWORD": "p" * 100}, {"BROKER": "[2001:db8::1]:1883"},
    {"BROKER": "b" * 40 + "." + "r" * 40 + ".example"}, {"METER": "impulse", "SERIAL": "A-1.2_3"},
])  # fmt: skip
def test_what_the_build_allows_comes_back_unchanged(tmp_path, flags):
    settings, form = page(tmp_path, flags)
    changes, errors = read(dict(form, hostname="cellar"), settings)
    assert not errors and settings.keep(changes) and settings["hostname"] == "cellar"


@pytest.mark.parametrize("typed, says", [
    ({"ip": "10.0.0.9"}, "gateway"), ({"ip": "10.0.0.9", "gateway": "10.0.0.1"}, None),
    ({"gateway": "10.0.0.1"}, None), ({"ip": "10.0.0"}, "ip"),
])  # fmt: skip
def test_a_fixed_address_wants_a_gateway(tmp_path, typed, says):
    settings, form = page(tmp_path)
    assert list(read(dict(form, **typed), settings)[1]) == ([says] if says else [])


@pytest.mark.parametrize("typed, says", [
    ({"ip": "10.0.0.8"}, None), ({"gateway": ""}, "gateway"), ({"ip": "", "gateway": ""}, None),
])  # fmt: skip
def test_and_keeps_it(tmp_path, typed, says):
    settings, form = page(tmp_path, ip="10.0.0.9", gateway="10.0.0.1")
    assert list(read(dict(form, **typed), settings)[1]) == ([says] if says else [])


@pytest.mark.parametrize("typed, error, password", [
    ({}, [], "secret"), ({"broker_port": "1884"}, ["mqtt_password"], None),
    ({"broker_host": "evil"}, ["mqtt_password"], None),
    ({"mqtt_user": "x"}, ["mqtt_password"], None),
    ({"broker_host": "new", "mqtt_password": "secret"}, [], "secret"),
    ({"broker_port": "1884", "mqtt_password": "other"}, [], "other"), ({"mqtt_user": ""}, [], ""),
])  # fmt: skip
def test_the_broker_s_password_goes_to_no_other_broker(tmp_path, typed, error, password):
    settings, form = page(tmp_path, broker_host="good", mqtt_user="me", mqtt_password="secret")
    changes, errors = read(dict(form, **typed), settings)
    assert list(errors) == error
    assert error or changes.get("mqtt_password", settings["mqtt_password"]) == password


def test_a_reading_is_kept_in_thousandths(tmp_path):
    settings, form = page(tmp_path, {"METER": "impulse"}, reading=7)
    assert "reading" not in read(dict(form, reading=""), settings)[0]
    assert read(dict(form, reading=" 12,5"), settings)[0]["reading"] == 12500
    assert list(read(dict(form, reading="1.2345"), settings)[1]) == ["reading"]


def answers(body):
    """{name: text} of a form that comes as these bytes."""
    headers = NoCaseDict()
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return _answers(Request(None, ("10.0.0.2", 4711), "POST", "/setup", "1.1", headers, body))


def test_forty_fields_and_no_more():
    def fields(count):
        return b"&".join(b"f%d=%d" % (i, i) for i in range(count))

    assert answers(fields(40)) == {"f%d" % i: str(i) for i in range(40)}
    assert answers(fields(41)) == {}


@pytest.mark.parametrize("body", [b"a=%g1", b"a=%ff", b"\xff=1", b""])
def test_what_is_no_form_has_no_answers(body):
    assert answers(body) == {}


def test_forms_as_browsers_write_them():
    assert answers(b"ssid=a+b%26%C3%B8&password=&x") == {"ssid": "a b&\u00f8", "password": "",
                                                        "x": ""}  # fmt: skip
