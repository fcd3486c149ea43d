# uMeter - the pages as an attacker sees them: secrets, forged forms, logins, captive redirects
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import re
import socket
import struct
import time
from urllib.parse import urlencode

import pytest

from sim.launch import VirtualBoard
from tests.web.conftest import KEY, NETWORKS, ask, token_of
from tools.assets import assets, page_bytes
from tests.conftest import ROOT
from tools.image import make_image

SECRETS = {"WIFI_PASSWORD": "correct horse", "MQTT_PASSWORD": "battery staple",
           "SETUP_PASSWORD": "open sesame", "HAN_ENCRYPTION_KEY": "ab" * 16,
           "HAN_AUTHENTICATION_KEY": "cd" * 16}  # fmt: skip
PROBES = [
    ("connectivitycheck.gstatic.com", "/generate_204"),
    ("clients3.google.com", "/generate_204"),
    ("captive.apple.com", "/hotspot-detect.html"),
    ("www.apple.com", "/library/test/success.html"),
    ("www.msftconnecttest.com", "/connecttest.txt"),
    ("www.msftncsi.com", "/ncsi.txt"),
    ("detectportal.firefox.com", "/success.txt?ipv4"),
    ("detectportal.firefox.com", "/canonical.html"),
    ("neverssl.com", "/"),
    ("www.example.org", "/setup"),
    ("192.168.4.1", "/generate_204"),
    ("192.168.4.1", "/library/test/success.html"),
]
PAGES = ["/", "/setup", "/live", "/progress", "/networks.json", "/status.json", "/data.json"]


@pytest.fixture(scope="module")
def device(trees, tmp_path_factory):
    """In its network, with a broker that is not there; the set-up window is open."""
    folder = tmp_path_factory.mktemp("device")
    tree = trees(METER="han", WIFI_SSID="Home", BROKER="127.0.0.1:1", MQTT_USER="me",
                 NTP_SERVER="127.0.0.1:1", SERIAL="7", **SECRETS)  # fmt: skip
    make_image(tree, folder / "flash.img")
    world = {"aps": NETWORKS, "scan_ms": 200}
    with VirtualBoard(folder / "flash.img", world, "240k", ports=(80, 53)) as board:
        board.wait_line("wifi: connected")
        board.wait_line("setup: open")
        yield board
        assert "Traceback" not in "\n".join(board.lines)


def login(device, password=SECRETS["SETUP_PASSWORD"]):
    """Headers of a session from the station's side."""
    status, headers, _ = ask(device, "/login", urlencode({"password": password}), far=True)
    assert status == 303
    return {"Cookie": headers["Set-Cookie"].split(";")[0]}


# -- captive --


@pytest.mark.parametrize("host,path", PROBES)
def test_probes_are_sent_to_the_page(device, host, path):
    for method in ("GET", "HEAD"):
        status, headers, body = ask(device, path, host=host, method=method)
        assert (status, headers["Location"], body) == (302, "http://192.168.4.1/", "")
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind,count", [(1, 1), (28, 0), (65, 0), (255, 1), (16, 0)])
def test_every_name_is_this_device(device, kind, count):
    question = b"\x09detectportal\x07firefox\x03com\x00".replace(b"\x09det", b"\x0cdet")
    query = struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, 1) + question + struct.pack("!2H", kind, 1)
    query += b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"  # EDNS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(query, ("127.0.0.1", device.port(53)))
        reply = sock.recv(600)
    assert reply[:2] == b"\x12\x34" and reply[3] & 0x0F == 0
    assert struct.unpack("!H", reply[6:8])[0] == count
    assert (b"\x00\x04\xc0\xa8\x04\x01" in reply) == bool(count)


# -- secrets --


def test_no_page_shows_a_secret(device):
    session = login(device)
    for far in (False, True):
        for path in PAGES:
            status, headers, body = ask(device, path, far=far, headers=session)
            assert status == 200, path
            for name, secret in (*SECRETS.items(), ("KEY", KEY)):
                assert secret.lower() not in (body + str(headers)).lower(), (path, name)
    assert "Home" in ask(device, "/setup")[2]


