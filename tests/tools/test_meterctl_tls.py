# uMeter - meterctl and make sim with a broker that speaks TLS
# MIT license; Copyright (c) 2026 The uMeter authors

import subprocess

import pytest
from meterctl_surroundings import KEY, SERIAL, Device, command_line, surroundings

from sim.certificates import certificate, save
from sim.launch import free_port
from tools import brokers, sim
from tools.meterctl.link import trusting
from tools.meterctl.options import broker_link


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Path of a CA's files without their ending, and (certificate, key)."""
    made = certificate("Test CA")
    return save(tmp_path_factory.mktemp("ca") / "ca", made), made


@pytest.fixture(scope="module")
def ports(authority, tmp_path_factory):
    """Of one mosquitto: without TLS, and with it, for localhost only."""
    if not brokers.find_mosquitto():
        pytest.skip("no mosquitto here: make setup")
    folder = tmp_path_factory.mktemp("broker")
    server = save(folder / "server", certificate("localhost", authority[1]))
    tls = free_port()
    lines = ("listener %d 127.0.0.1" % tls, "certfile %s.pem" % server,
             "keyfile %s.key" % server, "user root")  # fmt: skip
    with brokers.mosquitto(folder, *lines) as plain:
        yield plain, tls


def run(tmp_path, port, *arguments):
    return subprocess.run(command_line(*arguments), capture_output=True, text=True, timeout=60,
                          env=surroundings(tmp_path, port, UMETER_KEY=KEY))  # fmt: skip


@pytest.mark.parametrize("form", [".pem", ".der"])
def test_send(ports, authority, form, tmp_path):
    ca = str(authority[0]) + form
    with Device(ports[0], {"ping": [b""]}):
        done = run(tmp_path, 1, "send", SERIAL, "ping", "--broker", "localhost:%d" % ports[1],
                   "--ca", ca)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_listen_and_watch(ports, authority, tmp_path):
    where = ("--broker", "localhost:%d" % ports[1], "--ca", str(authority[0]) + ".pem")
    with Device(ports[0]) as device:
        device.say("sample", b"heap=1000&", retain=True)
        listened = run(tmp_path, 1, "listen", "--count", "1", "--seconds", "30", *where)
    assert listened.returncode == 0, listened.stderr
    watched = run(tmp_path, 1, "watch", "--seconds", "1", *where)
    assert "watching on localhost" in watched.stderr and watched.returncode == 1


@pytest.mark.parametrize("host, ca, words", [
    ("127.0.0.1", "ca", "cannot reach the broker"),  # the certificate is localhost's
    ("localhost", "other", "certificate verify failed"),
    ("localhost", "none", "No such file"),
])
def test_refuses(host, ca, words, ports, authority, tmp_path):
    save(tmp_path / "other", certificate("Test CA"))
    path = authority[0] if ca == "ca" else tmp_path / ca
    done = run(tmp_path, 1, "listen", "--seconds", "5", "--broker", "%s:%d" % (host, ports[1]),
               "--ca", "%s.pem" % path)  # fmt: skip
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("data", [b"", b"x", b"-----BEGIN CERTIFICATE-----\n", bytes(256)])
def test_what_is_no_certificate(data):
    with pytest.raises(ValueError, match="no certificate"):
        trusting(data)


def test_port_by_default(authority):
    assert broker_link("a", None, []).name == "a:1883"
    assert broker_link("a", str(authority[0]) + ".pem", []).name == "a:8883"


def test_make_sim(ports, authority, capsys, micropython):
    given = {"SECONDS": "60", "METER": "none", "MQTT_CA": str(authority[0]) + ".pem"}
    with pytest.raises(sim.SimError, match="MQTT_CA"):
        sim.run(given, {})
    assert sim.run({**given, "BROKER": "localhost:%d" % ports[1]}, {}, enough=1) == 0
