# uMeter - docs/boards.md and its drawings say what tools/boards.py says
# MIT license; Copyright (c) 2026 The uMeter authors

import re
import xml.etree.ElementTree as ET

import pytest

from firmware.control.signals import PATTERNS
from tests.sources import ROOT
from tools import boards

DOCS = ROOT / "docs"
SVG = "{http://www.w3.org/2000/svg}"
DRAWINGS = ("optical", "mbus", "s0", "p1", "triac")


def tables(name):
    """{first column's head: [{head: cell}]} of a page."""
    found, heads = {}, None
    for line in (DOCS / name).read_text().splitlines():
        if not line.startswith("|"):
            heads = None
            continue
        cells = [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        if heads is None:
            heads = cells
            found[heads[0]] = []
        elif set(cells) != {"---"}:
            found[heads[0]].append(dict(zip(heads, cells)))
    return found


def numbers(text):
    """ "0–3, 7" -> {0, 1, 2, 3, 7}"""
    found = set()
    for part in () if text == "none" else text.split(", "):
        first, _, last = part.partition("–")
        found.update(range(int(first), int(last or first) + 1))
    return found


def test_boards():
    rows = tables("boards.md")["BOARD="]
    assert [row["BOARD="] for row in rows] == list(boards.BOARDS)
    assert set(rows[0]) == {"BOARD=", "chip", "UART", *boards.ROLES}
    for row in rows:
        board = boards.BOARDS[row["BOARD="]]
        pins = {role: row[role].split() for role in boards.ROLES if row[role]}
        assert {role: int(cell[0]) for role, cell in pins.items()} == board.pins
        assert {role for role, cell in pins.items() if "↓" in cell} == set(board.inverted)
        assert (row["chip"], int(row["UART"])) == (board.chip, board.uart_id)


def test_meanings():
    rows = tables("boards.md")["board"]
    assert {row["board"]: row["what it is"] for row in rows} == {
        name: board.meaning for name, board in boards.BOARDS.items()}


def test_roles():
    roles = [role for row in tables("boards.md")["role"] for role in row["role"].split(", ")]
    assert sorted(roles) == sorted(boards.ROLES)


def test_chips():
    rows = tables("boards.md")["chip"]
    assert [row["chip"] for row in rows] == list(boards.CHIPS)
    for row in rows:
        chip = boards.CHIPS[row["chip"]]
        assert numbers(row["GPIOs"]) == chip.gpios
        assert numbers(row["flash memory"]) == chip.flash
        assert numbers(row["console"]) == chip.console
        assert numbers(row["input only"]) == chip.input_only
        assert numbers(row["strapping"]) == set(chip.strapping)
        assert numbers(row["ADC beside Wi-Fi"]) == chip.adc
        assert int(row["UARTs"]) == chip.uarts - 1
        assert (row["counter"] == "yes") == chip.pcnt and row["ARCH"] == chip.arch


def test_every_drawing_is_shown():
    shown = re.findall(r"!\[.+\]\(wiring/(\w+)\.svg\)", (DOCS / "boards.md").read_text())
    assert sorted(shown) == sorted(DRAWINGS)
    assert sorted(path.stem for path in (DOCS / "wiring").iterdir()) == sorted(DRAWINGS)


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings(name):
    """Whole, of our own, readable to a screen reader, and of pins that exist."""
    text = (DOCS / "wiring" / (name + ".svg")).read_text()
    root = ET.fromstring(text)
    assert root.tag == SVG + "svg" and root.get("role") == "img"
    assert root.get("aria-labelledby") == "title description"
    assert root.find(SVG + "title").text and root.find(SVG + "desc").text
    assert "MIT license" in text and "prefers-color-scheme: dark" in text
    assert not re.search(r"href|url\(|<script|<image|@import", text), "something from elsewhere"
    pins = {e.text for e in root.iter(SVG + "text") if e.get("class") == "pin"}
    roles = {pin.lower() for pin in pins} - {"txd", "5  data"}
    assert roles and roles <= set(boards.ROLES)
    classes = {e.get("class") for e in root.iter() if e.get("class")}
    assert all(".%s" % one in text for each in classes for one in each.split())


def test_the_meter_has_what_the_drawing_wires():
    """Whoever wires a drawing finds its pins on the boards that are made for that."""
    for name, roles in (("esp32", "rx tx ac1 ac2 pulse"), ("pow-k", "rx"), ("pow-p1", "rx"),
                        ("meterlogger", "rx tx ac1 ac2 pulse"), ("olimex", "rx tx ac1 pulse")):
        assert set(roles.split()) <= set(boards.BOARDS[name].pins)


def test_patterns_of_the_lamp():
    rows = tables("leds.md")["case"]
    assert [row["case"] for row in rows] == list(PATTERNS[::2])
    for row, pattern in zip(rows, PATTERNS[1::2]):
        assert [int(ms) for ms in row["ms on, off, …"].split()] == [50 * n for n in pattern]