def test_a_form_with_errors_does_not_bring_passwords_back(device):
    form = {"token": token_of(ask(device, "/setup")[2]), "ssid": "*", "ssid_other": '"><b>x',
            "password": "typed just now", "mqtt_password": "typed too", "broker_port": "0",
            "broker_host": "<script>alert(1)</script>"}  # fmt: skip
    status, _, page = ask(device, "/setup", urlencode(form))
    assert status == 422 and "1 to 65535" in page
    assert "typed just now" not in page and "typed too" not in page
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    assert "<b>x" not in page and "&quot;&gt;&lt;b&gt;x" in page


def test_the_brokers_password_is_not_handed_to_another_server(device):
    form = {"token": token_of(ask(device, "/setup")[2]), "ssid": "Home", "mqtt_user": "me",
            "broker_host": "evil.example", "broker_port": "1883", "mqtt_password": ""}  # fmt: skip
    status, _, page = ask(device, "/setup", urlencode(form))
    assert status == 422 and "type it again for another server or user" in page


@pytest.mark.parametrize("name,value", [
    ("password", "short"), ("password", "x" * 64), ("ssid_other", "x" * 33), ("hostname", "a b"),
    ("broker_host", "x" * 64), ("broker_host", "tcp://mqtt"), ("broker_port", "port"),
    ("ip", "1.2.3"), ("timezone", "CET1-1"), ("mqtt_user", "x" * 65),
    ("setup_password", "short"), ("han_encryption_key", "zz" * 16),
])  # fmt: skip
def test_what_does_not_fit_is_told_at_its_field(device, name, value):
    form = {"token": token_of(ask(device, "/setup")[2]), "ssid": "*", "ssid_other": "New",
            "password": "new password", name: value}  # fmt: skip
    status, _, page = ask(device, "/setup", urlencode(form))
    place = "ssid" if name == "ssid_other" else name
    told = re.search('id="%s-error">([^<]*)<' % place, page)
    assert status == 422 and told.group(1)


# -- forged forms --


@pytest.mark.parametrize("far", [False, True])
def test_a_form_without_our_token_changes_nothing(device, far):
    session = login(device) if far else {}
    good = token_of(ask(device, "/setup", far=far, headers=session)[2])
    for token in (None, "", good[:-1], good + "0", good.upper() + "!", "0" * len(good)):
        form = {"ssid": "Evil", "password": "evil password"}
        if token is not None:
            form["token"] = token
        for path in ("/setup", "/save"):
            assert ask(device, path, urlencode(form), far=far, headers=session)[0] == 403
    assert 'value="Evil"' not in ask(device, "/setup")[2]


def test_tokens_do_not_travel(device):
    near = token_of(ask(device, "/setup")[2])
    session = login(device)
    far = token_of(ask(device, "/setup", far=True, headers=session)[2])
    other = token_of(ask(device, "/setup", far=True, headers=login(device))[2])
    assert len({near, far, other}) == 3
    form = urlencode({"ssid": "Evil", "token": near})
    assert ask(device, "/setup", form, far=True, headers=session)[0] == 403
    form = urlencode({"ssid": "Evil", "token": other})
    assert ask(device, "/setup", form, far=True, headers=session)[0] == 403
    form = urlencode({"ssid": "Evil", "token": far})
    assert ask(device, "/setup", form)[0] == 403
    assert ask(device, "/setup", form, far=True)[0] == 403


