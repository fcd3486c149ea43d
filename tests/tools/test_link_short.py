# uMeter - shorter names and constants in the linked modules: what they say stays the same
# MIT license; Copyright (c) 2026 The uMeter authors

import ast
import re

import pytest

from tests.tools.conftest import flags
from tests.tools.test_link import joined, run, tree
from tools import mpy
from tools.build import build, read_manifest
from tools.link import Program
from tools.link_names import FUNCTIONS
from tools.link_plan import link
from tools.link_short import prime

THIRD = """
def const(value):
    return value

FIRST = const(1 << 2)
SECOND = const(FIRST | 3)
BELOW = -1
LIST = [FIRST, SECOND]
CHANGED = 5
TWICE = const(8)
_TABLE = (1, 2, 3)

def change(TWICE):
    global CHANGED
    CHANGED += TWICE
    return CHANGED
"""
SECOND = """
from p.third import BELOW, FIRST as START
from p import third

class Counter:
    step = 3
    _limit = 100

    def __init__(self, start, step=2):
        self._count = start
        self._step = step
        self._shared = [START, third.SECOND]
        self._inherited = start
        self.public = None

    def _grow(self, by, *more, **named):
        self._count = min(self._count + by + sum(more) + sum(named.values()), self._limit)
        return self._count

    def peek(self, names=("_step",)):
        return [getattr(self, name) for name in names], self._shared

def look(counter, other):
    return counter._step, other, third.CHANGED
"""
FIRST_ = """
from p import second, third
from p.second import Counter, START, look
from p.third import BELOW, LIST, TWICE, change
from p.third import FIRST as FIRST_OF_ALL

class Loud(Counter):
    def __init__(self, start, text):
        super().__init__(start, step=start)
        self._text = text

    def _grow(self, by):
        return self._text + str((super()._grow(by, by, extra=1), self._inherited))

def nest(first, other, key=None):
    total = [first for first in (other, first)]
    later = lambda other=other, last=first: (first, other, last)
    def inner(first, more=other):
        nonlocal total
        total = total + [first, other, more]
        return {first: value for value in (lambda first: first + more, total) if value != first}
    try:
        raise KeyError(first)
    except KeyError as key:
        found = str(key)
    return total, later(), later(9), list(inner(7)), total, found, key if first is None else 0

def modules():
    from p.third import SECOND
    return SECOND, second.START, third.TWICE

counter, loud = Counter(5), Loud(6, "loud ")
numbers = [counter._grow(1), counter._grow(2, 3, extra=4), loud._grow(2), counter.peek()]
found = (numbers, look(loud, other=BELOW), nest(1, 2), nest(3, other=4, key="x"), modules(),
         change(1), LIST, TWICE, START, FIRST_OF_ALL, second.BELOW)
"""
TEXTS = {"p.first": FIRST_, "p.second": SECOND, "p.third": THIRD}


@pytest.mark.parametrize("groups", [
    {"p.first": ["p.third", "p.second", "p.first"]},
    {"p.first": ["p.second", "p.first"]},
    {"p.second": ["p.third", "p.second"]},
    {},
])  # fmt: skip
def test_it_does_the_same(groups, monkeypatch):
    expected = run(TEXTS, "p.first", monkeypatch).found
    linked = joined(TEXTS, groups)
    assert run(linked, "p.first", monkeypatch).found == expected
    assert len(str(expected)) > 150


def test_what_is_shortened_and_what_is_not():
    program = Program(TEXTS)
    text = program.linked()["p.second"]
    assert "_count" not in text and "_shared" not in text
    assert {*program.names["p.second.Counter"].values()} == {"_count", "_shared"}
    assert "_step" in text and "_inherited" in text  # a text, and another's attribute
    for kept in ("_limit", "_grow", "peek", "step=", "public", "other", "Counter", "look"):
        assert kept in text, kept
    assert not re.search(r"\b(start|by|more|counter)\b", text)
    assert "p.first.Loud" not in program.names  # its base may have a name of that number


def test_constants_go_where_they_are_sure():
    linked = Program(TEXTS).linked()
    assert not re.search(r"\b(FIRST|SECOND|BELOW)\b", linked["p.third"] + linked["p.second"])
    assert "[4, 7]" in linked["p.third"] and "[4, 7]" in linked["p.second"]
    for kept in ("LIST", "CHANGED", "TWICE"):
        assert re.search(r"^%s = " % kept, linked["p.third"], re.M), kept
    assert "import third" in linked["p.second"]  # its CHANGED is asked for
    alone = {"p.third": "FIRST = 1\n", "p.second": "from p import third\ndef a():\n"
             "    from p import third\n    return third.FIRST\n"}  # fmt: skip
    assert Program(alone).linked() == {"p.second": "def a():\n    return 1\n"}


def test_a_module_that_is_a_value_keeps_its_constants():
    third = "FIRST = 1\nSECOND = FIRST + 1\n"
    for second in ("found = [third], third.FIRST\n", "def a(third):\n    return third.FIRST\n"):
        linked = Program({"p.third": third, "p.second": "from p import third\n" + second}).linked()
        assert "FIRST = 1" in linked["p.third"] and "SECOND = " in linked["p.third"]
        assert ".FIRST" in linked["p.second"]
    texts = {"p.third": third, "p.second": "from p import third\n",
             "p.first": "from p import second\nfound = second.third.SECOND\n"}  # fmt: skip
    assert "SECOND = " in Program(texts).linked()["p.third"]


def size(tmp_path, text):
    source = tmp_path / "module.py"
    source.write_text(text)
    mpy.compile_file(source, tmp_path / "module.mpy", "module")
    return (tmp_path / "module.mpy").stat().st_size


def test_names_said_most_take_one_byte(tmp_path):
    rare = "\n".join("def f%d(x):\n    x.rare%d\n" % (n, n) for n in range(200))
    often = "def often(x):\n" + "\n".join("    x.first.second" for _ in range(300))
    module = ast.parse(rare + often)
    before = ast.unparse(module)
    prime(module)
    after = ast.unparse(module)
    compile(after, "module", "exec")
    assert size(tmp_path, before) - size(tmp_path, after) > 100
    values = {"__name__": "module"}
    exec(after, values)
    values["f1"](type("", (), {"rare1": 1}))  # nothing else has changed
    short = ast.parse(often)
    prime(short)
    assert ast.unparse(short) == ast.unparse(ast.parse(often))  # there each takes one anyway


def functions(texts):
    return {node.name for text in texts.values() for node in ast.walk(ast.parse(text))
            if isinstance(node, (*FUNCTIONS, ast.ClassDef))}  # fmt: skip


@pytest.mark.parametrize("meter", ["kmp", "han", "impulse"])
def test_tracebacks_name_what_is_in_the_sources(meter):
    texts, values = tree(METER=meter)
    linked, names = link(texts, values)
    known = functions(texts)
    assert {name.rstrip("23456789") if name not in known else name
            for name in functions(linked)} <= known  # fmt: skip
    for where, table in names.items():
        source = texts.get(where.rpartition(".")[0], "") if where not in linked else ""
        for short, name in table.items():
            assert re.fullmatch("_[a-z]{1,2}", short)
            assert where in linked or "self.%s" % name in source, (where, name)
    assert sum(map(len, names.values())) > 150


def test_the_build_tells_what_is_what(tmp_path):
    out = tmp_path / "device"
    manifest = build(flags(METER="kmp"), "bytecode", out)
    names = read_manifest(out).names
    assert names == manifest.names and "_log" in names["firmware.app.session.Session"].values()
