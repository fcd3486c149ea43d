# uMeter - every command over a real broker with every kind of text, and the restarts
# MIT license; Copyright (c) 2026 The uMeter authors

import re

import pytest

from tests.control.test_command_docs import documented
from tests.e2e.test_commands import QUESTIONS
from tests.e2e.test_jobs import Switched

KINDS = {"empty": b"", "wrong": b"&=\x01 7.5 x", "longest": b"x" * 446, "no UTF-8": b"1\xff\xfe"}
TOO_LONG = b"x" * 460

# what an answer looks like, whatever the text
FORMS = dict(QUESTIONS) | {
    "vdd": r"65\.535",
    "stack_trace": r"enabled.*",
    "networks": r"1=virtual&.*",
    "clear_networks": r"1=virtual&.*",
    "wifi": r"hostname=&.*",
    "device": r"interval=2&.*",
    "cron": r"0",
    "clear_cron": r"",
    "cron_list": r"jobs=0",
    "start_setup": r"KAM_7210086",
    "ap_status": r"(stopped|started).*",
    "status": r"open|close",
    "limit": r"none|60000",
    "scan": r"ssid=virtual&bssid=.*",
}
# silent command -> (question, what it then says)
SILENT = {"open": ("status", "open"), "close": ("status", "close"),
          "start_ap": ("ap_status", "started.*"), "stop_ap": ("ap_status", "stopped"),
          "off": ("status", "close"), "test": ("status", "close")}  # fmt: skip
# Their text counts: what is wrong is refused. A few take one or the other of these texts.
PARSED = frozenset(
    """set_ssid set_pwd set_ssid_pwd set_network set_fallback set_wifi set_device
    set_ap_mesh_pwd open_until open_until_delta pwm set_cron""".split()
)
FINE = {("set_pwd", "empty"), ("set_ap_mesh_pwd", "empty")}  # an open network; the key's own
BREAKS = {"reconnect", "restart", "factory_reset"}  # the connection


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    with Switched(tmp_path_factory.mktemp("board")).running() as running:
        yield running


def test_no_command_is_left_out():
    named = set(FORMS) | set(SILENT) | PARSED | BREAKS
    assert named == set(documented()) - {"save"}  # that one is an impulse meter's


@pytest.mark.parametrize("kind", KINDS)
def test_commands_without_an_argument_take_any_text(device, kind):
    for command, form in FORMS.items():
        device.send(command, KINDS[kind])
        answer = device.wait("scan_result" if command == "scan" else command)
        assert re.fullmatch(form, answer, re.DOTALL), (command, answer)
    for command, (question, form) in SILENT.items():
        device.send(command, KINDS[kind])
        device.ask("ping")  # what was said of its own accord has been heard
        assert re.fullmatch(form, device.ask(question)), command


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_arguments_change_nothing(device, kind):
    questions = "ssid", "networks", "wifi", "device", "limit", "status", "cron_list"
    before = [device.ask(question) for question in questions]
    for command in sorted(PARSED):
        answer = device.ask(command, KINDS[kind])
        assert answer.startswith("error: ") != ((command, kind) in FINE), (command, answer)
    assert [device.ask(question) for question in questions] == before


def test_what_is_too_long_is_counted_and_not_answered(device):
    def refused():
        found = re.search(r"payload_length=(\d+)", device.ask("rejected"))
        return int(found[1]) if found else 0

    before = refused()
    names = sorted(set(documented()) - {"save", "ping"})
    device.seen.clear()
    for command in names:
        device.send(command, TOO_LONG)
    device.ask("ping")
    assert device.seen == [("ping", "")] and refused() - before == len(names)


def test_it_connects_again_restarts_and_forgets(device):
    device.send("reconnect", KINDS["empty"])
    assert device.wait("reset_reason", 60).startswith("reason=0&")
    device.ask("set_network", b"ssid=barn&pwd=")
    device.ask("open_until", b"60000")
    device.send("restart", KINDS["no UTF-8"])
    assert device.wait("reset_reason", 90).startswith("reason=4&")
    assert device.wait("status") == "open"
    assert device.ask("networks") == "1=virtual&2=barn&fallback="
    answer = device.ask("factory_reset", KINDS["wrong"])
    assert answer == "settings erased, restarts in 16 s"
    device.virtual.kill()
    device.virtual.start()
    device.wait("status")
    assert device.ask("networks") == "1=virtual&fallback=" and device.ask("limit") == "60000"
