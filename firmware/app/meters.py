# uMeter - makes the configured meter
# MIT license; Copyright (c) 2026 The uMeter authors

# Loaded at the start, and freed: no function of this file may be held by what it makes.

from micropython import const

import config
from firmware import overlay
from firmware.crypto.keys import parse_key

_PUSH_RXBUF = const(4096)  # bytes; a telegram comes unasked: 350 ms at 115200 baud


def make_meter(board, clock, log, settings):
    """The configured meter; the others' modules are not even on the device."""
    if config.METER == "kmp":
        from firmware.meters.kmp_meter import KmpMeter
        from firmware.meters.line import Line

        line = Line(board.uart(1200, 8, None, 2), 1200, 8, None, 2, board.uart_invert)
        return KmpMeter(line, clock, config.FLOW_METER, config.REGISTERS)
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
    from firmware.app.push import line_keeper
    from firmware.meters.han_meter import HanMeter
    from firmware.meters.line import Line
    from firmware.meters.zone import standard_min

    factors = {}
    for kind in ("W", "V", "A", "kWh"):
        factor = settings["multiplier_" + kind.lower()]
        if factor != "1":
            factors[kind] = factor
    fast = config.METER == "p1"
    baudrate = 115200 if fast else 2400
    uart = board.uart(baudrate, 8, None, 1, _PUSH_RXBUF)
    zone_min = standard_min(settings["timezone"])
    overlay.free("firmware.meters.zone")
    return HanMeter(
        Line(uart, baudrate, 8, None, 1, board.uart_invert),
        clock,
        _key(settings["han_encryption_key"]),
        _key(settings["han_authentication_key"]),
        settings["han_replay"] or "auto",
        factors,
        settings["han_line"],
        line_keeper(log, settings),
        fast,
        "rx" in config.INVERTED,
        zone_min,
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
        Tally("/data/pulses", log, settings.on_flash_error),
        clock,
        settings["serial"],
        settings["pulses_per_unit"],
        settings["reading"],
        config.FLOW_METER,
    )
