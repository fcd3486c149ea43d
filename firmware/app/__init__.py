# uMeter - builds the parts from build flags and settings and starts their tasks
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import gc
import sys
import time
from binascii import hexlify
from micropython import const

import config
from firmware import overlay
from firmware.app.commands import add_commands, model
from firmware.app.heart import Heart
from firmware.app.meter import MeterTask, make_meter
from firmware.app.session import Session
from firmware.app.setup import Setup
from firmware.board import Board
from firmware.clock import Clock
from firmware.control.commands import MQTT, Commands
from firmware.control.reception import Reception
from firmware.control.replay import ReplayGuard
from firmware.crypto.envelope import Envelope
from firmware.crypto.keys import parse_key
from firmware.crypto.mac import HmacSha256
from firmware.log import Log
from firmware.net import topics
from firmware.net.access_point import AccessPoint
from firmware.net.publisher import Publisher
from firmware.net.resolver import Resolver
from firmware.net.time_keeper import TimeKeeper
from firmware.net.wifi import Wifi
from firmware.store.settings import Settings, state_rows

_RESTART_S = const(5)
_WINDOW_S = const(1800)  # how far ahead of the clock an accepted command may be dated
_GARBAGE = const(16384)  # bytes between two collections
_METER_S = const(600)  # the longest that a meter's task may stay away


class App:
    """The parts, by name; tasks start in main()."""

    def __init__(self, board, clock, log):
        self.board = board
        self.clock = clock
        self.log = log
        self.settings = Settings("/data/settings", _setting_rows, log)
        self.state = Settings("/data/state", state_rows, log)
        self.settings.on_flash_error = self.state.on_flash_error = self._flash_error
        self.valve = None
        self.publisher = Publisher(
            Envelope(parse_key(config.KEY)), clock, config.FLOW_METER, board.free_heap
        )
        if config.METER != "impulse":
            from firmware.app.valve import Valve

            self.valve = Valve(board, self.settings, self.state, clock, log, self.publisher.reply)
        self.heart = Heart(clock, log, board.feed_watchdog)
        self.heart.watch("meter", _METER_S)
        self.meter = MeterTask(
            make_meter(board, clock, log, self.settings), clock, log, self.settings, self.heart
        )
        self.meter.on_sample = self._sample
        if self.valve:
            self.meter.on_reading = self.valve.take
        self._add_network()
        self._add_control()

    def _add_network(self):
        self.resolver = Resolver()
        self.session = Session(self.settings, self.publisher, self.resolver, self.log)
        self.session.on_connect = self._greet
        self.session.on_message = self._receive
        self.wifi = Wifi(self.board, self.settings, self.state, self.clock, self.log)
        self.wifi.on_up = self.session.network_up
        self.wifi.on_scan = self._scanned
        self.access_point = AccessPoint(self.board.access_point(), self.log)
        self.setup = Setup(self)

    def _add_control(self):
        newest = self.state["high_water"]
        self.guard = ReplayGuard(newest)
        self.keeper = TimeKeeper(max(config.BUILD_TIME, newest - _WINDOW_S))
        self.reception = Reception(topics.parse_command, self.publisher.envelope, self.clock)
        self.commands = Commands()
        add_commands(self)
        self.cron = None
        if not config.NO_CRON:
            from firmware.app.cron import Cron

            self.cron = Cron(self)

    async def main(self):
        """Runs until a task fails."""
        self.log.event("app", "uMeter %s, %s" % (model(self), self.board.chip_id()))
        self.board.start_watchdog()
        tasks = [self.heart.run(), self.meter.run(), self.settings.run(), self.state.run(),
                 self.wifi.run(), self.setup.run(), self._keep_time()]  # fmt: skip
        if self.valve:
            tasks.append(self.valve.run())
        if self.cron:
            tasks.append(self.cron.run())
        if not self.settings["ssid"]:
            self.log.event("wifi", "no network is configured (WIFI_SSID)")
        await asyncio.gather(*tasks)

    def _sample(self, reading):
        new = reading.serial != self.publisher.serial
        self.session.identify(reading.serial)
        if new:
            self.extend()
        self.publisher.sample(reading)

    def _greet(self):
        names = ["version", "uptime", "reset_reason"]
        if self.valve:
            names.append("status")
        for name in names:
            self._run(name, b"")
        if self.cron:
            self.cron.tell()
        self.meter.sample_now()

    def _receive(self, topic, payload):
        message = self.reception.judge(topic, payload, topics.padded(self.publisher.serial))
        if message:
            self._obey(message)

    def _obey(self, message):
        """A message that is signed, ours and of today."""
        name = message.function
        if name not in self.commands:
            self.reception.refuse("unknown command")
            return
        if self.commands.changes(name):
            now = self.clock.now()
            try:
                self.guard.accept(message.mac, message.when, now)
            except ValueError as error:
                self.reception.refuse(error.args[0])
                return
            # Kept before anything happens: no reset makes this message new again.
            self.state.update({"high_water": self.guard.newest})
            self.state.save()
            self.keeper.raise_floor(min(message.when, now))
        self.log.event("command", name)
        self._run(name, message.text)

    def _run(self, name, text):
        for function, answer in self.commands.run(name, text, MQTT):
            self.publisher.reply(function, answer)

    def _scanned(self, networks):
        if self.setup.take_scan(networks):
            return  # nobody at the broker has asked
        from firmware.net.wifi_words import scan_text  # wifi loads it, and frees it

        for network in networks:
            self.publisher.reply("scan_result", scan_text(network))

    def _flash_error(self, calculated, saved):
        text = "calculated_crc=0x%08x&saved_crc=0x%08x" % (calculated, saved)
        self.publisher.reply("flash_error", text)

    def extend(self):
        """The extender's network as the settings want it; it needs the serial for its name."""
        serial = self.publisher.serial
        if self.setup.open:
            return  # one network at a time; the window's end asks again
        if not self.settings["ap"] or serial is None:
            self.access_point.stop()
            return
        password = self.settings["ap_password"] or self._extender_password()
        self.access_point.start("mesh-" + topics.padded(serial), password)

    def _extender_password(self):
        """16 hex digits that tell nothing about the key they are made of."""
        return hexlify(HmacSha256(parse_key(config.KEY)).mac(b"extender")[:8]).decode()

    async def _keep_time(self):
        while not self.wifi.connected:
            await asyncio.sleep_ms(200)
        from firmware.net.time_sync import TimeSync  # room for the set-up pages until here

        servers = [name.strip() for name in self.settings["ntp_servers"].split(",")]
        sync = TimeSync(self.clock, self.keeper, servers, self.resolver, self.log)
        sync.on_set = self._time_known
        await sync.run()

    def _time_known(self, unix):
        self.board.set_clock(unix)
        self.publisher.release()
        for message in self.reception.release():
            self._obey(message)


def _setting_rows():
    from firmware.store.schema import setting_rows

    rows = setting_rows(config)
    overlay.free("firmware.store.schema", "firmware.store.checks")
    return rows


def run():
    """Start; never returns. What escapes the app restarts the chip: a dead app helps nobody."""
    clock = Clock(time.ticks_ms, time.ticks_diff)
    log = Log(clock, config.DEBUG)
    board = Board(config)
    gc.collect()
    gc.threshold(_GARBAGE)  # else garbage fills the heap to its end, and leaves it in pieces
    try:
        asyncio.run(App(board, clock, log).main())
    except Exception as error:
        log.event("app", "failed")
        sys.print_exception(error)
        time.sleep(_RESTART_S)  # long enough to read it on the console, and for Ctrl-C
        board.restart()
