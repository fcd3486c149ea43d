# uMeter - the set-up window, and the door bell of the web pages
# MIT license; Copyright (c) 2026 The uMeter authors

# MeterLogger section 8.2: after power-on the set-up network is there for two minutes. The meter
# is read and the station tries on all the while. The pages take 26 kB of the heap, so their code
# comes with the first client's packet and goes when nobody has asked for a while.

import asyncio
import gc
import select
import socket
from micropython import const

import config
from firmware import overlay
from firmware.net import topics

_HTTP = const(80)
_DNS = const(53)
_QUEUE = const(4)
_WINDOW_S = const(120)
_SHORT_S = const(2)  # DEBUG_SHORT_WEB_CONFIG_TIME
_NAME_S = const(12)  # so long the meter may take to tell its serial, which names the network
_IDLE_S = const(300)  # then the pages' code goes,
_IDLE_REST_S = const(60)  # sooner where the meter rests meanwhile: anybody near may knock
_PUSH = ("han", "p1")  # meters whose code leaves little room
_ROOM = const(57344)  # bytes for the pages; a meter with less beside it has to rest meanwhile
_RETRY_S = const(30)  # after there was no room for it
_LOOK_MS = const(250)
_POWER_ON = (0, 6)  # reset reasons: power, and the reset button


class Setup:
    """start() and stop() the set-up network; run() once, for ever."""

    def __init__(self, app):
        self._app = app
        self._until = 0  # uptime when the window closes
        self._door = None  # listening socket; None: nobody could reach it
        self._names = None  # socket of the name server, while the window is open
        self._bell = select.poll()  # on both
        self._retry = 0
        self.open = False  # the set-up network is there
        self.portal = None  # while it is loaded

    def ssid(self):
        kind = "KAM_"
        if config.METER in ("impulse", "han", "p1"):
            kind = "WATER_" if config.FLOW_METER else "EL_"
        return kind + topics.padded(self._app.publisher.serial or config.SERIAL)

    def start(self, seconds=_WINDOW_S):
        """Shows the set-up network for so long, longer while somebody uses it."""
        app = self._app
        self._until = app.clock.uptime() + seconds
        if self.open:
            return
        self.open = True
        app.access_point.start(self.ssid(), app.settings["setup_password"])
        self._names = self._listen(_DNS, socket.SOCK_DGRAM)
        if self.portal:
            self.portal.open(self._names)
        self._watch_door()
        app.log.event("setup", "open in " + self.ssid())

    def stop(self):
        """Ends it; the pages stay where the station's side reaches them."""
        if not self.open:
            return
        self.open = False
        self._app.log.event("setup", "closed")
        renew = self.portal is not None and self.portal.close()
        self._names = self._hang_up(self._names)
        self._app.extend()  # or ends the network
        if renew or self._app.meter.rests:
            self._unload()  # others want the room
        if renew:
            self._app.session.restart()

    def stay(self):
        """Somebody uses it: open for two more minutes at least."""
        self._until = max(self._until, self._app.clock.uptime() + _WINDOW_S)

    def end_in(self, seconds):
        self._until = self._app.clock.uptime() + seconds

    def take_scan(self, networks):
        """True: the scan was made for the pages, and nobody else has asked."""
        return self.portal is not None and self.portal.take_scan(networks)

    async def run(self):
        """For ever."""
        await self._greet()
        while True:
            if self.open and self._is_over():
                self.stop()
            self._watch_door()
            idle_s = _IDLE_REST_S if self._app.meter.rests else _IDLE_S
            if self.portal and not self.open and self.portal.idle_s() > idle_s:
                self._unload()
            await asyncio.sleep_ms(_LOOK_MS)

    async def _greet(self):
        """The window after power-on."""
        app = self._app
        fresh = not app.settings["ssid"]
        if not fresh and app.board.reset_reason not in _POWER_ON:
            return
        short = config.DEBUG_SHORT_WEB_CONFIG_TIME
        while not short and app.publisher.serial is None and app.clock.uptime() < _NAME_S:
            await asyncio.sleep_ms(_LOOK_MS)
        self.start(_SHORT_S if short else _WINDOW_S)

    def _is_over(self):
        if self.portal and self.portal.trying:
            return False
        if not self._app.settings["ssid"]:
            return False  # nobody could reach it any more
        return self._app.clock.uptime() >= self._until

    def _watch_door(self):
        """Listens while there is somebody to hear; whoever rings gets the pages loaded."""
        wanted = self.open or self._app.wifi.connected
        if wanted and self._door is None:
            self._door = self._listen(_HTTP, socket.SOCK_STREAM)
        elif not wanted and not self.portal:
            self._door = self._hang_up(self._door)
        if not self.portal and self._app.clock.uptime() >= self._retry:
            for _ in self._bell.ipoll(0):
                self._load()
                break
        if self.portal and self._door:
            self.portal.serve(self._door)

    def _listen(self, port, kind):
        """A socket, None if the port cannot be had."""
        sock = None
        try:
            sock = socket.socket(socket.AF_INET, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("0.0.0.0", port))
            if kind == socket.SOCK_STREAM:
                sock.listen(_QUEUE)
            sock.setblocking(False)
        except OSError as error:
            if sock:
                sock.close()
            self._app.log.state("setup", "no port %d: %s" % (port, error))
            return None
        self._bell.register(sock, select.POLLIN)
        return sock

    def _hang_up(self, sock):
        if sock:
            self._bell.unregister(sock)
            sock.close()

    def _load(self):
        gc.collect()  # the code wants its places in one piece
        meter = self._app.meter
        crowded = config.METER in _PUSH and meter.meter and gc.mem_free() < _ROOM
        if crowded and not meter.rests:
            from firmware.app.push import rest

            rest(meter)
            return  # till the next look
        try:
            from firmware.app.portal import Portal

            self.portal = Portal(self._app)
            if self.open:
                self.portal.open(self._names)
        except MemoryError:
            self._unload()
            self._retry = self._app.clock.uptime() + _RETRY_S
            self._app.log.state("setup", "no room for the pages: %d bytes" % gc.mem_free())

    def _unload(self):
        """Makes the next import read the code again; until then nothing holds it."""
        if self.portal:
            self.portal.end()
        self.portal = None
        overlay.free("firmware.web", "firmware.app.portal", "microdot")
        self._app.settings.forget_checks()
        gc.collect()
        if self._app.meter.rests:
            self._wake_meter()

    def _wake_meter(self):
        from firmware.app.push import wake

        app = self._app
        try:
            wake(app.meter, app.make_meter)
        except (MemoryError, OSError):  # OSError: the UART's driver has no room for its buffer
            app.log.event("setup", "no room in one piece for the meter, the device restarts")
            app.settings.save()
            app.board.restart()
