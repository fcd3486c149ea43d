# uMeter - makes the parts of the app and ties them together
# MIT license; Copyright (c) 2026 The uMeter authors

# Loaded at the start, and freed: no function of this file may be held by what it makes.

import config
from firmware.app.meter import MeterTask
from firmware.app.session import Session
from firmware.app.setup import Setup
from firmware.control.reception import Reception
from firmware.control.replay import ReplayGuard
from firmware.crypto.envelope import Envelope
from firmware.crypto.keys import parse_key
from firmware.net import topics
from firmware.net.access_point import AccessPoint
from firmware.net.lifeline import Lifeline
from firmware.net.publisher import Publisher
from firmware.net.resolver import Resolver
from firmware.net.time_keeper import TimeKeeper
from firmware.net.wifi import Wifi


def make_parts(app):
    """What app.main() runs; the valve comes first and is driven as the state says."""
    board, clock, log, settings = app.board, app.clock, app.log, app.settings
    envelope = Envelope(parse_key(config.KEY))
    app.publisher = Publisher(envelope, clock, config.FLOW_METER, board.free_heap)
    app.valve = app.panel = app.power = None
    if config.METER != "impulse":
        from firmware.app.valve import Valve

        app.valve = Valve(board, settings, app.state, clock, log, app.publisher.reply)
    app.meter = MeterTask(app.make_meter(), clock, log, settings, app.heart)
    app.meter.on_sample = app.publisher.sample
    app.meter.on_reading = app.read
    _add_network(app)
    _add_control(app)


def _add_network(app):
    clock, log = app.clock, app.log
    app.resolver = Resolver()
    app.session = Session(app.settings, app.publisher, app.resolver, log)
    app.session.on_connect = app.greet
    app.session.on_message = app.receive
    app.wifi = Wifi(app.board, app.settings, app.state, clock, log)
    app.wifi.on_up = app.network_up
    app.wifi.on_scan = app.scanned
    app.access_point = AccessPoint(app.board.access_point(), log)
    app.wifi.has_guests = app.access_point.has_guests
    app.setup = Setup(app)
    app.lifeline = Lifeline(app.session, app.wifi, clock, log)
    app.lifeline.is_busy = app.has_visitors
    if config.POWER_SAVE:
        from firmware.net.power import PowerSaver

        app.power = PowerSaver(app.board, app.session, app.wifi, clock, log)
        app.power.is_busy = app.shows_network
    if config.METER != "impulse":  # it would miss pulses [MeterLogger 8.7]
        app.lifeline.on_day = app.restart_offline


def _add_control(app):
    app.guard = ReplayGuard(app.state["high_water"])
    app.keeper = TimeKeeper(max(config.BUILD_TIME, app.state["clock_floor"]))
    app.reception = Reception(topics.parse_command, app.publisher.envelope, app.clock)
    if "led" in config.PINS or "button" in config.PINS:
        from firmware.app.panel import Panel

        app.panel = Panel(app)
