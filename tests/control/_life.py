# uMeter - the app without a network, in virtual time, as a script on stdin orders it
# MIT license; Copyright (c) 2026 The uMeter authors

# Runs under MicroPython (see life.py). Each line is "<ms since start> <order> ..."; what happens
# is printed as "<ms since start> <kind> ...". The app is the real one; what carries messages
# to it, the time servers and the meter are played by the script.

import asyncio
import errno
import gc
import json
import os
import sys
import time
from binascii import hexlify, unhexlify

import vfs
import world
from _flash import Flash, PowerCut, mount

import config
from firmware import overlay
from firmware.app import App, cron, session
from firmware.board import Board
from firmware.clock import Clock
from firmware.log import Log
from firmware.meters.errors import MeterTimeout
from firmware.net import sntp, wifi
from firmware.net.mqtt import Counters
from firmware.reading import Quantity, Reading

START = 1792792800  # unix time of the first millisecond
READ_MS = 1200  # a meter's exchange
ASK_MS = 20  # way to a time server and back

truth = Clock(time.ticks_ms, time.ticks_diff)
truth.set(START)


def tell(*words):
    print(truth.uptime_ms(), *words)


class Surroundings:
    """What the script sets: it outlives the device's resets."""

    def __init__(self):
        self.connected = False
        self.meter = True
        self.energy = Quantity(0, 0, "kWh")
        self.ahead = {}  # time server -> seconds that it is ahead of the truth


around = Surroundings()


class Chip(Flash):
    """Its writes may fail, all at once."""

    works = True
    left = -1  # so many writes are done yet; below zero: all
    gone = False  # the power: nothing is written any more

    def _cut(self):
        self.gone = True
        raise PowerCut

    def writeblocks(self, block, buf, offset=None):
        if self.gone:
            return
        if not self.works or self.left == 0:
            raise OSError(errno.EIO)
        self.left -= self.left > 0
        super().writeblocks(block, buf, offset)

    def ioctl(self, op, arg):
        if op == 6 and self.gone:
            return 0
        if op == 6 and (not self.works or self.left == 0):
            raise OSError(errno.EIO)
        return super().ioctl(op, arg)


spent = []  # chips that the collector still asks when it finds a file that was left open
IMAGE = os.getcwd() + "/flash.img"
flash = Chip(IMAGE, 64)


class Meter:
    push = False

    def __init__(self, clock):
        self._clock = clock

    async def read(self):
        uptime = self._clock.uptime()
        await asyncio.sleep_ms(READ_MS)
        if not around.meter:
            raise MeterTimeout("no reply")
        energy = around.energy
        tell("reading", energy.mantissa, energy.exponent, energy.unit)
        return Reading("kmp", config.SERIAL, uptime, {"energy_e1": energy})


