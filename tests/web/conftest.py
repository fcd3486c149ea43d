# uMeter - a simulated board with its set-up pages, and a browser to use them
# MIT license; Copyright (c) 2026 The uMeter authors

import http.client
import re
import shutil
from pathlib import Path

import pytest

from sim.launch import VirtualBoard, interpreter
from sim.meters.multical import Multical
from sim.meters.server import Server
from tools import brokers, build, mpy, sim
from tools.config import resolve
from tools.image import make_image

KEY = "0123456789abcdef0123456789abcdef"
NEIGHBOUR = 'Neighbour <b>&"x"'  # a name that wants to be markup
NETWORKS = [
    {"ssid": "Home", "password": "correct horse", "rssi": -58, "channel": 6},
    {"ssid": NEIGHBOUR, "password": "not ours to know", "rssi": -80},
    {"ssid": "Cafe", "rssi": -71},
    {"ssid": "Cellar", "password": "hidden horse", "rssi": -66, "hidden": True},
]
# Else it looks up its maker's hosts at every start.
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update")  # fmt: skip


NEAR, FAR = "127.0.0.1", "127.0.0.5"  # a phone in the set-up network, a neighbour in the station's
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask(board, path, form=None, far=False, host="192.168.4.1", method=None, headers=()):
    """(status, headers, body) of one request."""
    link = http.client.HTTPConnection("127.0.0.1", board.port(80), timeout=90,
                                      source_address=(FAR if far else NEAR, 0))  # fmt: skip
    try:
        sent = {"Host": host, **(FORM if form is not None else {}), **dict(headers)}
        link.request(method or ("GET" if form is None else "POST"), path, form, sent)
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
    finally:
        link.close()


def token_of(page):
    return re.search('name="token" value="([0-9a-f]+)"', page).group(1)


@pytest.fixture(scope="session")
def trees(tmp_path_factory, micropython):
    """f(METER=..., ...) -> folder with a compiled tree; each made once."""
    made = {}

    def tree(**given):
        key = tuple(sorted(given.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("tree")
            values = resolve({"KEY": KEY, **given}, {})
            build.build(values, mpy.host_arch(interpreter()), folder / "device")
            made[key] = folder / "device"
        return made[key]

    return tree


@pytest.fixture
def board(trees, tmp_path, request):
    """f(METER=..., heap=, world=, ...) -> running VirtualBoard with ports 80 and 53."""
    boards = []

    def start(heap="180k", world=None, **given):
        image = tmp_path / "flash.img"
        make_image(trees(**given), image, keep=image if image.exists() else None)
        world = {"aps": NETWORKS, "scan_ms": 200, **(world or {})}
        made = VirtualBoard(image, world, heap, ports=(80, 53))
        boards.append(made)
        return made.start()

    yield start
    for made in boards:
        print("\n".join(made.lines))
        made.close()


@pytest.fixture
def multical():
    with Server(Multical(serial=7013412, seed=1), tcp=("127.0.0.1", 0)) as server:
        yield {"uart": {"1": "tcp:127.0.0.1:%d" % server.port}}


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    with brokers.mosquitto(tmp_path_factory.mktemp("broker")) as port:
        yield port


@pytest.fixture(scope="session")
def clock():
    """A time server; what the device calls NTP_SERVER."""
    server = sim.TimeServer()
    yield "127.0.0.1:%d" % server.port
    server.close()


@pytest.fixture(scope="module")
def chromium():
    """f(board) -> a browser that finds every host of the web on this board.

    Not for the session: a process has one Playwright at a time, and others want it, too.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("no chromium here: make setup installs it on Debian")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browsers = []

        def start(board):
            rule = "--host-resolver-rules=MAP * 127.0.0.1:%d" % board.port(80)
            browsers.append(playwright.chromium.launch(executable_path=program,
                                                       args=[*QUIET, rule]))  # fmt: skip
            return browsers[-1]

        yield start
        for browser in browsers:
            browser.close()


def axe():
    """Source of axe-core."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
