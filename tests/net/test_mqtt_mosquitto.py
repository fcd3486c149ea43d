# uMeter - MQTT client against a real broker: will, restart, login, TLS
# MIT license; Copyright (c) 2026 The uMeter authors

import socket
import ssl
import subprocess

import pytest
from mosquitto import Listener, Mosquitto, Peer, wait_until

from sim.certificates import certificate, save


@pytest.fixture
def started():
    """Whatever has stop() and is put here ends with the test."""
    things = []
    yield things
    for thing in reversed(things):
        thing.stop()


@pytest.fixture
def broker(tmp_path, started):
    started.append(Mosquitto(tmp_path).start())
    return started[0]


@pytest.fixture
def listener(broker, started):
    started.append(Listener(broker.port))
    return started[-1]


@pytest.fixture
def start(micropython, tmp_path, started):
    def start_peer(port, **settings):
        started.append(Peer(micropython, tmp_path / "peer.log", port, **settings))
        return started[-1]

    return start_peer


def numbers(count):
    return [b"%d" % number for number in range(count)]


def test_messages_arrive_in_order(broker, listener, start):
    peer = start(broker.port, count=1000)
    peer.wait_for("done 1000 1")
    wait_until(lambda: len(listener.payloads("/sample")) == 1000, "messages are missing")
    assert listener.payloads("/sample") == numbers(1000)


def test_commands_are_answered(broker, listener, start):
    peer = start(broker.port)
    peer.wait_for("connected")
    for qos in (0, 1):
        listener.client.publish("/config/v2/7210086/1466572820/ping", "hej %d" % qos, qos)
    wait_until(lambda: len(listener.payloads("/ping")) == 2, peer.said)
    assert listener.payloads("/ping") == [b"hej 0", b"hej 1"]
    listener.client.publish("/config/v2/7210087/1/ping", "for another", 1)
    listener.client.publish("/config/v2/7210086/2/ping", "last", 1)
    wait_until(lambda: listener.payloads("/ping")[-1] == b"last", peer.said)
    assert "for another" not in peer.said()


def test_a_waiting_command_arrives_after_subscribing(broker, listener, start):
    listener.client.publish("/config/v2/7210086/1/ping", "retained", 1, retain=True)
    start(broker.port).wait_for("command /config/v2/7210086/1/ping retained")


def test_the_will_is_published(broker, listener, start):
    peer = start(broker.port)
    peer.wait_for("done 1")
    peer.stop()
    wait_until(lambda: ("/offline/v1/7210086", b"") in listener.messages, listener.messages)


def test_the_broker_dies_and_comes_back(broker, listener, start):
    peer = start(broker.port, count=200, every_ms=10)
    wait_until(lambda: len(listener.payloads("/sample")) > 20, "no messages")
    broker.stop()
    peer.wait_for("no link to")
    broker.start()
    peer.wait_for("done 200 2")
    wait_until(lambda: peer.said().count("connected") == 2, peer.said)


def test_nothing_is_lost_while_the_broker_is_away(tmp_path, started, start):
    broker = Mosquitto(tmp_path)
    peer = start(broker.port, count=40)
    peer.wait_for("no link to")
    started.append(broker.start())
    peer.wait_for("done 40 1")


def test_login(tmp_path, started, start):
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "esp8266", "right"], check=True,
                   capture_output=True)
    broker = Mosquitto(tmp_path, "allow_anonymous false", "password_file %s" % passwords,
                       "user root")
    started.append(broker.start())
    peer = start(broker.port, UMETER_USER="esp8266", UMETER_PASSWORD="wrong")
    peer.wait_for("refused: not authorised")
    peer.stop()
    peer = start(broker.port, UMETER_USER="esp8266", UMETER_PASSWORD="right")
    peer.wait_for("done 1 1")


# TLS


@pytest.fixture
def tls_broker(tmp_path, started):
    authority = certificate("Test CA")
    save(tmp_path / "ca", authority)

    def make(**server):
        path = save(tmp_path / "server", certificate("localhost", authority, **server))
        broker = Mosquitto(tmp_path, "allow_anonymous true", "certfile %s.pem" % path,
                           "keyfile %s.key" % path, "user root")
        started.append(broker.start())
        return broker

    return make


def test_tls(tls_broker, tmp_path, started, start):
    broker = tls_broker()
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    started.append(Listener(broker.port, tls=context))
    peer = start(broker.port, count=100, UMETER_CA=str(tmp_path / "ca.der"),
                 UMETER_NAME="localhost")
    peer.wait_for("done 100 1")
    listener = started[-2]
    wait_until(lambda: len(listener.payloads("/sample")) == 100, "messages are missing")
    long = "x" * 1000  # more than one read's worth: what TLS has buffered is found
    listener.client.publish("/config/v2/7210086/1/ping", long, 1)
    wait_until(lambda: listener.payloads("/ping") == [long.encode()], peer.said)


@pytest.mark.parametrize("case, server", [
    ("name", {"names": ("elsewhere",)}),
    ("authority", {}),
    ("expired", {"days": (-3, -1)}),
    ("future", {"days": (2, 3)}),
])
def test_tls_refuses(tls_broker, tmp_path, start, case, server):
    broker = tls_broker(**server)
    save(tmp_path / "other", certificate("Test CA"))
    trusted = "other.der" if case == "authority" else "ca.der"
    peer = start(broker.port, UMETER_CA=str(tmp_path / trusted), UMETER_NAME="localhost")
    peer.wait_for("certificate refused")
    assert "connected" not in peer.said() and "done" not in peer.said()


def test_tls_to_a_broker_without(broker, tmp_path, start):
    save(tmp_path / "ca", certificate("Test CA"))
    peer = start(broker.port, UMETER_CA=str(tmp_path / "ca.der"), UMETER_NAME="localhost")
    peer.wait_for("no link to")
    assert "connected" not in peer.said()


def test_tls_to_a_broker_that_is_silent(tmp_path, start):
    save(tmp_path / "ca", certificate("Test CA"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer = start(silent.getsockname()[1], UMETER_CA=str(tmp_path / "ca.der"),
                     UMETER_NAME="localhost")
        peer.wait_for("ETIMEDOUT")
        silent.settimeout(10)
        silent.accept()
        silent.accept()  # it comes again
