# uMeter - the whole firmware when something around it is wrong: said once, then mended by itself
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import os
import subprocess
import time

import pytest
from mosquitto import Listener, Mosquitto, wait_until

from firmware.crypto.keys import parse_key
from sim.launch import ROOT, VirtualBoard, interpreter
from sim.meters.multical import Multical
from sim.meters.server import Server
from tools import build, mpy, sim
from tools.image import make_image
from tools.keys import KeyRing

KEY = "00112233445566778899aabbccddeeff"
LATER_S = 60  # for what has to mend itself


@pytest.fixture
def world(tmp_path, micropython):
    """start(broker's port, flags) -> VirtualBoard; image(path) may change its flash before."""
    with contextlib.ExitStack() as stack:
        clock = stack.enter_context(contextlib.closing(sim.TimeServer()))

        def start(port, image=None, meter=None, **more):
            given = {"KEY": KEY, "INTERVAL": "2", **more}
            if meter is None:
                given["DEBUG_NO_METER"] = "1"
            flags = sim.flags(given, {}, "127.0.0.1:%d" % port, clock.port, tmp_path)
            tree = tmp_path / "device"
            build.build(flags, mpy.host_arch(interpreter()), tree)
            flash = tmp_path / "flash.img"
            make_image(tree, flash)
            if image:
                image(flash)
            around = {"aps": [{"ssid": "virtual", "password": "", "rssi": -61}]}
            if meter:
                server = stack.enter_context(Server(meter, tcp=("127.0.0.1", 0)))
                around["uart"] = {str(flags["UART_ID"]): "tcp:127.0.0.1:%d" % server.port}
            return stack.enter_context(VirtualBoard(flash, around))

        yield start


def said(board, text):
    return [line for line in board.lines if text in line]


def test_the_broker(world, tmp_path):
    """Away; wants another password; is mended; dies; comes back."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "meter", "right"], check=True,
                   capture_output=True)
    broker = Mosquitto(tmp_path, "allow_anonymous false", "password_file %s" % passwords,
                       "user root")
    board = world(broker.port, MQTT_USER="meter", MQTT_PASSWORD="wrong")
    with contextlib.closing(Stopper(broker)):
        board.wait_line("no link to .* ECONNREFUSED")
        broker.start()
        board.wait_line("no link to .* refused: not authorised", LATER_S)
        broker.stop()
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), "meter", "wrong"], check=True,
                       capture_output=True)
        broker.start()
        board.wait_line("mqtt: connected", LATER_S)
        listener = Listener(broker.port, login=("meter", "wrong"))
        wait_until(lambda: listener.payloads("/sample"), "no sample")
        listener.stop()
        before = len(board.lines)
        broker.stop()
        board.wait_line("no link to", after=before)
        broker.start()
        board.wait_line("mqtt: connected", LATER_S, after=before)
    links = [line.split("mqtt: ")[1] for line in said(board, "mqtt: ")]
    first = links.index("connected to 127.0.0.1:%d" % broker.port)
    for outage in links[:first], links[first + 1 : -1]:
        assert 1 <= len(outage) <= 3 and len(set(outage)) == len(outage), links
    assert links[first] == links[-1] and links.count(links[-1]) == 2
    assert board.resets == 0 and not said(board, "wifi: no"), board.lines


class Stopper:
    def __init__(self, broker):
        self.close = broker.stop


class Line(Multical):
    """A meter whose line can be cut, or carry nothing but noise."""

    def __init__(self):
        super().__init__(answer_ms=5)
        self.state = "cut"

    def feed(self, data, now_ms):
        if self.state == "cut":
            return []
        if self.state == "noise":
            return [(5, os.urandom(40))] if data.endswith(b"\r") else []
        return super().feed(data, now_ms)


def test_the_meter(world, tmp_path):
    """Silent from the start; speaks; drowns in noise; speaks."""
    meter = Line()
    board = world(1, meter=meter, INTERVAL="1")
    board.wait_line("meter: no reading: the meter is silent", LATER_S)
    meter.state = "good"
    board.wait_line("meter: reading 7210086", LATER_S)
    before = len(board.lines)
    meter.state = "noise"
    board.wait_line("meter: no reading", LATER_S, after=before)
    meter.state = "good"
    before = len(board.lines)
    board.wait_line("meter: reading 7210086", LATER_S, after=before)
    states = [line.split(": ", 1)[1] for line in said(board, " meter: ")]
    kinds = [state.split(":")[0] for state in states]
    assert kinds == ["no reading", "reading 7210086"] * 2, states
    assert board.resets == 0


FILL = """
import sys
import _flash

fs = _flash.mount(_flash.Flash(sys.argv[1], 512, 0, None))
try:
    fs.mkdir("/data")
except OSError:
    pass
for name in ("settings", "state"):
    with fs.open("/data/" + name, "wb") as file:
        file.write(bytes(range(256)))
for size in (131072, 4096, 64, 1):  # small files live in the blocks of their folder
    try:
        for n in range(5000):
            with fs.open("/data/filler%d-%d" % (size, n), "wb") as file:
                file.write(bytes(size))
    except OSError as error:
        print(size, n, error)
"""


def damage(flash):
    """Settings that are noise, and no room for others."""
    path = ":".join((str(ROOT / "sim" / "board"), ".frozen"))
    script = flash.with_name("fill.py")
    script.write_text(FILL)
    done = subprocess.run([interpreter(), script, flash], env={"MICROPYPATH": path},
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0 and done.stdout.count("\n") == 4, done.stdout + done.stderr


def test_the_flash(world, tmp_path):
    """Settings that are no settings, and no room to keep new ones: it serves all the same."""
    broker = Mosquitto(tmp_path).start()
    with contextlib.closing(Stopper(broker)):
        board = world(broker.port, image=damage)
        board.wait_line("settings: /data/settings is damaged")
        board.wait_line("state: /data/state is damaged")
        board.wait_line("mqtt: connected", LATER_S)
        listener = Listener(broker.port)
        for n, name in enumerate((b"first", b"second", b"third")):
            command(listener, "/config/v2/9999999/%d/set_ap_mesh_pwd" % (time.time() + n),
                    name + b" password")
        board.wait_line("state: cannot save", LATER_S)
        wait_until(lambda: len(listener.payloads("/set_ap_mesh_pwd")) == 3, board.lines)
        count = len(listener.payloads("/sample"))
        wait_until(lambda: len(listener.payloads("/sample")) >= count + 2, board.lines)
        listener.stop()
    assert not said(board, "settings: cannot save")  # nothing is obeyed that would be forgotten
    assert len(said(board, "state: cannot save")) == 1, board.lines
    assert board.resets == 0


def command(listener, topic, text):
    envelope = KeyRing({"*": parse_key(KEY)}).envelope("9999999")
    listener.client.publish(topic, envelope.seal(topic.encode(), text), 1)
