# uMeter - meterctl send over a real broker, against a scripted device
# MIT license; Copyright (c) 2026 The uMeter authors

import time

import pytest
from meterctl_surroundings import KEY, SERIAL, Device, wait_until
from typer.testing import CliRunner

from firmware.crypto.envelope import Envelope
from sim.launch import free_port
from tools.meterctl.main import app

pytest_plugins = ["meterctl_fixtures"]


def test_answer_is_printed(meterctl, broker):
    with Device(
        broker, {"ping": [b""], "version": [b"1.0-KMP"], "ssid": [b"caf\xc3\xa9"]}
    ) as device:
        assert (meterctl("send", "12345", "version").stdout) == "1.0-KMP\n"
        done = meterctl("send", SERIAL, "ping")
        assert (done.returncode, done.stdout) == (0, "\n")
        assert meterctl("send", SERIAL, "ssid").stdout == "café\n"
    assert device.received == [("version", b"1"), ("ping", b"1"), ("ssid", b"1")]


def test_command_that_never_answers(meterctl, broker):
    with Device(broker) as device:
        done = meterctl("send", SERIAL, "restart")
        wait_until(lambda: device.received, "the command")
    assert done.returncode == 0 and done.stdout == "" and "without an answer" in done.stderr
    assert device.received == [("restart", b"1")]


def test_silent_commands_are_followed_by_a_question(meterctl, broker):
    with Device(broker, {"status": [b"open"], "ap_status": [b"stopped"]}) as device:
        done = meterctl("send", SERIAL, "open")
        assert (done.returncode, done.stdout) == (0, "open\n")
        done = meterctl("send", SERIAL, "close")
        assert done.returncode == 1 and "says open" in done.stderr
        assert meterctl("send", SERIAL, "stop_ap").stdout == "stopped\n"
    assert device.received[:2] == [("open", b"1"), ("status", b"1")]


def test_refusal_is_told(meterctl, broker):
    with Device(broker, {"open_until": [b"error: too much"]}):
        done = meterctl("send", SERIAL, "open_until", "57000")
    assert done.returncode == 1 and done.stdout == "" and "too much" in done.stderr


def test_no_answer(meterctl, broker):
    with Device(broker) as device:
        done = meterctl("send", SERIAL, "status", "--timeout", 1)
        assert done.returncode == 1
        assert "no answer from 0012345" in done.stderr and "meterctl listen" in done.stderr
        assert meterctl("send", SERIAL, "status", "--no-wait").returncode == 0
        wait_until(lambda: len(device.received) == 2, "both commands")


def test_forged_and_old_answers_do_not_count(meterctl, broker):
    stranger = Envelope(bytes(16))

    def forged(device):
        topic = "/status/v2/%s/%d" % (SERIAL, time.time())
        device.client.publish(topic, stranger.seal(topic.encode(), b"open"))

    def old(device):
        device.say("status", b"open", when=int(time.time()) - 1900)

    with Device(broker, {"status": [forged, old]}):
        done = meterctl("send", SERIAL, "status", "--timeout", 2)
    assert done.returncode == 1 and done.stdout == ""
    assert "not verified (hmac)" in done.stderr and "an old one" in done.stderr


def test_what_the_broker_has_kept_does_not_count(meterctl, broker):
    now = int(time.time())
    topic = "/status/v2/%s/%d" % (SERIAL, now)
    with Device(broker) as device:
        sealed = device.envelope.seal(topic.encode(), b"open")
        device.client.publish(topic, sealed, 1, retain=True).wait_for_publish(30)
        done = meterctl("send", SERIAL, "status", "--timeout", 4)
        device.client.publish(topic, b"", 1, retain=True).wait_for_publish(30)
    assert done.returncode == 1 and done.stdout == "" and "an old one" in done.stderr


def test_open_until_waits_for_its_own_number(meterctl, broker):
    with Device(broker, {"open_until": [b"41", b"56999"]}):
        done = meterctl("send", SERIAL, "open_until", "57000")
    assert (done.returncode, done.stdout) == (0, "56999\n")


def test_scan_prints_every_network(meterctl, broker):
    def results(device):
        for name in (b"ssid=one&rssi=-50", b"ssid=two&rssi=-60"):
            device.say("scan_result", name)

    with Device(broker, {"scan": [results]}):
        done = meterctl("send", SERIAL, "scan")
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == ["ssid=one&rssi=-50", "ssid=two&rssi=-60"]


def test_cron_list_prints_every_job(meterctl, broker):
    def jobs(device):
        for number in (1, 2):
            device.say("cron_list", b"job=%d&jobs=2&minute=%d&command=open" % (number, number))

    with Device(broker, {"cron_list": [jobs]}) as device:
        assert len(meterctl("send", SERIAL, "cron_list").stdout.splitlines()) == 2
        device.answers = {"cron_list": [b"many"]}
        done = meterctl("send", SERIAL, "cron_list")
    assert done.returncode == 1 and "'many' is no job" in done.stderr
    assert "Traceback" not in done.stderr


def test_password_from_stdin(meterctl, broker):
    with Device(broker, {"set_pwd": [b"length=6"]}) as device:
        done = meterctl("send", SERIAL, "set_pwd", "-", stdin="secret\n")
    assert (done.returncode, done.stdout) == (0, "length=6\n")
    assert device.received == [("set_pwd", b"secret")]


def test_unreachable_broker(meterctl):
    done = meterctl("send", SERIAL, "ping", port=free_port())
    assert done.returncode == 2 and "cannot reach the broker" in done.stderr


def refused(*arguments, **environment):
    """What it says when it does not even begin."""
    done = CliRunner(env=environment).invoke(app, ["send", *map(str, arguments)])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2 and done.stdout == ""
    return done.stderr


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((SERIAL, "opne"), "did you mean open?"),
        ((SERIAL, "open_until"), "needs a text"),
        ((SERIAL, "open_until", "much"), "is not a meter reading"),
        ((SERIAL, "pwm", "1001"), "0 to 1000"),
        ((SERIAL, "set_cron", "minute=60&command=open"), "minute=60"),
        ((SERIAL, "set_ssid_pwd", "ssid=a"), "pwd=<password>"),
        ((SERIAL, "set_ssid", "x" * 447), "446 at most"),
        (("1/2", "ping"), "serial"),
        ((SERIAL, "ping", "--broker", "host:port"), "broker"),
    ],
)
def test_wrong_use(arguments, says):
    assert says in refused(*arguments, UMETER_KEY=KEY)


def test_no_keys(tmp_path, monkeypatch):
    for name in ("UMETER_KEY", "UMETER_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "~/.config/umeter/keys" in refused(SERIAL, "ping")
    keys = tmp_path / "keys"
    keys.write_text("7654321 " + KEY)
    said = refused(SERIAL, "ping", "--keys", keys)
    assert "holds no key for 0012345" in said and KEY not in said


@pytest.mark.parametrize("command", [
    "", "send", "listen", "cron add", "cron list", "cron clear", "provision", "watch",
])  # fmt: skip
def test_help_teaches(command):
    done = CliRunner().invoke(app, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert ("meterctl %s" % command if command else "UMETER_KEY") in done.stdout
