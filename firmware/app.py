# uMeter - builds the parts from the configuration and starts their tasks
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import gc
import sys
import time
from micropython import const

import config
from firmware.board import Board
from firmware.clock import Clock
from firmware.control.commands import Commands
from firmware.control.reception import Reception
from firmware.crypto.envelope import Envelope
from firmware.crypto.keys import parse_key
from firmware.log import Log
from firmware.meters.errors import MeterError
from firmware.net import topics
from firmware.net.mqtt import MqttClient
from firmware.net.publisher import Publisher
from firmware.net.resolver import Resolver
from firmware.net.time_keeper import TimeKeeper
from firmware.net.time_sync import TimeSync
from firmware.net.wifi import Station

_BEAT_S = const(2)
_RESTART_S = const(5)
_SILENT_S = const(600)  # a meter task that did not turn round for so long is stuck
_CONNECT_SAMPLE_MS = const(1100)  # after a connect; the line then rests from the exchange before


def make_meter(board, clock, log):
    """The configured meter; the others' modules are not even on the device."""
    if config.METER == "kmp":
        from firmware.meters.kmp_meter import KmpMeter
        from firmware.meters.line import Line

        line = Line(board.uart(1200, 8, None, 2), 1200, 8, None, 2)
        return KmpMeter(line, clock, flow_meter=config.FLOW_METER)
    if config.METER in ("mc66c", "mc66b"):
        from firmware.meters.line import Line
        from firmware.meters.mc66_meter import Mc66Meter

        line = Line(board.uart(300, 7, 0, 1), 300, 7, 0, 1)
        return Mc66Meter(line, clock, config.METER[2:])
    if config.METER in ("han", "p1"):
        return make_push_meter(board, clock)
    if config.METER == "impulse":
        from firmware.meters.impulse_meter import ImpulseMeter
        from firmware.store.tally import Tally

        return ImpulseMeter(
            board.pulse_counter(),
            Tally("/data/pulses", log),
            clock,
            config.SERIAL,
            config.PULSES_PER_UNIT,
            config.READING * 1000,
            config.FLOW_METER,
        )
    if config.METER == "none":
        from firmware.meters.synthetic import SyntheticMeter

        return SyntheticMeter(clock, config.SERIAL)
    raise ValueError("METER: %s is not supported" % config.METER)


def make_push_meter(board, clock):
    from firmware.meters.han_meter import HanMeter
    from firmware.meters.line import Line

    baudrate = 115200 if config.METER == "p1" else 2400
    line = Line(board.uart(baudrate, 8, None, 1), baudrate, 8, None, 1)
    encryption, authentication = config.HAN_ENCRYPTION_KEY, config.HAN_AUTHENTICATION_KEY
    return HanMeter(
        line,
        clock,
        parse_key(encryption) if encryption else None,
        parse_key(authentication) if authentication else None,
    )


