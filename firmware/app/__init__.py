# uMeter - the app: its parts by name, their tasks, and what goes from one to another
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import gc
import time
from micropython import const

import config
from firmware import overlay
from firmware.app.heart import Heart
from firmware.board import OFFLINE
from firmware.clock import Clock
from firmware.log import Log
from firmware.net import topics
from firmware.store.settings import Settings, state_rows

_MQTT = const(1)  # control.commands.MQTT
_KEEP_S = const(20)  # the command table after its last use
# The longest that a task may stay away: the meter's with all its retries, the others', and the
# one that sets the clock every hour.
_METER_S = const(600)
_STAY_S = const(600)
_TIME_S = const(7200)
_SYNC_S = const(3600)  # from one setting of the clock to the next
_FIRST_SYNC_S = const(60)  # from one try to the next while there was none
_MOST_FULL = const(10)  # tries to set it, one after the other, for which there was no room
_NOTES = const(4)  # of tasks that fail, in one run: the flash wears


class App:
    """The parts, by name; tasks start in main()."""

    def __init__(self, board, clock, log, stores=None):
        self.board = board
        self.clock = clock
        self.log = log
        self.settings = Settings("/data/settings", _setting_rows, log)
        self.state = Settings("/data/state", state_rows, log)
        if stores is not None:
            stores += self.settings, self.state
        self._notes = 0
        self.settings.on_flash_error = self.state.on_flash_error = self._flash_error
        self.heart = Heart(clock, log, board.feed_watchdog)
        self.heart.watch("meter", _METER_S)
        self.heart.on_settled = board.settle
        self.heart.on_stuck = self.note
        self.reconnected = None  # (uptime, generation of the settings) of the last reconnect
        self._cron = self._cron_task = None
        self._commands = None
        self._asked = 0  # uptime when the table was used last
        from firmware.app.parts import make_parts

        make_parts(self)
        overlay.free("firmware.app.parts")

    def make_meter(self):
        from firmware.app.meters import make_meter

        meter = make_meter(self.board, self.clock, self.log, self.settings)
        overlay.free("firmware.app.meters")
        return meter

    def model(self):
        """<MicroPython>-<version>-<model>: servers look for the model's tokens."""
        return "%s-%s-%s" % (self.board.platform(), config.VERSION, config.MODEL)

    @property
    def commands(self):
        """The command table. It is read from the flash when somebody asks."""
        self._asked = self.clock.uptime()
        if self._commands is None:
            gc.collect()  # the code wants its places in one piece
            from firmware.app.commands import make_table

            self._commands = make_table(self)
            asyncio.create_task(self._forget_commands())
        return self._commands

    @property
    def cron(self):
        """Timed jobs, loaded with the first one; None in builds without."""
        if self._cron is None and not config.NO_CRON:
            from firmware.app.cron import Cron

            self._cron = Cron(self)
        return self._cron

    def run_cron(self):
        """There are jobs now."""
        if self.cron and self._cron_task is None:
            beat = self.heart.follow("cron", self.cron.run(), _STAY_S)
            self._cron_task = asyncio.create_task(beat)

    async def _forget_commands(self):
        while self.clock.uptime() - self._asked < _KEEP_S:
            await asyncio.sleep(_KEEP_S)
        self._commands = None
        overlay.free(
            "firmware.app.commands", "firmware.app.cron_commands", "firmware.app.valve_commands",
            "firmware.control.commands", "firmware.control.amount",
        )  # fmt: skip

    async def main(self):
        """Runs until a task fails."""
        self.log.event("app", "uMeter %s, %s" % (self.model(), self.board.chip_id()))
        asyncio.get_event_loop().set_exception_handler(self._task_failed)
        if self.power:
            await self.power.charge()
        tasks = [self.heart.run(), self.meter.run()]  # the meter beats by itself
        for name in ("settings", "state", "wifi", "setup", "lifeline", "power", "valve", "panel"):
            part = getattr(self, name)
            if part:
                tasks.append(self.heart.follow(name, part.run(), _STAY_S))
        tasks.append(self.heart.follow("time", self._keep_time(), _TIME_S))
        if self.settings["cron_jobs"]:
            self.run_cron()
        if config.DEBUG:
            from firmware.app.console import Console

            tasks.append(self.heart.follow("console", Console(self).run(), _STAY_S))
        if not self.settings["ssid"]:
            self.log.event("wifi", "no network is configured (WIFI_SSID)")
        await asyncio.gather(*tasks)

    def has_visitors(self):
        """Somebody may be at the pages now."""
        return self.setup.portal is not None

    def shows_network(self):
        """A network of our own is there."""
        return self.setup.open or self.access_point.ssid is not None

    def restart_offline(self):
        self.settings.save()
        self.state.save()
        self.board.restart(OFFLINE)

    def _task_failed(self, loop, context):
        """One that was begun on the way, for a page or a move: the others go on."""
        self.note(context["exception"])

    def note(self, what):
        self._notes += 1
        if self._notes > _NOTES:
            return
        try:
            from firmware.crash import keep

            keep(what, self.clock.uptime(), (self.settings, self.state))
        except (OSError, MemoryError) as error:
            self.log.event("app", "a crash is not kept: %s" % error)
        overlay.free("firmware.crash")

    def read(self, reading):
        if reading.serial != self.publisher.serial:
            self.session.identify(reading.serial)
            self.extend()
        if self.valve:
            self.valve.take(reading)  # after that: else nobody hears that the first one closed it

    def greet(self):
        """The broker is there, perhaps again."""
        say = self.publisher.reply
        say("version", self.model())
        say("uptime", str(self.clock.uptime()))
        say("reset_reason", self.reset_reason())
        if self.valve:
            say("status", self.valve.status())
        if self._cron:
            self._cron.tell()
        self.meter.sample_now()

    def reset_reason(self):
        """The exception registers of the ESP8266 have no like here; servers read the reason."""
        text = "reason=%d&exccause=0" % self.board.reset_reason
        for register in ("epc1", "epc2", "epc3", "excvaddr", "depc"):
            text += "&%s=0x00000000" % register
        return text

    def receive(self, topic, payload):
        message = self.reception.judge(topic, payload, topics.padded(self.publisher.serial))
        if message:
            self._obey(message)

    def _obey(self, message):
        """A message that is signed, ours and of today."""
        name = message.function
        commands = self.commands
        if name not in commands:
            self.reception.refuse("unknown command")
            return
        if commands.changes(name):
            now = self.clock.now()
            try:
                self.guard.accept(message.mac, message.when, now)
            except ValueError as error:
                self.reception.refuse(error.args[0])
                return
            # Kept before anything happens: no reset makes this message new again.
            floor = max(self.state["clock_floor"], min(message.when, now))
            self.state.update({"high_water": self.guard.newest, "clock_floor": floor})
            if not commands.keeps(name) and not self.state.save():
                self.publisher.reply(name, "error: the flash did not take it")
                return
            self.keeper.raise_floor(floor)
        self.log.event("command", name)
        self._run(name, message.text)

    def _run(self, name, text):
        for function, answer in self.commands.run(name, text, _MQTT):
            self.publisher.reply(function, answer)

    def scanned(self, networks):
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
        from firmware.crypto.keys import parse_key
        from firmware.net import extender

        password = self.settings["ap_password"] or extender.password(parse_key(config.KEY))
        uplink = self.wifi.wlan.ifconfig()
        extender.start(self.access_point, topics.padded(serial), password, uplink)
        overlay.free("firmware.net.extender")

    def network_up(self):
        self.session.network_up()
        self.extend()  # its addresses depend on ours

    async def _keep_time(self):
        while not self.wifi.connected:
            await asyncio.sleep_ms(200)
        full = 0
        while True:
            try:
                await self._set_time()
                full = 0
            except MemoryError as error:  # the clock goes on by itself
                full += 1
                if full > _MOST_FULL:
                    raise  # nothing but a restart will make room
                self.log.event("time", "no room to set the clock: %s" % error)
            overlay.free("firmware.net.time_sync", "firmware.net.sntp", "firmware.net.sntp_packet")
            await asyncio.sleep(_SYNC_S if self.clock.now() else _FIRST_SYNC_S)

    async def _set_time(self):
        from firmware.net.time_sync import TimeSync

        servers = [name.strip() for name in self.settings["ntp_servers"].split(",")]
        sync = TimeSync(self.clock, self.keeper, servers, self.resolver, self.log)
        sync.on_set = self._time_known
        await sync.run()

    def _time_known(self, unix):
        self.board.set_clock(unix)
        try:
            self.publisher.release()
        except MemoryError as error:  # the rest leaves later
            self.note(error)
        for message in self.reception.release():
            try:
                self._obey(message)
            except Exception as error:  # the others are obeyed all the same
                self.note(error)


def _setting_rows():
    from firmware.store.schema import setting_rows

    rows = setting_rows(config)
    overlay.free("firmware.store.schema", "firmware.store.checks")
    return rows


def run(board, stores):
    """Never returns. stores: gets the settings in use, so that a crash tells no secret."""
    clock = Clock(time.ticks_ms, time.ticks_diff)
    asyncio.run(App(board, clock, Log(clock, config.DEBUG), stores).main())
