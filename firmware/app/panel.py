# uMeter - the lamp and the button
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import time
from micropython import const

import config
from firmware import overlay
from firmware.control.signals import Button, Lamp

_LOOK_MS = const(50)
_PAUSE = const(5)  # looks between two at what the app does
_BLIND_S = const(30)  # without valid data for so long, and the interval: error 1
_NEWS_MS = const(100)  # a flash for a pulse or a reading
_TIMEOUT_MS = const(1000)  # one for a meter that does not answer


class Panel:
    """Polled: nothing here is urgent. A board may have a lamp, a red one for errors, a button."""

    def __init__(self, app):
        self._app = app
        self._lamp = app.board.output("led") or _nothing
        self._red = app.board.output("led_red")
        self._pressed = app.board.button() or _never
        self._news = None  # the latest reading, or the count of pulses
        self._timeouts = 0

    async def run(self):
        """For ever."""
        from firmware.app.factory import offer  # for a second or two

        await offer(self._app, self._light, self._pressed)
        offer = None
        overlay.free("firmware.app.factory", "firmware.control.gesture")
        lamp, button = Lamp(), Button()
        looks = 0
        while True:
            now = time.ticks_ms()
            if button.held(self._pressed(), now):
                self._toggle_setup()
                looks = 0
            if looks == 0:
                lamp.show(self._is_so, now)
                self._notice(lamp, now)
            looks = (looks + 1) % _PAUSE
            self._light(lamp.lit(now), lamp.is_error)
            await asyncio.sleep_ms(_LOOK_MS)

    def _light(self, level, is_error):
        if self._red:
            self._red(level if is_error else 0)
            self._lamp(0 if is_error else level)
        else:
            self._lamp(level)

    def _is_so(self, name):
        """What signals.PATTERNS asks."""
        app = self._app
        wifi, settings = app.wifi, app.settings
        if name == "setup":
            return app.setup.open
        if app.power:
            return False  # a lamp takes more than the radio is allowed to
        if name == "radio_off":
            return wifi.is_off
        if name in ("open", "closed"):
            return config.LED_ON_AC and app.valve and self._is_open() == (name == "open")
        if name == "no_wifi":
            return not wifi.connected and not wifi.is_idle()
        if name == "no_data":
            latest = app.meter.latest
            blind = app.clock.uptime() - (latest.uptime if latest else 0)
            return blind > _BLIND_S + (0 if app.meter.meter.push else settings["interval"])
        if not wifi.connected:
            return False
        if name == "no_broker":
            return not settings["broker_host"]
        if name == "no_mqtt":
            return not app.session.connected
        is_fallback = wifi.ssid == settings["fallback_ssid"]
        return is_fallback and (name == "fallback" or app.session.connected)

    def _is_open(self):
        """As MeterLogger has it: while AC 1 is tested, slow is on and fast is off."""
        if config.AC_TEST:
            return not self._app.valve.actuator.level
        return self._app.valve.actuator.is_open

    def _notice(self, lamp, now):
        """Single flashes: for a pulse or a reading, and for a meter that does not answer."""
        if lamp.shown or self._app.power:
            return  # the safe mode ends here: it has no meter
        meter = self._app.meter
        if not meter.meter.push and meter.meter.counters.timeouts != self._timeouts:
            self._timeouts = meter.meter.counters.timeouts
            lamp.flash(_TIMEOUT_MS, now)
        news = meter.meter.count if config.METER == "impulse" else meter.latest
        if news is not self._news and news != self._news:
            self._news = news
            lamp.flash(_NEWS_MS, now)

    def _toggle_setup(self):
        setup = self._app.setup
        self._app.log.event("panel", "long press")
        if setup.open and self._app.settings["ssid"]:
            setup.stop()
        else:
            setup.start()


def _nothing(level):
    """No lamp."""


def _never():
    """No button."""
    return False
