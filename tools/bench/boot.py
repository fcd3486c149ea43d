# uMeter - from power to the first signed sample, on the virtual board
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import tempfile
import time
from pathlib import Path
from unittest import mock

from firmware.crypto.keys import parse_key
from sim.launch import VirtualBoard, interpreter
from tools import brokers, build, mpy, sim
from tools.image import make_image
from tools.keys import KeyRing
from tools.meterctl.link import Link
from tools.meterctl.messages import open_message

_KEY = "0123456789abcdeffedcba9876543210"  # only to measure with
_GOAL_S = 3  # over one cycle of the meter
_STEPS = (("app: uMeter", "code read, app built"), ("wifi: connected", "in the network"),
          ("time: set", "clock set"), ("mqtt: connected", "broker connected"),
          ("meter: reading", "first reading"))  # fmt: skip


def _first_sample(meter, join_ms):
    """{what: seconds after power-on}; "sample" is the first that was verified."""
    times = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sim, "say"))  # the meter's chatter
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        clock = stack.enter_context(contextlib.closing(sim.TimeServer()))
        port = stack.enter_context(brokers.mosquitto(folder))
        flags = sim.flags({"KEY": _KEY, "METER": meter}, {}, "127.0.0.1:%d" % port, clock.port,
                          folder)  # fmt: skip
        build.build(flags, mpy.host_arch(interpreter()), folder / "device")
        make_image(folder / "device", folder / "flash.img")
        world = {"aps": [{"ssid": sim.SSID, "password": ""}], "join_ms": join_ms}
        world.update(sim.meter_world(flags, None, stack))
        link = stack.enter_context(Link("127.0.0.1", port, ["/sample/#"]))
        keys = KeyRing({"*": parse_key(_KEY)})

        def note(line):
            for text, name in _STEPS:
                if text in line:
                    times.setdefault(name, time.monotonic() - began)

        began = time.monotonic()
        stack.enter_context(VirtualBoard(folder / "flash.img", world, on_line=note))
        while "sample" not in times:
            if time.monotonic() - began > 60:
                raise RuntimeError("no sample in a minute")
            got = link.receive(1)
            message = got and open_message(got[0], got[1], keys)
            if message and message.verified and message.is_sample:
                times["sample"] = time.monotonic() - began
    return times


def run():
    """[(name, value, unit, note)] for make bench."""
    rows = []
    for join_ms in (300, 2500):
        times = _first_sample("kmp", join_ms)
        cycle = times["first reading"] - times[_STEPS[0][1]]  # the meter is asked at once
        where = "Wi-Fi joins in %d ms: " % join_ms
        for _, name in _STEPS:
            rows.append((where + name, times[name], "s", ""))
        rows[-5] = (*rows[-5][:3], "the machine's speed, not the chip's")
        rows.append((where + "first verified sample", times["sample"], "s",
                     "goal: %.2f, a meter's cycle and %d s" % (cycle + _GOAL_S, _GOAL_S)))
    return rows
