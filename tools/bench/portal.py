# uMeter - the set-up pages: bytes, load time in Chromium, heap while they are open
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import http.client
import re
import shutil
import tempfile
from pathlib import Path

from sim.launch import ROOT, VirtualBoard, interpreter
from sim.meters.multical import Multical
from sim.meters.server import Server
from tools import brokers, build, mpy, sim
from tools.assets import page_bytes
from tools.config import resolve
from tools.image import make_image
from tools.screenshots import QUIET

_KEY = "0123456789abcdeffedcba9876543210"  # only to measure with
_NETWORK = {"ssid": "Home", "password": "correct horse", "rssi": -58, "channel": 6}
_PAGES = ("/setup", "/style.css", "/app.js")
_HEAPS_KB = (90, 240)  # between these the smallest one is looked for

# main.py of the board: the app, and each 100 ms what is live on its heap. The fakes with their
# sockets, and what the chip has in its ROM, are counted out.
MAIN = """
import asyncio, gc, time, sys, json, binascii, hashlib, random, re, io
import machine, network, socket, esp, select, ssl, _thread
machine.UART, network.WLAN, machine.Counter, time.ticks_ms()
import _uart, _wires
gc.collect()
bare = gc.mem_alloc()
import config
print("bare", bare, gc.mem_free())
from firmware.app import App, Clock, Log
from firmware.board import Board
clock = Clock(time.ticks_ms, time.ticks_diff)
app = App(Board(config), clock, Log(clock))
gc.threshold(16384)

async def main():
    task = asyncio.create_task(app.main())
    while not task.done():
        await asyncio.sleep_ms(100)
        gc.collect()
        portal = app.setup.portal
        print("live", gc.mem_alloc() - bare, 1 if app.session.connected else 0,
              1 if portal else 0, 1 if portal and portal.busy else 0)
    await task

asyncio.run(main())
"""


def get(port, path, host="192.168.4.1", method="GET", form=None, headers=None):
    """(status, headers, body) of one request to the board."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request(method, path, form, {"Host": host, **(headers or {})})
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        link.close()


@contextlib.contextmanager
def surroundings(folder, **given):
    """(tree, world): a meter, a broker and a time server; the device knows its network."""
    meter = Server(Multical(live=False), tcp=("127.0.0.1", 0))
    with meter, brokers.mosquitto(folder) as broker:
        clock = sim.TimeServer()
        flags = {"KEY": _KEY, "WIFI_SSID": "Home", "WIFI_PASSWORD": "correct horse",
                 "BROKER": "127.0.0.1:%d" % broker, "NTP_SERVER": "127.0.0.1:%d" % clock.port,
                 **given}  # fmt: skip
        tree = Path(folder) / "device"
        build.build(resolve(flags, {}), mpy.host_arch(interpreter()), tree)
        try:
            yield tree, {"aps": [_NETWORK], "uart": {"1": "tcp:127.0.0.1:%d" % meter.port}}
        finally:
            clock.close()


def _live(board, connected, loaded, busy=0):
    """Bytes, as soon as the app is so."""
    pattern = r"live \d+ %d %d %d$" % (connected, loaded, busy)
    return int(board.wait_line(pattern, after=len(board.lines)).split()[1])


def _heap(rows):
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with surroundings(folder) as (tree, world):
            (tree / "main.py").write_text(MAIN)
            image = Path(folder) / "flash.img"
            make_image(tree, image)
            with VirtualBoard(image, world, "400k", ports=(80, 53)) as board:
                board.wait_line("setup: open")
                base = _live(board, 1, 0)
                rows.append(("app: KMP, AP, STA, MQTT, cron", base, "bytes", "with its code"))
                get(board.port(80), "/setup")
                loaded = _live(board, 1, 1)
                rows.append(("over it: the pages, waiting", loaded - base, "bytes", ""))
                get(board.port(80), "/setup")
                again = _live(board, 1, 1)
                rows.append(("over it: after the next page", again - base, "bytes", ""))


def serves(tree, world, folder, heap_kb):
    """Whether the whole app starts, reads, publishes and serves its pages in such a heap."""
    image = Path(folder) / ("flash-%d.img" % heap_kb)
    make_image(tree, image)
    board = VirtualBoard(image, world, "%dk" % heap_kb, ports=(80, 53))
    try:
        with board:
            board.wait_line("mqtt: connected", 15)
            board.wait_line("setup: open", 15)
            board.wait_line("time: ", 15)
            for _ in range(3):
                for path in (*_PAGES, "/networks.json", "/live", "/data.json"):
                    status, _, body = get(board.port(80), path)
                    if status != 200 or not body:
                        return False
            token = re.search(rb'name="token" value="(\w+)"', get(board.port(80), "/setup")[2])
            form = "token=%s&ssid=Home&hostname=cellar" % token.group(1).decode()
            head = {"Content-Type": "application/x-www-form-urlencoded"}
            if get(board.port(80), "/setup", method="POST", form=form, headers=head)[0] != 303:
                return False
            return get(board.port(80), "/live")[0] == 200 and not any(
                "MemoryError" in line or "no room" in line for line in board.lines
            )
    except (TimeoutError, OSError, http.client.HTTPException, AttributeError):
        return False


def _smallest(rows):
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with surroundings(folder) as (tree, world):
            low, high = _HEAPS_KB
            while high - low > 2:
                middle = (low + high) // 2
                if serves(tree, world, folder, middle):
                    high = middle
                else:
                    low = middle
    rows.append(("smallest heap that serves all that", high, "kB", "goal: 110"))


_MEASURE = """() => {
  const all = [...performance.getEntriesByType("navigation"),
               ...performance.getEntriesByType("resource")];
  return [all[0].loadEventEnd, all.reduce((sum, entry) => sum + entry.transferSize, 0),
          all.length];
}"""


def _visit(rows):
    """The set-up page in Chromium: time and bytes of a first visit."""
    program = shutil.which("chromium")
    if not program:
        rows.append(("page load", "-", "", "no chromium here"))
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with surroundings(folder) as (tree, world):
            image = Path(folder) / "flash.img"
            make_image(tree, image)
            with VirtualBoard(image, world, "300k", ports=(80, 53)) as board, \
                    sync_playwright() as playwright:  # fmt: skip
                board.wait_line("setup: open")
                rule = "--host-resolver-rules=MAP * 127.0.0.1:%d" % board.port(80)
                browser = playwright.chromium.launch(executable_path=program, args=[*QUIET, rule])
                for note in ("the first visitor, the code of the pages comes in", "the next one"):
                    page = browser.new_context().new_page()
                    page.goto("http://192.168.4.1/", wait_until="load")
                    page.wait_for_function("performance.timing.loadEventEnd > 0")
                    took, sent, files = page.evaluate(_MEASURE)
                    rows.append(("page load in Chromium", round(took), "ms", note))
                rows.append(("sent for it, headers too", sent, "bytes", "%d files" % files))
                browser.close()


def _bytes(rows):
    sizes = page_bytes(ROOT)
    for name in ("/setup", "/live", "/style.css", "/app.js"):
        rows.append((name, sizes[name], "bytes", "gz"))
    rows.append(("all pages and files", sum(sizes.values()), "bytes", "gz; goal: at most 20480"))


def run():
    """[(name, value, unit, note)] for make bench."""
    rows = []
    _bytes(rows)
    _visit(rows)
    _heap(rows)
    _smallest(rows)
    return rows
