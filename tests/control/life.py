# uMeter - lives of the app in virtual time: scripts for it, and what it did
# MIT license; Copyright (c) 2026 The uMeter authors

import functools
import os
import subprocess
import tempfile
from pathlib import Path

from firmware.crypto.keys import parse_key
from sim.launch import interpreter
from tools import build, mpy
from tools.config import resolve
from tools.keys import KeyRing

ROOT = Path(__file__).resolve().parent.parent.parent
START = 1792792800  # unix time at 0 ms; as in _life.py
KEY = "00112233445566778899aabbccddeeff"
SERIAL = "7210086"
SERVERS = ("ntp.one", "ntp.two")
KEYS = KeyRing({"*": parse_key(KEY)})
BUILD = START - 86400
LEFT_OPEN = "OSError: 28"  # the collector, of a file that a power cut left open


class Script:
    """Orders in the course of time; `now` is unix time by the truth."""

    def __init__(self):
        self.lines = []
        self.ms = 0

    @property
    def now(self):
        return START + self.ms // 1000

    def order(self, *words):
        self.lines.append("%d %s\n" % (self.ms, " ".join(map(str, words))))

    def wait(self, ms):
        self.ms += ms

    def message(self, topic, payload):
        """str or bytes, bytes: the broker hands it over."""
        topic = topic.encode() if isinstance(topic, str) else topic
        self.order("msg", topic.hex(), payload.hex())

    def time(self, *ahead):
        """Seconds that the servers are ahead of the truth, in the order of SERVERS."""
        self.order("time", *["%s=%d" % pair for pair in zip(SERVERS, ahead)])


def topic_of(when, function, serial=SERIAL):
    return "/config/v2/%s/%d/%s" % (serial, when, function)


def sealed(when, function, text=b"1", serial=SERIAL, keys=KEYS):
    """(topic, payload) of a command."""
    topic = topic_of(when, function, serial)
    return topic, keys.envelope(serial).seal(topic.encode(), text)


@functools.lru_cache(None)
def _tree(overrides):
    """Folder with the firmware as it goes on a device; removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="life-")
    given = {"KEY": KEY, "SERIAL": SERIAL, "NTP_SERVER": ",".join(SERVERS), **dict(overrides)}
    values = resolve(given, {})
    values["BUILD_TIME"] = BUILD
    build.build(values, mpy.host_arch(interpreter()), Path(folder.name) / "device", together=False)
    return folder


def run(script, folder, timeout=None, heap="400k", **overrides):
    """[(ms, kind, [word, ...])] of what happened."""
    (folder / "script").write_text("".join(script.lines) + "%d end\n" % script.ms)
    tree = Path(_tree(tuple(overrides.items())).name) / "device"
    places = (tree, ROOT / "sim" / "virtual", ROOT / "sim" / "board")
    environ = dict(os.environ, MICROPYPATH=":".join(map(str, places)) + ":.frozen")
    command = [interpreter(), "-X", "heapsize=" + heap, Path(__file__).with_name("_life.py")]
    with open(folder / "script") as orders:
        done = subprocess.run(command, stdin=orders, env=environ, cwd=folder, timeout=timeout,
                              capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    told = []
    for line in done.stdout.splitlines():
        if line == LEFT_OPEN:
            continue
        ms, _, rest = line.partition(" ")
        assert ms.isdigit(), done.stdout[-2000:]
        kind, *words = rest.split(" ")
        told.append((int(ms), kind, words))
    return told