def test_no_other_site_may_frame_or_feed_the_pages(device):
    policy = ask(device, "/setup")[1]["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "default-src 'self'" in policy
    assert "unsafe" not in policy and "http" not in policy


# -- from the station's side --


def test_strangers_get_the_login_only(device):
    for path in PAGES:
        status, headers, body = ask(device, path, far=True, host="192.168.1.77")
        if path.endswith(".json"):
            assert (status, body) == (401, '{"error":"login"}')
        else:
            assert (status, headers["Location"]) == (303, "/login")
    assert ask(device, "/generate_204", far=True)[0] == 404
    assert ask(device, "/login", far=True)[0] == 200
    for cookie in ("session=", "session=1-2-3", "session=" + "f" * 60):
        assert ask(device, "/live", far=True, headers={"Cookie": cookie})[0] == 303


def test_a_session(device):
    _, headers, _ = ask(device, "/login", urlencode({"password": "open sesame"}), far=True)
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    value = cookie.split(";")[0]
    assert ask(device, "/live", far=True, headers={"Cookie": "other=1; " + value})[0] == 200
    broken = value[:-1] + ("0" if value[-1] != "0" else "1")
    assert ask(device, "/live", far=True, headers={"Cookie": broken})[0] == 303


def test_passwords_cannot_be_tried_for_long(device):
    """Last in this file: it uses up the tries."""
    statuses = [ask(device, "/login", urlencode({"password": "guess %d" % i}), far=True)[0]
                for i in range(12)]  # fmt: skip
    assert 429 in statuses and statuses.count(403) <= 7, statuses
    status, _, page = ask(device, "/login", urlencode({"password": "open sesame"}), far=True)
    assert status == 429 and "Too many tries" in page, "not even the right one now"
    assert ask(device, "/setup")[0] == 200, "but near the device it works on"


# -- other boards --


def started(trees, folder, world, **given):
    make_image(trees(NTP_SERVER="127.0.0.1:1", **given), folder / "flash.img")
    world = {"aps": NETWORKS, "scan_ms": 200, **world}
    return VirtualBoard(folder / "flash.img", world, "240k", ports=(80, 53))


def test_neighbours_in_a_network_like_ours_are_strangers(trees, tmp_path):
    aps = [{"ssid": "Home", "password": "correct horse", "ip": "192.168.4.77"}]
    with started(trees, tmp_path, {"aps": aps}, METER="none", WIFI_SSID="Home",
                 WIFI_PASSWORD="correct horse") as device:  # fmt: skip
        device.wait_line("setup: open")
        device.wait_line("wifi: connected to Home as 192.168.4.77")
        for far in (False, True):
            status, headers, _ = ask(device, "/setup", far=far)
            assert (status, headers["Location"]) == (303, "/login")


def state_of(device, wanted):
    end = time.monotonic() + 90
    while time.monotonic() < end:
        report = json.loads(ask(device, "/status.json")[2])
        if report["state"] == wanted:
            return report
        time.sleep(0.3)
    raise AssertionError(report)


def test_an_impulse_meter_and_save_anyway(trees, tmp_path):
    """Serial, reading and impulses per unit; a network that is not there yet."""
    with started(trees, tmp_path, {}, METER="impulse") as device:
        device.wait_line("setup: open in EL_")
        page = ask(device, "/setup")[2]
        for name in ("serial", "reading", "pulses_per_unit"):
            assert 'name="%s"' % name in page
        form = {"token": token_of(page), "ssid": "*", "ssid_other": "Not built yet",
                "password": "some password", "serial": "4711", "reading": "12345,678",
                "pulses_per_unit": "800", "setup_password": "another one"}  # fmt: skip
        session = login(device, KEY[:16])
        scripted = {"Accept": "application/json"}
        assert ask(device, "/setup", urlencode(form), headers=scripted)[0] == 202
        report = state_of(device, "failed")
        assert report["reason"] == "no_ap_found" and "was not found" in report["text"]
        assert "was not found" in ask(device, "/")[2], "a sign-in sheet that opens again"
        assert ask(device, "/setup", urlencode(form))[0] == 303, "again, as often as wanted"
        state_of(device, "failed")
        assert "saved" not in " ".join(device.lines).lower()
        assert ask(device, "/live", far=True, headers=session)[0] == 200
        save = urlencode({"token": form["token"]})
        status, _, told = ask(device, "/save", save, headers=scripted)
        assert status == 200 and json.loads(told)["state"] == "saved"
        assert json.loads(told)["address"] == "", "it is not in that network"
        assert ask(device, "/live", far=True, headers=session)[0] == 303, "a new password"
        device.wait_line("setup: saved: .*pulses_per_unit")
        device.wait_line("meter: reading 4711", 60)  # restarted: what is new holds now
        device.stop()
        device.start()  # a power cycle opens the window again
        device.wait_line("setup: open in EL_0004711")
        told = json.loads(ask(device, "/data.json")[2])
        assert told["serial"] == "4711" and 12345.678 in [
            entry["value"] for entry in told["values"].values()]  # fmt: skip
        assert "Not built yet" in ask(device, "/setup")[2]


# -- what is sent --


def test_all_of_a_visit_is_small():
    sizes = page_bytes(ROOT)
    assert {"/setup", "/style.css", "/app.js", "/live"} <= set(sizes)
    assert sum(sizes.values()) <= 20 * 1024, sizes


def test_nothing_comes_from_elsewhere():
    for path in sorted((ROOT / "firmware/web/static").iterdir()):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        text = text.replace("`http://${report.address}/`", "")
        assert not re.search(r"https?:|[\"'(]//|@import|url\((?!\"data:)", text), path.name
    assert len(assets(ROOT)) >= 10
