# uMeter - builds the parts from build flags and settings and starts their tasks
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import gc
import sys
import time
from micropython import const

import config
from firmware.app.commands import add_commands, model
from firmware.app.heart import Heart
from firmware.app.meter import MeterTask, make_meter
from firmware.app.session import Session
from firmware.board import Board
from firmware.clock import Clock
from firmware.control.commands import Commands
from firmware.control.reception import Reception
from firmware.crypto.envelope import Envelope
from firmware.crypto.keys import parse_key
from firmware.log import Log
from firmware.net import topics
from firmware.net.publisher import Publisher
from firmware.net.resolver import Resolver
from firmware.net.time_keeper import TimeKeeper
from firmware.net.time_sync import TimeSync
from firmware.net.wifi import Station
from firmware.store.schema import setting_rows, state_rows
from firmware.store.settings import Settings

_RESTART_S = const(5)
_METER_S = const(600)  # the longest that a meter's task may stay away


class App:
    """The parts, by name; tasks start in main()."""

    def __init__(self, board, clock, log):
        self.board = board
        self.clock = clock
        self.log = log
        self.settings = Settings("/data/settings", setting_rows(config), log)
        self.state = Settings("/data/state", state_rows(), log)
        self.heart = Heart(clock, log, board.feed_watchdog)
        self.heart.watch("meter", _METER_S)
        self.meter = MeterTask(
            make_meter(board, clock, log, self.settings), clock, log, self.settings, self.heart
        )
        self.meter.on_sample = self._sample
        self.envelope = Envelope(parse_key(config.KEY))
        self.publisher = Publisher(self.envelope, clock, config.FLOW_METER, board.free_heap)
        self.reception = Reception(topics.parse_command, self.envelope, clock)
        self.resolver = Resolver()
        self.session = Session(self.settings, self.publisher, self.resolver, log)
        self.session.on_connect = self._greet
        self.session.on_message = self._receive
        self.keeper = TimeKeeper(config.BUILD_TIME)
        self.wifi = Station(
            board.station(), self.settings["ssid"], self.settings["password"], log
        )
        self.wifi.on_up = self.session.network_up
        self.commands = Commands()
        add_commands(self)

    async def main(self):
        """Runs until a task fails."""
        self.log.event("app", "uMeter %s, %s" % (model(self), self.board.chip_id()))
        self.board.start_watchdog()
        tasks = [self.heart.run(), self.meter.run(), self.settings.run(), self.state.run()]
        if self.settings["ssid"]:
            tasks += [self.wifi.run(), self._keep_time()]
        else:
            self.log.event("wifi", "no network is configured (WIFI_SSID)")
        await asyncio.gather(*tasks)

    def _sample(self, reading):
        self.session.identify(reading.serial)
        self.publisher.sample(reading)

    def _greet(self):
        for name in ("version", "uptime", "reset_reason"):
            self.publisher.reply(name, self.commands.run(name, b""))
        self.meter.sample_now()

    def _receive(self, topic, payload):
        message = self.reception.judge(topic, payload, topics.padded(self.publisher.serial))
        if message is None:
            return
        function, text = message
        if function not in self.commands:
            self.log.event("command", "unknown: " + function)
            return
        self.log.event("command", function)
        answer = self.commands.run(function, text)
        if answer is not None:
            self.publisher.reply(function, answer)

    async def _keep_time(self):
        while not self.wifi.connected:
            await asyncio.sleep_ms(200)
        servers = [name.strip() for name in self.settings["ntp_servers"].split(",")]
        sync = TimeSync(self.clock, self.keeper, servers, self.resolver, self.log)
        sync.on_set = self._time_known
        await sync.run()

    def _time_known(self, unix):
        self.board.set_clock(unix)
        self.publisher.release()


def run():
    """Start; never returns. What escapes the app restarts the chip: a dead app helps nobody."""
    clock = Clock(time.ticks_ms, time.ticks_diff)
    log = Log(clock, config.DEBUG)
    board = Board(config)
    gc.collect()
    try:
        asyncio.run(App(board, clock, log).main())
    except Exception as error:
        log.event("app", "failed")
        sys.print_exception(error)
        time.sleep(_RESTART_S)  # long enough to read it on the console, and for Ctrl-C
        board.restart()
