# uMeter - static checks: style, layers, sizes, exact numbers
# MIT license; Copyright (c) 2026 The uMeter authors

import ast
import re
import subprocess
import warnings

import pytest

from tests.sources import ROOT, device_files, python_files, tree

VENV = ROOT / ".venv" / "bin"
OURS = python_files("firmware", "sim", "tools", "boot.py", "main.py")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
GOAL_FILE, MOST_FILE = 250, 300  # lines
GOAL_FUNCTION, MOST_FUNCTION = 40, 60


def run(*command):
    done = subprocess.run([str(VENV / command[0]), *command[1:]], cwd=ROOT, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff():
    run("ruff", "check", "--output-format=concise", ".")


def test_layers():
    run("lint-imports", "--no-cache")


@pytest.mark.parametrize("path", OURS, ids=str)
def test_files_and_functions_are_short(path):
    lines = len((ROOT / path).read_text().splitlines())
    assert lines <= MOST_FILE, f"{path}: {lines} lines"
    if lines > GOAL_FILE:
        warnings.warn(f"{path}: {lines} lines, goal is {GOAL_FILE}", stacklevel=1)
    for node in ast.walk(tree(path)):
        if isinstance(node, FUNCTION):
            length = node.end_lineno - node.lineno + 1
            place = f"{path}:{node.lineno}: {node.name} has {length} lines"
            assert length <= MOST_FUNCTION, place
            if length > GOAL_FUNCTION:
                warnings.warn(f"{place}, goal is {GOAL_FUNCTION}", stacklevel=1)


def test_every_file_says_what_it_is():
    for path in python_files("firmware", "sim", "tools", "tests", "boot.py", "main.py"):
        head = (ROOT / path).read_text().splitlines()[:3]
        if head and head[0].startswith("#!"):
            head = head[1:]
        assert not head or head[0].startswith("# uMeter - ") and "MIT license" in head[1], path


def test_only_board_knows_hardware():
    for path in device_files():
        if path.name == "board.py":
            continue
        for node in ast.walk(tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            assert not {"machine", "network", "esp32"} & set(names), f"{path}:{node.lineno}"


def test_no_float_in_the_firmware():
    # The chip's floats have 24 bits: no counter, limit or time survives them.
    for path in device_files():
        for node in ast.walk(tree(path)):
            inexact = (
                isinstance(node, ast.Constant) and isinstance(node.value, float)
                or isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div)
                or isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float"
            )
            assert not inexact, f"{path}:{node.lineno}: float"


def test_constants_stand_alone():
    # mpy-cross folds `_A = const(1)` away, but keeps `_A, _B = const(1), const(2)` in the heap.
    for path in device_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
                parts = [getattr(part, "func", None) for part in node.value.elts]
                calls = [getattr(part, "id", "") for part in parts]
                assert "const" not in calls, f"{path}:{node.lineno}"


def test_decoders_run_on_both_engines():
    for path in python_files("tools/decode"):
        for node in ast.walk(tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in names:
                known = name.split(".")[0] in ("json", "binascii", "sys", "firmware", "tools")
                assert known, f"{path}:{node.lineno}: {name}"


def test_no_registry_host_names():
    hosts = re.compile(r"\b(deb\.debian|pypi|npmjs|pythonhosted)\.(org|com)\b", re.I)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        file = ROOT / name
        if file.is_file():
            found = hosts.search(file.read_text(errors="replace"))
            assert not found, f"{name}: {found.group(0)}"
