# uMeter - make setup: each target demands what it needs; a broker where mosquitto cannot be had
# MIT license; Copyright (c) 2026 The uMeter authors

import re
import socket

import pytest

from tests.sources import ROOT
from tools import brokers, debian, setup
from tools.debian import SetupError

# Reads the port as amqtt does, from its configuration, and listens.
FAKE_AMQTT = """\
import re, socket, sys, time
def main():
    port = int(re.search(r"bind: 127\\.0\\.0\\.1:(\\d+)", open(sys.argv[2]).read())[1])
    with socket.create_server(("127.0.0.1", port)):
        time.sleep(600)
"""
ALL = {"host", "broker", "browser"}


@pytest.fixture
def demanded(monkeypatch, tmp_path):
    """main(targets) -> what they need; nothing is done."""
    heard = []
    monkeypatch.setattr(setup, "BUILD", str(tmp_path))
    monkeypatch.setattr(setup, "set_up", lambda needs: heard.append(needs))

    def ask(*targets):
        setup.main(list(targets))
        return heard.pop()

    return ask


@pytest.mark.parametrize("targets, needs", [
    ("build", set()), ("clean all flashall", set()), ("flash", set()), ("image", set()),
    ("sim", {"host", "any broker"}), ("bench", {"host", "broker"}),
    ("screenshots", ALL), ("test", ALL), ("soak", ALL), ("setup", ALL), ("", ALL),
    ("build test", ALL), ("build sim", {"host", "any broker"}),
])  # fmt: skip
def test_each_target_demands_what_it_needs(targets, needs, demanded):
    assert demanded(*targets.split()) == needs


def test_a_target_that_nobody_has_thought_of_gets_all(demanded):
    assert demanded("newcomer") == ALL
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):.*##", makefile, re.M)
    assert {"sim", "build", "test"} <= set(targets)
    assert set(setup._NEEDS) <= set(targets)


def test_a_step_is_done_again_when_its_inputs_or_its_product_changed(tmp_path):
    source, product, stamp = [tmp_path / name for name in ("source", "product", "stamp")]
    source.write_text("one")

    def step():
        return str(stamp), setup.digest("3.9", str(source)), [str(product)], None

    assert setup.is_stale(step())
    product.write_text("made")
    setup.write_stamp(*step()[:2])
    assert not setup.is_stale(step())
    source.write_text("two")
    assert setup.is_stale(step())
    setup.write_stamp(*step()[:2])
    assert not setup.is_stale(step())
    product.unlink()
    assert setup.is_stale(step())


def test_packages_are_missed_by_those_that_need_them(monkeypatch):
    monkeypatch.setattr(debian, "has_command", lambda name: False)
    monkeypatch.setattr(debian, "is_debian", lambda: True)
    monkeypatch.setattr(debian.shutil, "which", lambda name, path=None: "/bin/" + name)
    assert debian.missing(False, False, False, False) == []
    assert debian.missing(False, False, True, False) == ["mosquitto"]
    assert debian.missing(False, False, False, True) == ["chromium"]


@pytest.mark.parametrize("here, allowed, works, fresh, given, amqtt", [
    (True, False, False, False, "", False),
    (False, False, False, False, "", True),
    (False, True, True, False, "", False),  # mosquitto is installed
    (False, True, False, False, "", True),
    (False, True, True, True, "", True),  # amqtt stays, once it is there
    (False, False, False, False, "broker.lan:1883", False),
])
def test_amqtt_is_for_those_who_cannot_have_mosquitto(here, allowed, works, fresh, given, amqtt,
                                                      monkeypatch):  # fmt: skip
    there = ["mosquitto"] if here else []

    def install(packages):
        assert packages == ["mosquitto"]
        if not works:
            raise SetupError("no network\napt-get failed")
        there.extend(packages)

    monkeypatch.setenv("BROKER", given)
    monkeypatch.setattr(setup, "has_command", there.__contains__)
    monkeypatch.setattr(setup, "may_install", lambda: allowed)
    monkeypatch.setattr(setup, "is_stale", lambda step: not fresh)
    monkeypatch.setattr(setup, "install", install)
    assert setup.needs_amqtt() == amqtt


def test_the_broker_is_amqtt_only_where_there_is_no_mosquitto(monkeypatch, tmp_path):
    package = tmp_path / "amqtt" / "amqtt" / "scripts"
    package.mkdir(parents=True)
    (package / "broker_script.py").write_text(FAKE_AMQTT)
    monkeypatch.setattr(brokers, "AMQTT", tmp_path / "amqtt")
    monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    with pytest.raises(brokers.BrokerError, match="no mosquitto"), brokers.mosquitto(tmp_path):
        pass  # what tests rely on is never another one
    with brokers.embedded(tmp_path) as (name, port):
        assert name == "amqtt"
        socket.create_connection(("127.0.0.1", port), 5).close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 5)
    monkeypatch.setattr(brokers, "AMQTT", tmp_path / "none")
    with pytest.raises(brokers.BrokerError, match="make setup"), brokers.embedded(tmp_path):
        pass
