# uMeter - puts a simulated meter on a TCP port or a pseudo-terminal, in real line time
# MIT license; Copyright (c) 2026 The uMeter authors

import argparse
import os
import pty
import re
import select
import socket
import sys
import threading
import time
import tty


class Server:
    """Serves one meter core: feed(data, now_ms) -> [(delay_ms, bytes)], baudrate, bits, parity,
    stop. tcp: (host, port), port 0 for a free one; path: of a symlink to a pseudo-terminal."""

    def __init__(self, core, tcp=None, path=None):
        self.core = core
        self._path = path
        self._listener = socket.create_server(tcp) if tcp else None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if path:
            self._master, slave = pty.openpty()
            tty.setraw(slave)
            self._slave = slave  # held open: else reads fail while nobody is connected
            if os.path.islink(path):
                os.unlink(path)
            os.symlink(os.ttyname(slave), path)

    @property
    def port(self):
        return self._listener.getsockname()[1]

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._end.set()
        self._thread.join(5)
        if self._listener:
            self._listener.close()
        if self._path:
            os.unlink(self._path)
            os.close(self._master)
            os.close(self._slave)

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def _run(self):
        if self._path:
            self._serve(self._master, lambda: os.read(self._master, 256),
                        lambda data: os.write(self._master, data))  # fmt: skip
            return
        while not self._end.is_set():
            if not select.select([self._listener], [], [], 0.2)[0]:
                continue
            with self._listener.accept()[0] as wire:
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    self._serve(wire, lambda: wire.recv(256), wire.sendall)
                except OSError as error:
                    self.core.log("line lost: %s" % error)

    def _byte_s(self):
        core = self.core
        bits = 1 + core.bits + (core.parity is not None) + core.stop
        return bits / core.baudrate

    def _serve(self, wire, read, write):
        queue = []  # (time due, one byte); a line carries one after the other
        while not self._end.is_set():
            now = time.monotonic()
            while queue and queue[0][0] <= now:
                write(queue.pop(0)[1])
            wait = min(queue[0][0] - now, 0.2) if queue else 0.02
            data = b""
            if select.select([wire], [], [], max(wait, 0))[0]:
                data = read()
                if not data:
                    return
            for delay_ms, reply in self.core.feed(data, int(time.monotonic() * 1000)):
                due = max(time.monotonic() + delay_ms / 1000, queue[-1][0] if queue else 0)
                for i in range(len(reply)):
                    due += self._byte_s()
                    queue.append((due, reply[i : i + 1]))


def _kmp(options):
    from sim.meters.multical import REGISTERS, Multical, parse_register

    registers, chosen = dict(REGISTERS), []
    for text in options.register:
        try:
            rid, value = parse_register(text)
        except ValueError as error:
            raise ValueError("--register %s: %s" % (text, error)) from None
        chosen.append(rid)
        registers[rid] = value
    registers = {rid: value for rid, value in registers.items() if value}
    kind = int(options.type or "00010601", 16)
    return Multical(serial=options.serial, registers=registers, still=chosen,
                    meter_type=kind >> 16, revision=kind & 0xFFFF, echo=options.echo,
                    noise=options.noise, drop=options.drop, damage=options.damage,
                    asleep=options.asleep, answer_ms=options.answer_ms)  # fmt: skip


def _mc66(options):
    from sim.meters.mc66 import Mc66

    return Mc66(model=options.meter[2:], serial=options.serial, echo=options.echo,
                drop=options.drop, damage=options.damage)  # fmt: skip


def _key(option, text):
    from firmware.crypto.keys import parse_key

    try:
        return text and parse_key(text)
    except ValueError as error:
        raise ValueError("%s: %s" % (option, error)) from None


def _pusher(options):
    from sim.meters import pusher

    keys = [_key("--key", options.key),
            _key("--authentication-key", options.authentication_key)]  # fmt: skip
    return pusher.make(options.meter, options.serial, options.frames, options.every_ms, *keys)


METERS = {"kmp": _kmp, "mc66c": _mc66, "mc66b": _mc66, "han": _pusher, "p1": _pusher}


