# uMeter - modules linked into one: what they say stays the same
# MIT license; Copyright (c) 2026 The uMeter authors

import ast
import re
import sys
import types

import pytest

from tests.tools.conftest import flags
from tools.build import ROOT, _module, sources
from tools.link import Program
from tools.link_names import LinkError, bound
from tools.link_plan import CORE, link, plan

FIRST = '''
import sys
from p import second
from p.second import Base, SIZE as WIDE
from p.third import text

_OWN = 1
size = 3

def own(part=_OWN):
    return [part * size for part in range(WIDE)], second.size, second.grow(second.size)

class Sub(Base):
    width = size + 10
    both = [width, width * 2]

    def tell(self, text="x", width=width):
        later = lambda _OWN: (_OWN, size)
        return text, super().tell(), self.width, width, later(5), [_OWN for _OWN in (7, 8)]

def late():
    from p.third import text as shown
    from p import second as again
    try:
        raise KeyError(_OWN)
    except KeyError as size:
        return shown("late"), again.SIZE, str(size), len(sys.path) > 0

def count():
    global _OWN
    _OWN += 1
    return _OWN

found = (own(), Sub().tell(), late(), text("a"), count(), count(), Sub.width, Sub.both)
'''
SECOND = """
from p.third import text

SIZE = 4
_OWN = "second"
size = text("s")

def grow(own):
    first = own + own
    return first, _OWN, size

class Base:
    def tell(self):
        return _OWN, text(_OWN), grow("g")
"""
THIRD = """
_OWN = "<%s>"

def text(shown, size=_OWN):
    return size % shown

def max(a):
    return a
"""
TEXTS = {"p.first": FIRST, "p.second": SECOND, "p.third": THIRD}


def run(texts, name, monkeypatch):
    """The module of that name, all of them executed as modules of a package p."""
    for whole in [key for key in sys.modules if key == "p" or key.startswith("p.")]:
        monkeypatch.delitem(sys.modules, whole)
    package = types.ModuleType("p")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, "p", package)
    for whole in ("p.third", "p.second", "p.first"):
        if whole in texts:
            module = types.ModuleType(whole)
            monkeypatch.setitem(sys.modules, whole, module)
            exec(compile(texts[whole], whole, "exec"), module.__dict__)
            setattr(package, whole[2:], module)
    return sys.modules[name]


def joined(texts, groups):
    """{module: text}, linked as groups say: {module: those that it is made of}."""
    program = Program(texts)
    for target, members in groups.items():
        program.join(target, members)
    return program.linked()


@pytest.mark.parametrize("groups", [
    {"p.first": ["p.third", "p.second", "p.first"]},
    {"p.second": ["p.third", "p.second"]},
    {"p.third": ["p.third"], "p.first": ["p.second", "p.first"]},
    {"p.third": ["p.third"]},
    {},
])  # fmt: skip
def test_it_does_the_same(groups, monkeypatch):
    expected = run(TEXTS, "p.first", monkeypatch).found
    linked = joined(TEXTS, groups)
    gone = {name for members in groups.values() for name in members} - {*groups}
    assert set(linked) == set(TEXTS) - gone
    assert run(linked, "p.first", monkeypatch).found == expected
    assert len(str(expected)) > 150  # nothing is left out


def test_names_that_two_have_get_numbers():
    program = Program(TEXTS)
    program.join("p.first", ["p.third", "p.second", "p.first"])
    text = program.linked()["p.first"]
    names = bound(ast.parse(text))
    assert {"text2", "max2", "Base", "Sub"} <= names
    assert {name.rstrip("23") for name in program.names["p.first"].values()} == {"_OWN"}
    assert len(names & {*program.names["p.first"]}) == 3
    assert "max" not in names  # would hide the built-in one from the others
    assert "p.second" not in text and "second." not in text
    assert text.count("import") == 1  # sys


@pytest.mark.parametrize("first, told", [
    ("from p import second\nx = [second]\n", "the module second is used as a value"),
    ("from p.second import nothing\n", ""),
    ("import p.second\n", "import p.second, from it"),
    ("size = 1\nclass A:\n    size = size\n", "size in a class may mean the module's"),
    ("from p.second import grow\ndef grow(): pass\n", "grow means two things in p.first"),
])  # fmt: skip
def test_what_cannot_be_linked_is_told(first, told):
    program = Program({**TEXTS, "p.first": first})
    program.join("p.first", ["p.third", "p.second", "p.first"])
    if told:
        with pytest.raises(LinkError, match=re.escape(told)):
            program.linked()
    else:  # may be a module that this tree is without
        assert "from p.second import nothing" in program.linked()["p.first"]


def test_one_module_in_two():
    program = Program(TEXTS)
    program.join("p.first", ["p.third"])
    with pytest.raises(LinkError, match="p.third is in p.first and in p.second"):
        program.join("p.second", ["p.third"])


METERS = ["kmp", "mc66c", "mc66b", "han", "p1", "impulse", "none"]


def tree(**given):
    values = flags(**given)
    return {_module(path): (ROOT / path).read_text(encoding="utf-8")
            for path in sources(values, "xtensawin")}, values  # fmt: skip


@pytest.mark.parametrize("meter", METERS)
def test_every_import_of_the_firmware_is_there(meter):
    texts, values = tree(METER=meter)
    linked, _ = link(texts, values)
    assert CORE in linked and len(linked) < 0.7 * len(texts)
    names = {name: bound(ast.parse(text)) for name, text in linked.items()}
    count = 0
    for name, text in linked.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("firmware"):
                for alias in node.names:
                    whole = "%s.%s" % (node.module, alias.name)
                    if whole in linked or alias.name in names.get(node.module, ()):
                        count += 1
                        continue
                    # A part that this meter does not need, and never imports.
                    path = ROOT / whole.replace(".", "/")
                    missing = whole if path.with_suffix(".py").exists() else node.module
                    assert missing not in texts, (name, whole)
    assert count > 80


@pytest.mark.parametrize("meter", METERS)
def test_what_is_given_back_is_not_among_what_stays(meter):
    texts, values = tree(METER=meter)
    home = plan(texts, values).home
    given_back = set()
    for text in texts.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("free"):
                given_back |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    found = [name for name in texts
             if any(name == each or name.startswith(each + ".") for each in given_back)]
    assert len(found) > 15
    assert not [name for name in found if home.get(name) in (CORE, "firmware.app")]
    assert len([name for name in home.values() if name in (CORE, "firmware.app")]) > 25
