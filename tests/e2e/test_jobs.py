# uMeter - timed jobs over a real broker: set, refused, listed, run, kept over a power cut
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from tests.e2e.test_commands import KEY, SERIAL, Device
from tools import sim
from tools.meterctl.commands import listed_job

EVERY_MINUTE = "minute=*&command=open"
SECRET = "hour=3&minute=0&command=set_ssid_pwd=ssid=home&pwd=hidden%26123"


class Switched(Device):
    """Its power can be cut; its clock reaches the next minute soon."""

    def board(self):
        self.virtual = super().board()
        return self.virtual


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    ahead = (46 - int(time.time())) % 60  # seconds; well inside the window of commands
    clock = SimpleNamespace(time=lambda: time.time() + ahead, sleep=time.sleep)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sim, "time", clock)
        with Switched(tmp_path_factory.mktemp("board")).running() as running:
            yield running


def listed(device):
    device.send("cron_list")
    jobs = [listed_job(device.wait("cron_list"))]
    while jobs[-1][0] < jobs[-1][1]:
        jobs.append(listed_job(device.wait("cron_list")))
    return [query for _, _, query in jobs]


def test_a_job_runs_and_outlives_a_power_cut(device):
    assert device.ask("set_cron", EVERY_MINUTE.encode()) == EVERY_MINUTE
    shown = device.ask("set_cron", SECRET.encode())
    assert "hidden" not in shown and shown.endswith("&pwd=12 characters")
    assert device.ask("set_cron", SECRET.encode()) == shown  # said again, not added again
    assert device.ask("cron") == "2"
    assert listed(device) == [EVERY_MINUTE, shown]
    assert device.wait("status", 65) == "open" and device.wait("status_cause") == "cron"
    device.virtual.kill()
    device.virtual.start()
    device.wait("status")
    assert device.ask("cron") == "2" and device.ask("status") == "open"
    assert device.ask("clear_cron") == "" and device.ask("cron") == "0"


@pytest.mark.parametrize("query, says", [
    (b"minute=60&command=open", "minute=60"), (b"", "command="), (b"\xff\xfe", "UTF-8"),
    (b"hour=1&command=restart", "command=restart"), (b"minute=" + b"1," * 99, "minute="),
    (b"command=open_until=many", "many"), (b"hour=&command=open", "hour="),
    (b"command=set_ssid_pwd=ssid=home", "ssid="), (b"command=open_until=-5", "below zero"),
    (b"command=set_ssid_pwd=ssid=home&pwd=short", "password: 8 to 63"),
    (b"command=set_ssid_pwd=ssid=" + b"x" * 33 + b"&pwd=", "ssid: 0 to 32"),
])  # fmt: skip
def test_a_malformed_query_changes_nothing(device, query, says):
    answer = device.ask("set_cron", query)
    assert answer.startswith("error: ") and says in answer
    assert device.ask("cron") == "0" and listed(device) == [None]


def test_a_full_table(device):
    for minute in range(16):
        device.ask("set_cron", b"minute=%d&hour=4&command=close" % minute)
    assert device.ask("set_cron", b"command=close") == "error: cron_jobs: 16 jobs at most"
    assert device.ask("cron") == "16" and len(listed(device)) == 16
    device.ask("clear_cron")


def test_meterctl_and_the_device_understand_each_other(device):
    environment = dict(os.environ, UMETER_KEY=KEY, UMETER_BROKER=device.link.name)

    def meterctl(*arguments):
        command = [sys.executable, "-m", "tools.meterctl.main", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    done = meterctl("cron", "add", SERIAL, "30 4 * * mon-fri", "open_until", "57000")
    assert done.returncode == 0, done.stderr
    query = "minute=30&hour=4&day_of_month=*&month=*&day_of_week=mon-fri&command=open_until=57000"
    assert done.stdout == query + "\n"
    assert meterctl("cron", "list", SERIAL).stdout == query + "\n"
    assert meterctl("cron", "clear", SERIAL).returncode == 0
    done = meterctl("cron", "list", SERIAL)
    assert (done.returncode, done.stdout) == (0, "")
    assert meterctl("send", SERIAL, "close").stdout == "close\n"
    for seconds in (2, 10, 30):  # as slow as the machine is
        done = meterctl("watch", SERIAL, "--seconds", str(seconds))
        if "Valve: close" in done.stdout:
            break
    assert done.returncode == 0 and "Valve: close" in done.stdout.splitlines()[-1]
    device.ask("ping")  # the answers to all of them have been heard
