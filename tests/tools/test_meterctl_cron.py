# uMeter - meterctl cron and provision: over a real broker, and files of keys
# MIT license; Copyright (c) 2026 The uMeter authors

import re

import pytest
from meterctl_surroundings import KEY, SERIAL, Device
from typer.testing import CliRunner

from firmware.control import cron_query
from tools.keys import find_keys
from tools.meterctl.cron import query_of
from tools.meterctl.main import app
from tools.meterctl.provision import wifi_text

pytest_plugins = ["meterctl_fixtures"]
QUERY = "minute=30&hour=6&day_of_month=*&month=*&day_of_week=mon-fri&command=open"


def test_add(meterctl, broker):
    with Device(broker, {"set_cron": [QUERY.encode()]}) as device:
        done = meterctl("cron", "add", SERIAL, "30 6 * * mon-fri", "open")
        assert (done.returncode, done.stdout) == (0, QUERY + "\n")
    assert device.received == [("set_cron", QUERY.encode())]


def test_full_table(meterctl, broker):
    with Device(broker, {"set_cron": [b"error: cron_jobs: 16 jobs at most"]}):
        done = meterctl("cron", "add", SERIAL, "30 6 * * *", "open_until", "57000")
    assert done.returncode == 1 and "16 jobs at most" in done.stderr


def test_list(meterctl, broker):
    def jobs(device):
        for number in (2, 1):
            device.say("cron_list", b"job=%d&jobs=2&minute=%d&command=open" % (number, number))

    with Device(broker, {"cron_list": [jobs]}):
        done = meterctl("cron", "list", SERIAL)
    assert done.stdout.splitlines() == ["minute=1&command=open", "minute=2&command=open"]


def test_empty_list_and_clear(meterctl, broker):
    with Device(broker, {"cron_list": [b"jobs=0"], "clear_cron": [b""]}) as device:
        done = meterctl("cron", "list", SERIAL)
        assert (done.returncode, done.stdout) == (0, "") and "no jobs" in done.stderr
        assert meterctl("cron", "clear", SERIAL).returncode == 0
    assert device.received == [("cron_list", b"1"), ("clear_cron", b"1")]


@pytest.mark.parametrize("arguments, says", [
    (("30 6 * *", "open"), "five fields"), (("60 6 * * *", "open"), "minute=60"),
    (("0 6 * * *", "restart"), "command=restart"), (("0 6 * * *", "open_until"), "needs a text"),
])  # fmt: skip
def test_wrong_jobs(arguments, says):
    done = CliRunner(env={"UMETER_KEY": KEY}).invoke(app, ["cron", "add", SERIAL, *arguments])
    assert done.exit_code == 2 and says in done.stderr


def test_what_is_asked_for_is_what_devices_understand():
    assert cron_query.parse(query_of("*/5 8,9 1-3 jan sun", "open_until", "7")) == (
        tuple(range(0, 60, 5)), (8, 9), (1, 2, 3), (1,), (0,), "open_until", "7")


def provision(*arguments, **environment):
    return CliRunner(env=environment).invoke(app, ["provision", *map(str, arguments)])


def test_provision(tmp_path):
    path = tmp_path / "new" / "keys"
    done = provision("6892850", "--keys", path)
    assert done.exit_code == 0, done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    serial, key = path.read_text().split()
    assert serial == "6892850" and find_keys(str(path), environ={}).envelope(serial)
    assert "KAM_6892850" in done.stdout and key[:16] in done.stdout and key not in done.stdout
    assert len(re.findall("[\u2580\u2584\u2588]", done.stdout)) > 100
    again = provision("06892850", "--keys", path)
    assert again.exit_code == 2 and "already" in again.stderr
    path.write_text(path.read_text().rstrip())  # no end of line
    assert provision("42", "--kind", "water", UMETER_KEYS=str(path)).exit_code == 0
    keys = find_keys(str(path), environ={})
    assert keys.envelope("42") is not keys.envelope("6892850")


def test_provision_changes_no_damaged_file(tmp_path):
    path = tmp_path / "keys"
    path.write_text("6892850 short\n")
    assert provision("42", "--keys", path).exit_code == 2
    assert path.read_text() == "6892850 short\n"
    assert provision("42", "--keys", tmp_path).exit_code == 2


def test_text_of_the_qr_code():
    assert wifi_text("KAM_6892850", "00ff") == "WIFI:T:WPA;S:KAM_6892850;P:00ff;;"
    assert wifi_text('a;b"', "c\\:,") == r"WIFI:T:WPA;S:a\;b\";P:c\\\:\,;;"