_ASKED = ("kmp", "mc66c", "mc66b")  # by the reader; the others push
_PUSH = ("han", "p1")
# Options that some meters only have.
_WHOSE = {"register": ("kmp",), "type": ("kmp",), "noise": ("kmp",), "asleep": ("kmp",),
          "answer_ms": ("kmp",), "echo": _ASKED, "drop": _ASKED, "damage": _ASKED,
          "frames": _PUSH, "every_ms": _PUSH, "key": _PUSH,
          "authentication_key": _PUSH}  # fmt: skip


def _check_options(parser, options):
    for name, meters in _WHOSE.items():
        if getattr(options, name) != parser.get_default(name) and options.meter not in meters:
            raise ValueError("--%s is for %s" % (name.replace("_", "-"), ", ".join(meters)))


def _type(text):
    if not re.fullmatch("[0-9A-Fa-f]{8}", text):
        raise argparse.ArgumentTypeError("8 hex digits: type, software revision")
    return text


def _chance(text):
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError("a chance from 0 to 1")
    return float(text)


def make_parser():
    parser = argparse.ArgumentParser(
        prog="meterctl simulate",
        description="A simulated meter on a TCP port or a pseudo-terminal, in real line time.",
        epilog="Example: meterctl simulate kmp --tcp 127.0.0.1:4000 --echo --damage 0.1",
    )
    parser.add_argument("meter", choices=sorted(METERS))
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--tcp", metavar="HOST:PORT", help="listen there; port 0: any free one")
    where.add_argument("--pty", metavar="PATH", help="make PATH a pseudo-terminal")
    parser.add_argument("--serial", type=int, default=7210086, help="%(default)s by default")
    parser.add_argument("--type", type=_type, metavar="HEX",
                        help="kmp: meter type and software revision, 8 hex digits")  # fmt: skip
    parser.add_argument("--register", action="append", default=[],
                        metavar="ID=VALUE[,UNIT[,BYTES]]",
                        help="kmp: 60=56.726,MWh,4 or 80=12e3,W,2; 80= takes it away")
    parser.add_argument("--echo", action="store_true",
                        help="kmp, mc66: the head hears its own light")  # fmt: skip
    parser.add_argument("--noise", type=_chance, default=0, metavar="P",
                        help="kmp: chance of a stray 00")  # fmt: skip
    parser.add_argument("--drop", type=_chance, default=0, metavar="P",
                        help="kmp, mc66: chance of no reply")  # fmt: skip
    parser.add_argument("--damage", type=_chance, default=0, metavar="P",
                        help="kmp, mc66: chance of a bad bit")  # fmt: skip
    parser.add_argument("--asleep", action="store_true",
                        help="kmp: the first request only wakes it")  # fmt: skip
    parser.add_argument("--answer-ms", type=int, default=60,
                        help="kmp: time to the reply's start, %(default)s by default")
    parser.add_argument("--frames", metavar="FILE", help="han, p1: JSON lines to replay")
    parser.add_argument("--every-ms", type=int, help="han, p1: time between two pushes")
    parser.add_argument("--key", metavar="HEX", help="han, p1: encryption key")
    parser.add_argument("--authentication-key", metavar="HEX", help="han, p1: the other key")
    return parser


def main(arguments):
    """Command line -> exit status."""
    parser = make_parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:
        return end.code
    try:
        _check_options(parser, options)
        core = METERS[options.meter](options)
    except (OSError, ValueError) as error:
        print("meterctl simulate: %s" % error, file=sys.stderr)
        return 2
    core.log = lambda text: print(time.strftime("%T"), text, flush=True)
    tcp = None
    if options.tcp:
        host, _, port = options.tcp.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            print("meterctl simulate: --tcp wants HOST:PORT, not %r" % options.tcp,
                  file=sys.stderr)  # fmt: skip
            return 2
        tcp = host, int(port)
    try:
        server = Server(core, tcp=tcp, path=options.pty)
    except OSError as error:
        print("meterctl simulate: cannot serve on %s: %s" % (options.tcp or options.pty, error),
              file=sys.stderr)  # fmt: skip
        return 2
    with server:
        place = options.pty or "%s:%d" % (tcp[0], server.port)
        print("%s on %s; Ctrl-C ends it" % (options.meter, place), flush=True)
        try:
            while True:
                time.sleep(0.5)
        except KeyboardInterrupt:
            print("seen: %s" % core.seen)
    return 0