class App:
    def __init__(self, board, clock, log):
        self.board = board
        self.clock = clock
        self.log = log
        self.meter = make_meter(board, clock, log)
        self.envelope = Envelope(parse_key(config.KEY))
        self.publisher = Publisher(self.envelope, clock, config.FLOW_METER, board.free_heap)
        self.reception = Reception(topics.parse_command, self.envelope, clock)
        self.commands = Commands()
        self.resolver = Resolver()
        self.keeper = TimeKeeper(config.BUILD_TIME)
        self.station = Station(board.station(), config.WIFI_SSID, config.WIFI_PASSWORD, log)
        self.station.on_up = self._network_up
        self.mqtt = None  # from when the serial is known, which its topics need
        self._sample_now = asyncio.Event()
        self._meter_turn = 0  # uptime at which the meter's task last came round
        self._session = None
        self._add_commands()

    def _add_commands(self):
        add = self.commands.add
        add("ping", lambda text: "")
        add("version", lambda text: self._version())
        add("uptime", lambda text: str(self.clock.uptime()))
        add("reset_reason", lambda text: self._reset_reason())
        if config.METER == "impulse":
            add("save", self._save)
        add("mem", lambda text: "heap=%d" % self.board.free_heap())

    def _save(self, text):
        self.meter.save()
        return "saved"

    def _version(self):
        return "%s-%s-%s" % (self.board.platform(), config.VERSION, config.MODEL)

    def _reset_reason(self):
        # The exception registers of the ESP8266 have no like here; servers read the reason.
        text = "reason=%d&exccause=0" % self.board.reset_reason
        for register in ("epc1", "epc2", "epc3", "excvaddr", "depc"):
            text += "&%s=0x00000000" % register
        return text

    async def main(self):
        self.log.event("app", "uMeter %s, %s" % (self._version(), self.board.chip_id()))
        self.board.start_watchdog()
        tasks = [self._supervise(), self._read_meter()]
        if config.WIFI_SSID:
            tasks += [self.station.run(), self._keep_time()]
        else:
            self.log.event("wifi", "no network is configured (WIFI_SSID)")
        await asyncio.gather(*tasks)

    async def _supervise(self):
        while True:
            if self.clock.uptime() - self._meter_turn < _SILENT_S:
                self.board.feed_watchdog()
            else:
                self.log.state("app", "the meter's task is stuck")
            await asyncio.sleep(_BEAT_S)

    async def _read_meter(self):
        said = -config.INTERVAL  # uptime of the last sample
        while True:
            self._meter_turn = self.clock.uptime()
            try:
                reading = await self.meter.read()
            except MeterError as error:
                self.log.state("meter", "no reading: %s" % error)
            else:
                if not self.meter.push or self._is_due(reading, said):
                    said = reading.uptime
                    self._sample_now.clear()
                    self._take(reading)
            if not self.meter.push:
                await self._pause(config.INTERVAL - (self.clock.uptime() - self._meter_turn))

    def _is_due(self, reading, said):
        return self._sample_now.is_set() or reading.uptime - said >= config.INTERVAL

    def _take(self, reading):
        if reading.serial is None:
            self.log.state("meter", "a reading, but the meter has not told its name yet")
            return
        self.log.state("meter", "reading %s" % reading.serial)
        for note in reading.notes:
            self.log.state("note", note)
        self._identify(reading.serial)
        self.publisher.sample(reading)
        gc.collect()

    async def _pause(self, seconds):
        self._sample_now.clear()
        try:
            await asyncio.wait_for(self._sample_now.wait(), max(seconds, 1))
        except asyncio.TimeoutError:
            return
        await asyncio.sleep_ms(_CONNECT_SAMPLE_MS)

    def _identify(self, serial):
        """The meter has told who it is: topics, client id and last will follow it."""
        if serial == self.publisher.serial:
            return
        self.publisher.serial = serial
        if not config.BROKER_HOST:
            self.log.event("mqtt", "no broker is configured (BROKER)")
            return
        if self._session:
            self._session.cancel()
        name = topics.padded(serial)
        tls = None
        if config.MQTT_CA:
            from firmware.net.tls import client_context

            with open(config.MQTT_CA, "rb") as file:
                tls = client_context(file.read())
        self.mqtt = MqttClient(
            config.BROKER_HOST,
            config.BROKER_PORT,
            name,
            self.log,
            self.resolver,
            user=config.MQTT_USER or None,
            password=config.MQTT_PASSWORD or None,
            will=(topics.offline(serial), b""),
            tls=tls,
        )
        self.mqtt.subscriptions = [(topics.commands(serial), 1)]
        self.mqtt.on_message = self._receive
        self.mqtt.on_connect = self._greet
        self.publisher.send = self.mqtt.publish
        self.publisher.release()
        self._session = asyncio.create_task(self.mqtt.run())

    def _network_up(self):
        if self.mqtt:
            self.mqtt.retry_now()

    def _greet(self):
        for name in ("version", "uptime", "reset_reason"):
            self.publisher.reply(name, self.commands.run(name, b""))
        self._sample_now.set()

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
        while not self.station.connected:
            await asyncio.sleep_ms(200)
        sync = TimeSync(self.clock, self.keeper, config.NTP_SERVERS, self.resolver, self.log)
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
