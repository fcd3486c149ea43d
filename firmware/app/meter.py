# uMeter - makes the configured meter and reads it
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import gc
from micropython import const

import config
from firmware.crypto.keys import parse_key
from firmware.meters.errors import MeterError

_PUSH_RXBUF = const(4096)  # bytes; a telegram comes unasked: 350 ms at 115200 baud
_CONNECT_SAMPLE_MS = const(1100)  # after a connect; the line then rests from the exchange before


def make_meter(board, clock, log, settings):
    """The configured meter; the others' modules are not even on the device."""
    if config.METER == "kmp":
        from firmware.meters.kmp_meter import KmpMeter
        from firmware.meters.line import Line

        line = Line(board.uart(1200, 8, None, 2), 1200, 8, None, 2, board.uart_invert)
        return KmpMeter(line, clock, flow_meter=config.FLOW_METER)
    if config.METER in ("mc66c", "mc66b"):
        from firmware.meters.line import Line
        from firmware.meters.mc66_meter import Mc66Meter

        line = Line(board.uart(300, 7, 0, 1), 300, 7, 0, 1, board.uart_invert)
        return Mc66Meter(line, clock, config.METER[2:], config.FLOW_METER)
    if config.METER in ("han", "p1"):
        return _push_meter(board, clock, log, settings)
    if config.METER == "impulse":
        return _impulse_meter(board, clock, log, settings)
    if config.METER == "none":
        from firmware.meters.synthetic import SyntheticMeter

        return SyntheticMeter(clock, config.SERIAL)
    raise ValueError("METER: %s is not supported" % config.METER)


def _push_meter(board, clock, log, settings):
    from firmware.meters.cosem_time import standard_min
    from firmware.meters.han_meter import HanMeter
    from firmware.meters.line import Line

    def found(text):
        log.event("meter", "its line is set to " + text)
        settings.update({"han_line": text})

    factors = {}
    for kind in ("W", "V", "A", "kWh"):
        factor = settings["multiplier_" + kind.lower()]
        if factor != "1":
            factors[kind] = factor
    fast = config.METER == "p1"
    baudrate = 115200 if fast else 2400
    uart = board.uart(baudrate, 8, None, 1, _PUSH_RXBUF)
    return HanMeter(
        Line(uart, baudrate, 8, None, 1, board.uart_invert),
        clock,
        _key(settings["han_encryption_key"]),
        _key(settings["han_authentication_key"]),
        settings["han_replay"] or "auto",
        factors,
        settings["han_line"],
        found,
        fast,
        "rx" in config.INVERTED,
        standard_min(settings["timezone"]),
        config.SERIAL,
    )


def _key(text):
    return parse_key(text) if text else None


def _impulse_meter(board, clock, log, settings):
    from firmware.meters.impulse_meter import ImpulseMeter
    from firmware.store.tally import Tally

    counter = None
    if settings["pulse_ms"]:
        from firmware.meters.impulse_filter import FilteredCounter

        counter = FilteredCounter(board, settings["pulse_ms"])
    return ImpulseMeter(
        counter or board.pulse_counter(),
        Tally("/data/pulses", log),
        clock,
        settings["serial"],
        settings["pulses_per_unit"],
        settings["reading"],
        config.FLOW_METER,
    )


class MeterTask:
    """Reads for ever; hands over each Reading, and those that are due as samples.

    on_reading: f(reading), every one. on_sample: f(reading), at the pace of the settings.
    """

    def __init__(self, meter, clock, log, settings, heart):
        self.meter = meter
        self._clock = clock
        self._log = log
        self._settings = settings
        self._heart = heart
        self._now = asyncio.Event()  # a sample is wanted at once
        self.on_reading = None
        self.on_sample = None
        self.latest = None  # last Reading, of a meter that pushes with all that came before
        self._said = self._due = -3600  # uptime of the last sample, and of the next one

    def sample_now(self):
        """The broker is there (again): the next reading is a sample, and comes soon."""
        self._now.set()

    async def run(self):
        while True:
            started = self._clock.uptime()
            self._heart.beat("meter")
            try:
                reading = await self.meter.read()
            except MeterError as error:
                self._log.state("meter", "no reading: ", str(error))
            else:
                self._take(reading)
                reading = None  # it need not stay until the next one
            if not self.meter.push:
                interval = self._settings["interval"]
                await self._pause(interval - (self._clock.uptime() - started))

    def _take(self, reading):
        if reading.serial is None:
            self._log.state("meter", "a reading, but the meter has not told its name yet")
            return
        self._log.state("meter", "reading %s" % reading.serial)
        for note in reading.notes:
            self._log.state("note", note)
        self.latest = sample = reading
        if self.on_reading:
            self.on_reading(reading)
        if self.meter.push:
            lists = getattr(self.meter, "latest", None)
            if lists:
                self.latest = lists.whole(reading)
            if not self._is_due(reading.uptime) and not self._now.is_set():
                return
            if lists:  # they come at several paces: a sample has what came since the last one
                sample = lists.since(reading, self._said)
        self._said = reading.uptime
        self._now.clear()
        self.on_sample(sample)
        gc.collect()

    def _is_due(self, uptime):
        # A meter's list that comes once in the interval may seem to come a second early.
        if uptime + 1 < self._due:
            return False
        interval = self._settings["interval"]
        self._due = (self._due if uptime - self._due < interval else uptime) + interval
        return True

    async def _pause(self, seconds):
        self._now.clear()
        try:
            await asyncio.wait_for(self._now.wait(), max(seconds, 1))
        except asyncio.TimeoutError:
            return
        await asyncio.sleep_ms(_CONNECT_SAMPLE_MS)
