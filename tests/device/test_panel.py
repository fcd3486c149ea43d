# uMeter - lamp and button on virtual pins, in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 200k

import asyncio
import sys
import time

import world

LAMP, RED, BUTTON = 2, 13, 0


class config:
    PINS = {"led": LAMP, "button": BUTTON}
    INVERTED = ()
    METER = "kmp"
    LED_ON_AC = AC_TEST = False


sys.modules["config"] = config

from firmware.app.panel import Panel  # noqa: E402
from firmware.board import STARTED, Board  # noqa: E402
from firmware.clock import Clock  # noqa: E402
from firmware.log import Log  # noqa: E402


class Part:
    """Anything of the app: attributes, and calls that are noted."""

    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)
        self.calls = []


class Setup(Part):
    def start(self):
        self.calls.append("start")
        self.open = True

    def stop(self):
        self.calls.append("stop")
        self.open = False


class Wifi(Part):
    def is_idle(self):
        return False


class Stored(dict):
    saved = 0

    def save(self):
        self.saved += 1

    def reset(self):
        self.clear()


class App:
    """As the panel sees it: all is well, the meter has just been read."""

    def __init__(self):
        self.lines = []
        self.clock = Clock(time.ticks_ms, time.ticks_diff)
        self.log = Log(self.clock, write=self.lines.append)
        self.board = Board(config)
        self.settings = Stored(ssid="home", fallback_ssid="spare", broker_host="b", interval=60)
        self.state = Stored(joined=["home", "secret"], valve=True)
        self.power = None
        self.setup = Setup(open=False)
        self.wifi = Wifi(is_off=False, connected=True, ssid="home")
        self.session = Part(connected=True)
        self.valve = Part(actuator=Part(is_open=True, level=1))
        meter = Part(push=False, count=0, counters=Part(timeouts=0))
        self.meter = Part(latest=None, meter=meter)
        self.reads()
        self.changes = []  # [(ms, pin, level)]
        self.levels = {}
        self.began = 0
        world.on_output = self._changed

    def _changed(self, pin, level):
        if self.levels.get(pin) != level:
            self.levels[pin] = level
            self.changes.append((time.ticks_ms() - self.began, pin, level))

    def reads(self):
        self.meter.latest = Part(uptime=self.clock.uptime())

    async def start(self):
        """Past the gesture, to the beginning of a pattern."""
        self.task = asyncio.create_task(Panel(self).run())
        await asyncio.sleep_ms(1500)
        self.began = time.ticks_ms()
        assert "firmware.control.gesture" not in sys.modules, "not needed any more"
        assert "firmware.app.factory" not in sys.modules
        return self

    async def flashes(self, seconds, pin=LAMP):
        """Lengths in ms of the flashes from now on, and of the pauses between them."""
        self.changes.clear()
        await asyncio.sleep_ms(seconds * 1000)
        times = [ms for ms, at, _ in self.changes if at == pin]
        levels = [level for _, at, level in self.changes if at == pin]
        if levels[:1] == [0]:
            times = times[1:]
        return [b - a for a, b in zip(times, times[1:])]


def near(found, wanted, most=60):
    return len(found) >= len(wanted) and all(abs(a - b) <= most for a, b in zip(found, wanted))


async def test_dark_while_all_is_well_but_for_readings():
    app = await App().start()
    await asyncio.sleep(1)
    assert await app.flashes(20) == [] and world.outputs[LAMP] == 0
    app.reads()
    assert near(await app.flashes(5), [100])
    app.meter.meter.counters.timeouts += 1
    assert near(await app.flashes(5), [1000])


async def test_errors_in_turn():
    app = await App().start()
    app.session.connected = False
    await asyncio.sleep(1)
    found = await app.flashes(7)
    assert near(found, [250, 400, 250]) or near(found, [250, 2100, 250]), found
    app.wifi.connected = False
    app.wifi.ssid = None
    await asyncio.sleep_ms(500)
    assert 6 <= len(await app.flashes(3)) + 1 <= 7  # three flashes
    await asyncio.sleep(120)
    found = [ms for ms in await app.flashes(30) if ms > 600]
    assert any(abs(ms - 2750) <= 60 for ms in found), "error 1: one flash in 3 s"
    assert any(abs(ms - 1450) <= 60 for ms in found), "error 3: three flashes"
    app.setup.start()
    await asyncio.sleep(1)
    found = await app.flashes(10)
    assert near(sorted(found)[-2:], [2700, 2700]) and max(sorted(found)[:-3]) < 200


async def test_networks():
    app = await App().start()
    app.wifi.ssid, app.session.connected = "spare", False
    await asyncio.sleep_ms(300)
    assert near(await app.flashes(6), [1000, 1000, 1000])
    app.session.connected = True
    await asyncio.sleep_ms(300)
    assert near(await app.flashes(3), [200] * 6)
    app.wifi.ssid = "home"
    app.settings["broker_host"] = ""
    await asyncio.sleep_ms(500)
    assert world.outputs[LAMP] == 1 and await app.flashes(6) == []
    app.wifi.is_off = True
    await asyncio.sleep_ms(300)
    assert near(await app.flashes(3), [200] * 6)


