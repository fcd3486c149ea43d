# uMeter - the console of builds with DEBUG=1: keys for those who look into a device
# MIT license; Copyright (c) 2026 The uMeter authors

# The keys are MeterLogger's (section 9.6, DEBUG). A line that begins with a colon is a command
# of the command table, as in ":set_ssid home".

import asyncio
import gc
import select
import sys
from micropython import const

_SERIAL = const(8)  # control.commands.SERIAL
_LOOK_MS = const(100)
_MOST = const(512)  # characters of a command
_ENDS = "\r\n"
_RUBOUT = "\x08\x7f"


class Console:
    def __init__(self, app):
        self._app = app
        self._typed = select.poll()
        self._typed.register(sys.stdin, select.POLLIN)
        self._line = None  # a command as far as it was typed
        self._keys = {
            "?": self._help, "m": self._sample, "c": self._channel, "C": self._credentials,
            "i": self._addresses, "k": self._heap, "r": self._restart_radio, "s": self._scan,
            "u": self._time, "q": self._queue, "R": self._crash,
        }  # fmt: skip

    async def run(self):
        """For ever."""
        self._help()
        while True:
            while self._typed.poll(0):
                self._take(chr(sys.stdin.buffer.read(1)[0]))
            await asyncio.sleep_ms(_LOOK_MS)

    def _take(self, key):
        if self._line is None:
            if key == ":":
                self._line = ""
                print(":", end="")
            elif key in self._keys:
                self._keys[key]()
        elif key in _ENDS:
            line, self._line = self._line, None
            print()
            self._obey(line)
        elif key in _RUBOUT:
            self._line = self._line[:-1]
            print("\x08 \x08", end="")
        elif len(self._line) < _MOST:
            self._line += key
            print("*" if "pwd" in self._line else key, end="")  # a console may be logged

    def _obey(self, line):
        name, _, text = line.partition(" ")
        commands = self._app.commands
        if name not in commands:
            print("no command " + name)
            return
        for function, answer in commands.run(name, text.encode(), _SERIAL):
            print("%s: %s" % (function, answer))

    def _help(self):
        print("keys: m sample, c channel, C credentials, i addresses, k heap, r restart Wi-Fi, "
              "s scan, u time, q queue, R crash; :name text Enter is a command")  # fmt: skip

    def _sample(self):
        """The next one comes at once, and is published."""
        latest = self._app.meter.latest
        if latest:
            for name, value in latest.values.items():
                print(name, value)
        self._app.meter.sample_now()

    def _channel(self):
        try:
            print("channel", self._app.board.station().config("channel"))
        except (OSError, RuntimeError) as error:
            print(error)  # the radio is off

    def _credentials(self):
        """Which, and how long; no secret is printed."""
        settings = self._app.settings
        for ssid, password in ("ssid", "password"), ("fallback_ssid", "fallback_password"):
            print("%s, password of %d" % (settings[ssid], len(settings[password])))

    def _addresses(self):
        print("station", self._app.board.station().ifconfig())
        print("access point", self._app.board.access_point().ifconfig())

    def _heap(self):
        gc.collect()
        print("heap: %d used, %d free" % (gc.mem_alloc(), gc.mem_free()))

    def _restart_radio(self):
        self._app.wifi.restart()

    def _scan(self):
        wifi = self._app.wifi
        before = wifi.on_scan

        def show(networks):
            wifi.on_scan = before
            for network in networks:
                print(network[0], network[3], "dBm, channel", network[2])

        wifi.on_scan = show
        wifi.request_scan()

    def _time(self):
        clock = self._app.clock
        print("uptime %d s, time %d" % (clock.uptime(), clock.now()))

    def _queue(self):
        client = self._app.session.client
        print("queue:", len(client.outbox) if client else "no session")

    def _crash(self):
        raise RuntimeError("asked for at the console")
