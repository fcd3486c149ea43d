# uMeter - the table of docs/commands.md and meterctl's help name what the devices obey
# MIT license; Copyright (c) 2026 The uMeter authors

import re

import pytest
from typer.testing import CliRunner

from firmware.control.commands import ALL, ASKERS
from tests.control import life
from tools.meterctl import commands
from tools.meterctl.main import app

ROWS = re.compile(r"^\| `([a-z_]+)` \|([^|]*)\| *(yes)? *\|(.*)\|$", re.MULTILINE)
# MeterLogger's own, of its first and its current source
METERLOGGER = frozenset(
    """ping version uptime vdd rssi ssid set_ssid set_pwd set_ssid_pwd set_ap_mesh_pwd reconnect
    scan wifi_status start_ap stop_ap ap_status disconnect_count network_quality mem chip_id
    flash_id flash_size crypto reset_reason restart stack_trace save set_cron cron clear_cron open
    close status open_until open_until_delta off pwm test""".split()
)
VALVE = frozenset("open close status limit open_until open_until_delta off pwm test".split())


def page():
    return (life.ROOT / "docs" / "commands.md").read_text()


def documented():
    """{command: whether it changes something}"""
    rows = ROWS.findall(page())
    assert len(rows) == len({name for name, *_ in rows})
    return {name: bool(changes) for name, _, changes, _ in rows}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """{command: (changes, origins)} of a heat meter's device, and of an impulse meter's"""

    def table(**flags):
        script = life.Script()
        script.order("table")
        told = life.run(script, tmp_path_factory.mktemp("table"), **flags)
        rows = [words for _, kind, words in told if kind == "row"]
        return {name: (changes == "1", int(origins)) for name, changes, origins in rows}

    return table(), table(IMPULSE="1")


def test_the_page_lists_what_devices_obey(tables):
    heat, impulse = tables
    assert set(heat) | set(impulse) == set(documented())
    assert set(impulse) - set(heat) == {"save"} and set(heat) - set(impulse) == VALVE


def test_the_page_says_what_changes_something(tables):
    page = documented()
    for table in tables:
        assert {name: page[name] for name in table} == {n: row[0] for n, row in table.items()}


def test_the_page_says_what_jobs_may_do(tables):
    listed = re.search(r"Timed jobs may use (.*?); the others", page(), re.DOTALL)
    jobs = set(re.findall(r"`([a-z_]+)`", listed[1]))
    for name, (_, origins) in tables[0].items():
        assert origins == (ALL if name in jobs else ASKERS), name


def test_all_of_meterlogger_is_there(tables):
    assert METERLOGGER <= set(tables[0]) | set(tables[1])


def test_meterctl_knows_the_same(tables):
    assert commands.KNOWN == set(documented())


def test_the_help_of_meterctl_agrees():
    got = CliRunner().invoke(app, ["send", "--help"], env={"COLUMNS": "300", "TERM": "dumb"})
    text = re.sub(r"\s+", " ", got.output)
    for name in commands.KNOWN:
        assert re.search(r"\b%s\b" % name, text), name
    ours = re.search(r"understand the same commands, but not (.*?);", text)[1]
    assert set(re.findall(r"[a-z_]{2,}", ours)) - {"and"} == commands.KNOWN - METERLOGGER