async def ask_time(resolver, host, timeout_ms):
    await asyncio.sleep_ms(ASK_MS)
    if not around.connected or host not in around.ahead:
        raise OSError("no answer")
    unix_ms = (START + around.ahead[host]) * 1000 + truth.uptime_ms()
    tell("asked", host, unix_ms // 1000)
    return unix_ms


def free(*names):
    """All but what was changed here."""
    _free(*[name for name in names if not name.startswith(sntp.__name__)])


sntp.query = ask_time
_free, overlay.free = overlay.free, free
world.on_output = lambda pin, level: tell("pin", pin, level)


class Air(wifi.Wifi):
    @property
    def connected(self):
        return around.connected

    def reconnect(self):
        tell("reconnect")


class WatchedCron(cron.Cron):
    def _obey(self, name, text):
        tell("ran", name, "cron", text)
        return super()._obey(name, text)


class WatchedApp(App):
    no_room = ""  # a command for which there is no memory

    def _run(self, name, text):
        if name == self.no_room:
            raise MemoryError("made up")
        tell("ran", name, "mqtt", "")
        super()._run(name, text)

    def note(self, what):
        tell("noted", repr(what))


session.Session.restart = lambda self: None  # the script is the broker
wifi.Wifi = Air
cron.Cron = WatchedCron


class NoRoom:
    """In the place of a module for which there is no room."""

    def make_table(app):
        raise MemoryError("made up")

    late_delta = make_table


def publish(topic, payload):
    if b"/sample/" not in topic:
        tell("sent", topic.decode(), hexlify(payload).decode())


def make_app():
    clock = Clock(time.ticks_ms, time.ticks_diff)
    app = WatchedApp(Board(config), clock, Log(clock, write=lambda line: tell("log", line)))
    app.meter.meter = Meter(clock)
    app.publisher.send = publish
    return app


async def guard(task):
    try:
        await task
    except Exception as error:
        tell("failed", repr(error))
        sys.print_exception(error, sys.stdout)


def deliver(app, topic, payload):
    """As a broker would: who is not there gets nothing."""
    if not around.connected or app.publisher.serial is None:
        tell("lost")
        return
    tell("arrived", topic, payload[:64])
    app.session.on_message(unhexlify(topic), unhexlify(payload))


def fail(changes, origin):
    tell("tried")
    raise MemoryError("made up")


class Client:
    counters = Counters()
    connected = True


def make_facts(app, facts):
    for name in ("pings", "pongs", "ping_us"):
        setattr(Client.counters, name, facts[name])
    app.session.client = Client
    app.board.supply_mv = lambda: facts["supply_mv"]
    app.board.reset_reason = facts["reset_reason"]
    app.wifi.disconnects = facts["disconnects"]
    app.reception.rejected = facts["rejected"]


def obey(app, order, words):
    if order == "wire":
        around.connected = words[0] == "1"
    elif order == "meter":
        around.meter = words[0] == "1"
    elif order == "energy":
        around.energy = Quantity(int(words[0]), int(words[1]), words[2])
    elif order == "time":
        around.ahead = {w.split("=")[0]: int(w.split("=")[1]) for w in words}
    elif order == "msg":
        deliver(app, words[0], words[1])  # in hex: strangers write what they like
    elif order == "no_room":
        app.no_room = words[0]
    elif order == "no_module":
        sys.modules["firmware.app." + words[0]] = NoRoom
    elif order == "module_again":
        sys.modules.pop("firmware.app." + words[0], None)
    elif order == "broken":
        app.valve.obey = fail
    elif order == "facts":  # what hardware and broker tell, made up
        make_facts(app, json.loads(" ".join(words)))
    elif order == "greet":
        app.greet()
    elif order == "identify":
        app.session.identify(config.SERIAL)
    elif order == "flash":
        flash.works, flash.left = words[0] == "1", -1
    elif order == "flash_left":  # so many writes, then it is broken
        flash.left = int(words[0])
    elif order == "cut_at":  # the power fails in the middle of that write from now on
        flash.cut_at = flash.count + int(words[0])
    elif order == "heap":
        scrub(30)
        gc.collect()
        tell("heap", gc.mem_alloc())
    elif order == "writes":
        tell("writes", app.state.generation)
    elif order == "state":
        names = ("valve", "limit", "high_water", "clock_floor")
        values = {name: app.state[name] for name in names}
        values["ssid"] = app.settings["ssid"]
        values["jobs"] = app.settings["cron_jobs"]
        values["listed"] = app.cron.runner.texts()
        values["other"] = [app.settings[name] for name in ("ap", "fallback_ssid", "networks")]
        values["now"] = app.clock.now()
        values["rejected"] = app.reception.rejected
        tell("state", json.dumps(values))
    elif order == "table":
        for row in make_app().commands.rows():
            tell("row", row.name, int(bool(row.changes)), row.origins)
    else:
        raise ValueError(order)


def scrub(depth):
    """Overwrites the C stack: what lies there takes the collector for references."""
    return scrub(depth - 1) if depth else None


def next_line():
    """(ms, order, words); None at the end."""
    line = sys.stdin.readline()
    if not line:
        return None
    words = line.rstrip("\n").split(" ")
    return int(words[0]), words[1], words[2:]


async def live():
    """One life of the device, from boot to the next power cut. False: that was the last."""
    app = make_app()
    for task in (app.meter.run(), app.settings.run(), app.state.run(), app.valve.run(),
                 app._keep_time()):  # fmt: skip
        asyncio.create_task(guard(task))
    if app.settings["cron_jobs"]:
        app.run_cron()
    while True:
        line = next_line()
        if line is None:
            return False
        ms, order, words = line
        if ms > truth.uptime_ms():
            await asyncio.sleep_ms(ms - truth.uptime_ms())
        if order == "end":
            return False
        if order == "cut":
            tell("cut")
            return True
        obey(app, order, words)


def main():
    global flash
    vfs.mount(mount(flash), "/data")
    more = True
    while more:
        line = next_line()
        while line and line[1] not in ("boot", "end"):
            if line[1] != "cut":  # it was, in the middle of a write
                obey(None, line[1], line[2])
            line = next_line()
        if line is None or line[1] == "end":
            return
        time.sleep_ms(line[0] - truth.uptime_ms())
        tell("boot")
        asyncio.new_event_loop()  # nothing of the life before goes on
        gc.collect()
        flash.cut_at = 0
        try:
            more = asyncio.run(live())
        except PowerCut:
            tell("cut")
            spent.append(flash)
            vfs.umount("/data")
            flash = Chip(IMAGE)
            vfs.mount(mount(flash), "/data")


main()
