# uMeter - the table of parts against the imports: nothing is missing, nothing is there in vain
# MIT license; Copyright (c) 2026 The uMeter authors

import ast
import functools

import pytest

from tests.sources import ROOT, python_files, tree
from tests.tools.conftest import flags
from tools import parts
from tools.build import sources
from tools.config.flags import METERS

ROOTS = ("boot.py", "main.py")
CONFIGURATIONS = [
    (meter, arch, cron) for meter in METERS for arch in ("xtensawin", "bytecode")
    for cron in ("0", "1")
]  # fmt: skip


@functools.lru_cache(None)
def every_module():
    return {name_of(path): path for path in python_files("firmware")}


def name_of(path):
    parts_ = path.with_suffix("").parts
    return ".".join(parts_[:-1] if parts_[-1] == "__init__" else parts_)


def imported(node, known):
    """Modules of the firmware that an import statement loads, packages on the way included."""
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "relative imports are not followed"
        inner = [node.module + "." + alias.name for alias in node.names]
        names = [name if name in known else node.module for name in inner]
    for name in names:
        steps = name.split(".")
        for i in range(len(steps)):
            if ".".join(steps[: i + 1]) in known:
                yield ".".join(steps[: i + 1])


@functools.lru_cache(None)
def imports(path):
    """(modules imported whenever this one is, modules imported under some condition or later)"""
    module, known = tree(path), every_module()
    always = {name for node in module.body for name in imported(node, known)}
    every = {name for node in ast.walk(module) for name in imported(node, known)}
    return always, every - always


@pytest.mark.parametrize("meter, arch, no_cron", CONFIGURATIONS)
def test_what_is_imported_is_there(meter, arch, no_cron):
    known = every_module()
    config = flags(METER=meter, NO_CRON=no_cron)
    there = {name_of(path) for path in sources(config, arch)}
    for name in there:
        always, maybe = imports(known[name])
        assert always <= there, "%s imports %s" % (name, ", ".join(always - there))
        for other in maybe - there:
            module = known[other].relative_to("firmware").with_suffix("").as_posix()
            twin = module.endswith(("_fast", "_slow"))
            assert twin or parts.listed(module), "%s may import %s" % (name, other)


@pytest.mark.parametrize("meter, arch, no_cron", CONFIGURATIONS)
def test_what_is_there_is_imported(meter, arch, no_cron):
    if not (ROOT / "main.py").exists():
        pytest.skip("there is no main.py to begin with")
    known = every_module()
    there = {name_of(path) for path in sources(flags(METER=meter, NO_CRON=no_cron), arch)}
    reached, todo = set(), [path for path in python_files(*ROOTS)]
    while todo:
        always, maybe = imports(todo.pop())
        new = (always | maybe) & there - reached
        reached |= new
        todo += [known[name] for name in new]
    assert there == reached, "never imported: " + ", ".join(sorted(there - reached))


def test_every_meter_file_is_listed():
    for path in python_files("firmware/meters"):
        assert parts.listed(path.relative_to("firmware").with_suffix("").as_posix()), path


@pytest.mark.parametrize("power_save", ("0", "1"))
def test_power_saver_where_it_is_wanted(power_save):
    names = [path.stem for path in sources(flags(POWER_SAVE=power_save), "bytecode")]
    assert ("power" in names) == (power_save == "1")


def test_a_tree_has_one_meter():
    firsts = {"kmp": "kmp", "mc66c": "mc66", "impulse": "impulse", "han": "hdlc"}
    for meter in METERS:
        names = [path.stem for path in sources(flags(METER=meter), "bytecode")]
        for other, first in firsts.items():
            found = [name for name in names if name.startswith(first)]
            assert not found or meter in (other, {"mc66c": "mc66b", "han": "p1"}.get(other))