async def test_valve():
    config.LED_ON_AC = True
    app = await App().start()
    await asyncio.sleep_ms(300)
    assert near(await app.flashes(3), [200] * 6)
    app.valve.actuator.is_open = False
    await asyncio.sleep_ms(300)
    assert near(await app.flashes(6), [1000] * 3)
    config.AC_TEST = True
    await asyncio.sleep_ms(500)
    assert near(await app.flashes(6), [1000] * 3), "AC 1 has current"
    app.valve.actuator.level = 0
    await asyncio.sleep_ms(500)
    assert near(await app.flashes(3), [200] * 6)
    app.valve = None
    await asyncio.sleep_ms(500)
    assert await app.flashes(3) == []


async def test_pulses():
    config.METER = "impulse"
    app = await App().start()
    app.meter.meter.push = True
    for _ in range(3):
        await asyncio.sleep(1)
        app.reads()
    assert await app.flashes(2) == []
    app.meter.meter.count += 1
    assert near(await app.flashes(2), [100])


async def test_a_push_meter_is_blind_after_half_a_minute():
    app = await App().start()
    app.meter.meter.push = True
    await asyncio.sleep(25)
    assert await app.flashes(3) == []
    await asyncio.sleep(5)
    assert near(await app.flashes(6), [250, 2750])


async def test_red_lamp_for_errors_and_the_opposite_sense():
    config.PINS = {"led": LAMP, "led_red": RED, "button": BUTTON}
    config.INVERTED = ("led_red",)
    app = await App().start()
    assert (world.outputs[LAMP], world.outputs[RED]) == (0, 1), "both dark"
    app.session.connected = False
    await asyncio.sleep(1)
    assert await app.flashes(6) == [] and world.outputs[LAMP] == 0
    assert len(await app.flashes(6, RED)) in (6, 7, 8)
    app.session.connected = True
    app.setup.start()
    await asyncio.sleep(1)
    assert await app.flashes(6, RED) == [] and world.outputs[RED] == 1
    assert len(await app.flashes(6)) >= 6


async def test_dark_where_the_meter_feeds_the_board():
    app = await App().start()
    app.power = True
    app.wifi.connected, app.wifi.is_off = False, True
    await asyncio.sleep(1)
    app.reads()
    assert await app.flashes(10) == [] and world.outputs[LAMP] == 0
    await hold(6)
    assert len(await app.flashes(10)) > 6, "the set-up network is there"


async def test_no_lamp_or_no_button():
    for pins in ({"button": BUTTON}, {"led": LAMP}):
        config.PINS = pins
        app = await App().start()
        await asyncio.sleep(10)
        app.task.cancel()
        assert app.setup.calls == []


# -- the button --


async def hold(seconds, level=0):
    world.drive(BUTTON, level)
    await asyncio.sleep_ms(int(seconds * 1000))
    world.drive(BUTTON, 1 - level)
    await asyncio.sleep_ms(200)


async def test_long_press():
    app = await App().start()
    await hold(1)
    await hold(4)
    assert app.setup.calls == []
    await hold(5.5)
    assert app.setup.calls == ["start"]
    await hold(20)
    assert app.setup.calls == ["start", "stop"], "once for each press"
    app.settings["ssid"] = ""
    await hold(6)
    await hold(6)
    assert app.setup.calls == ["start", "stop", "start", "start"], "the only way in stays"


async def test_active_high():
    config.INVERTED = ("button",)
    world.levels.pop(BUTTON, None)
    app = await App().start()
    assert app.setup.calls == []
    await hold(6, 1)
    assert app.setup.calls == ["start"]


async def test_factory_settings():
    restarts = []

    def restart(reason):
        restarts.append(reason)
        raise asyncio.CancelledError  # nothing comes after it

    app = App()
    app.board.restart = restart
    asyncio.create_task(Panel(app).run())
    await asyncio.sleep_ms(300)
    assert world.outputs[LAMP] == 1
    world.drive(BUTTON, 0)
    await asyncio.sleep_ms(1900)
    assert world.outputs[LAMP] == 1 and app.settings
    await asyncio.sleep_ms(400)
    assert world.outputs[LAMP] == 0 and app.settings
    app.changes.clear()
    world.drive(BUTTON, 1)
    await asyncio.sleep_ms(200)
    assert not app.settings and app.state == {"joined": [], "valve": True}
    assert app.state.saved == 2, "the older generation has it, too"
    assert not restarts
    await asyncio.sleep(3)
    assert [level for _, pin, level in app.changes if pin == LAMP][:12] == [1, 0] * 6
    assert restarts == [STARTED]
    assert any("factory settings" in line for line in app.lines)


async def test_held_for_ever_is_no_gesture():
    app = App()
    world.drive(BUTTON, 0)
    asyncio.create_task(Panel(app).run())
    await asyncio.sleep(4)
    assert app.settings and app.setup.calls == []
    await asyncio.sleep(6)
    assert app.settings and app.setup.calls == ["start"]
