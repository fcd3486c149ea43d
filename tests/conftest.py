# uMeter - pytest: device tests run under MicroPython, one process for each function
# MIT license; Copyright (c) 2026 The uMeter authors

import ast
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.chance import SOAK, set_up_hypothesis
from tests.linked import linked_once
from tests.workers import workers
from tools import build

set_up_hypothesis()
# Ignored in what a shell starts in the background, and then in all that the tests start, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
MICROPYTHON = ROOT / "build" / "micropython"
DEVICE = ROOT / "tests" / "device"
WAITING = ("e2e", "web", "sim", "net", "tools")  # their tests wait for boards and brokers
HEADER_LINES = 10  # how far down `# heap:`, `# timeout:` and `# path:` are looked for


def header(source, key, default):
    """Value of a `# key: value` line near the top of a test file."""
    for line in source.splitlines()[:HEADER_LINES]:
        found = re.match(r"#\s*%s:\s*(.+)" % key, line)
        if found:
            return found.group(1).strip()
    return default


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """-n auto"""
    return workers()


def pytest_collection_modifyitems(items):
    """What waits begins first: other workers compute meanwhile, and help when they are done."""
    order = {name: number for number, name in enumerate(WAITING)}
    items.sort(key=lambda item: order.get(item.path.parent.name, len(order)))
    for item in items:
        # What else runs on the machine can starve a board or a browser, but hardly twice.
        if item.path.parent.name in WAITING and isinstance(item, pytest.Function) and not SOAK:
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=5))


class DeviceFile(pytest.File):
    def collect(self):
        source = self.path.read_text()
        for node in ast.parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if node.name.startswith("test_"):
                    yield DeviceTest.from_parent(
                        self, name=node.name, source=source, line=node.lineno
                    )


class DeviceTest(pytest.Item):
    def __init__(self, *, source, line, **kwargs):
        super().__init__(**kwargs)
        self.line = line
        self.heap = header(source, "heap", "400k")
        self.limit_s = int(header(source, "timeout", "300"))
        self.search = header(source, "path", "sim/board")
        self.add_marker(pytest.mark.timeout(self.limit_s + 30))

    def command(self):
        return [str(MICROPYTHON), "-X", "heapsize=" + self.heap, str(DEVICE / "_run.py"),
                str(self.path), self.name]

    def runtest(self):
        search = self.search.split(":") + ["build/umqtt", "."]
        folders = [ROOT / name for name in search]
        environment = dict(os.environ, MICROPYPATH=":".join(map(str, folders)) + ":.frozen")
        options = {"cwd": DEVICE, "env": environment, "timeout": self.limit_s, "text": True}
        try:
            done = subprocess.run(self.command(), stdin=subprocess.DEVNULL, capture_output=True,
                                  errors="replace", **options)
        except subprocess.TimeoutExpired as late:
            for stream in ("stdout", "stderr"):
                so_far = getattr(late, stream) or b""
                self.add_report_section("call", stream, so_far.decode(errors="replace"))
            raise
        self.add_report_section("call", "stdout", done.stdout)
        skipped = re.search(r"SKIP: *(.*)", done.stdout + done.stderr)
        if skipped:
            pytest.skip(skipped.group(1))
        if done.returncode:
            raise DeviceFailure(done)

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, DeviceFailure):
            done = excinfo.value.args[0]
            return "exit status %d\n%s" % (done.returncode, done.stderr)
        if isinstance(excinfo.value, subprocess.TimeoutExpired):
            late = excinfo.value
            return "not done after %d s" % late.timeout
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, self.line - 1, self.name


class DeviceFailure(Exception):
    """A test function that failed under MicroPython; holds the finished process."""


def pytest_pycollect_makemodule(module_path, parent):
    """CPython does not import the files in tests/device."""
    if module_path.parent == DEVICE:
        return DeviceFile.from_parent(parent, path=module_path)
    return None


@pytest.fixture(scope="session")
def micropython():
    """Path of the host's MicroPython."""
    if not MICROPYTHON.exists():
        pytest.fail("no build/micropython: make setup")
    return str(MICROPYTHON)


@pytest.fixture(scope="session", autouse=True)
def linker(tmp_path_factory):
    """Linking is the longest part of a build."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "link", linked_once(build.link, folder / "linked"))
        yield
