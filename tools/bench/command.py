# uMeter - from a command at the broker to its effect and its answer, on the virtual board
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
_SERIAL = "7210086"
_ROUNDS = 60
_REST_S = 0.2  # between two commands
_FORGET_S = 45  # after that the command table has to be loaded again
_COLD = 2
_ANSWER_S = 20


class _Bench:
    def __init__(self, folder, stack):
        stack.enter_context(mock.patch.object(sim, "say"))  # the meter's chatter
        clock = stack.enter_context(contextlib.closing(sim.TimeServer()))
        port = stack.enter_context(brokers.mosquitto(folder, "set_tcp_nodelay true"))
        flags = sim.flags({"KEY": _KEY, "DEBUG_SHORT_WEB_CONFIG_TIME": "1"}, {},
                          "127.0.0.1:%d" % port, clock.port, folder)  # fmt: skip
        build.build(flags, mpy.host_arch(interpreter()), folder / "device")
        make_image(folder / "device", folder / "flash.img")
        world = sim.meter_world(flags, None, stack)
        world["aps"] = [{"ssid": "virtual", "password": "", "rssi": -61, "channel": 6}]
        self._keys = KeyRing({"*": parse_key(_KEY)})
        self._link = stack.enter_context(Link("127.0.0.1", port, ["/+/v2/+/+"]))
        self._pin = flags["PINS"]["ac1"]
        self._when = 0
        self._board = stack.enter_context(VirtualBoard(folder / "flash.img", world))
        self._wait("status", 60)
        time.sleep(2)  # the first sample is out, too

    def _wait(self, function, seconds=_ANSWER_S):
        """Text of the next such message."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = self._link.receive(0.5)
            message = got and open_message(got[0], got[1], self._keys)
            if message and message.function == function:
                return message.text
        raise RuntimeError("no /%s in %d s: %s" % (function, seconds, self._board.lines[-4:]))

    def round_trip(self, function, text, answer):
        """(ms to the pin's change or None, ms to the answer)."""
        self._when = max(self._when + 1, int(time.time()))
        topic = "/config/v2/%s/%d/%s" % (_SERIAL, self._when, function)
        payload = self._keys.envelope(_SERIAL).seal(topic.encode(), text)
        changes = len(self._board.trace)
        start = time.monotonic()
        self._link.publish(topic, payload)
        self._wait(answer)
        end = time.monotonic()
        moves = [t for t, pin, _ in self._board.trace[changes:] if pin == self._pin]
        time.sleep(_REST_S)
        while self._link.receive(0):
            pass
        return (moves[0] - start) * 1000 if moves else None, (end - start) * 1000

    def heap(self):
        self._when = max(self._when + 1, int(time.time()))
        topic = "/config/v2/%s/%d/mem" % (_SERIAL, self._when)
        self._link.publish(topic, self._keys.envelope(_SERIAL).seal(topic.encode(), b"1"))
        return int(self._wait("mem").partition("=")[2])


def _row(what, times, note):
    times = sorted(times)
    half, most = times[len(times) // 2], times[min(len(times) * 99 // 100, len(times) - 1)]
    return [(what + ", p50", half, "ms", note), (what + ", p99", most, "ms", "")]


def run():
    """[(name, value, unit, note)] for make bench."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as stack:
        bench = _Bench(Path(name), stack)
        pings = [bench.round_trip("ping", b"1", "ping")[1] for _ in range(_ROUNDS)]
        moves = []
        for i in range(_ROUNDS):
            moves.append(bench.round_trip("close" if i % 2 else "open", b"1", "status"))
        cold = []
        for _ in range(_COLD):
            time.sleep(_FORGET_S)
            cold.append(bench.round_trip("ping", b"1", "ping")[1])
        free = bench.heap()
    note = "broker to device and back, QoS 1, mosquitto; the host's arithmetic and flash"
    rows = _row("ping to its answer", pings, note)
    rows += _row("open or close to the pin", [pin for pin, _ in moves if pin], "kept, then done")
    rows += _row("open or close to its status", [answer for _, answer in moves], "")
    rows.append(("ping, command table not loaded", max(cold), "ms", "the longest of %d" % _COLD))
    rows.append(("heap that is free while commands are obeyed", free, "bytes", "as `mem` tells"))
    return rows
