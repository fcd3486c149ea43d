# uMeter - SNTP over sockets: time servers that answer, lie, refuse or keep silent
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 200k

import asyncio
import errno
import socket
import time

import world
from _ports import free_port

from firmware.clock import Clock
from firmware.log import Log
from firmware.net import sntp
from firmware.net.resolver import Resolver
from firmware.net.sntp_packet import KissOfDeath
from firmware.net.time_keeper import TimeKeeper
from firmware.net.time_sync import TimeSync

NOW = 1790000000
world.config["dns"] = {}
resolver = Resolver()
servers = []


def bound_socket():
    port = free_port(socket.SOCK_DGRAM)
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", port))
    return made, port


class Server:
    """Says that it is `unix` at the start of the test, and goes on from there."""

    def __init__(self, name, unix, stratum=2, silent=False, before=b""):
        self.asked = 0
        self.unix = unix
        self._start = time.ticks_ms()
        self._stratum = stratum
        self._silent = silent
        self._before = before  # a forged answer that comes first
        self._socket, self.port = bound_socket()
        self._socket.setblocking(False)
        world.config["dns"][name + ":123"] = "127.0.0.1:%d" % self.port
        servers.append(self)
        self.task = asyncio.create_task(self._run())

    async def _run(self):
        while True:
            await asyncio.sleep_ms(5)
            try:
                question, address = self._socket.recvfrom(100)
            except OSError:
                continue
            self.asked += 1
            assert len(question) == 48 and question[0] == 0x23
            if self._before:
                self._socket.sendto(self._before, address)
            if not self._silent:
                self._socket.sendto(self._answer(question[40:48]), address)

    def _answer(self, nonce):
        gone_ms = time.ticks_diff(time.ticks_ms(), self._start)
        seconds = self.unix + gone_ms // 1000 + 2208988800 & 0xFFFFFFFF
        stamp = bytes([seconds >> shift & 255 for shift in (24, 16, 8, 0)])
        fraction = (gone_ms % 1000 * 65536 + 999) // 1000
        stamp += bytes([fraction >> 8, fraction & 255, 0, 0])
        return bytes([0x24, self._stratum]) + bytes(10) + b"RATE" + bytes(8) + nonce + stamp * 2


def make_sync(names, floor=NOW - 1000):
    clock = Clock(time.ticks_ms, time.ticks_diff)
    lines = []
    sync = TimeSync(clock, TimeKeeper(floor), names, resolver, Log(clock, write=lines.append),
                    retry_ms=(10, 40), timeout_ms=300)
    sync.clock, sync.lines = clock, lines
    return sync


async def test_query():
    Server("a.test", NOW)
    got = await sntp.query(resolver, "a.test", 2000)
    assert 0 <= got - NOW * 1000 < 5000, got


async def test_the_clock_is_set():
    Server("a.test", NOW)
    sync = make_sync(["a.test"])
    assert sync.clock.now() == 0
    assert await sync.ask_once()
    assert NOW <= sync.clock.now() <= NOW + 5
    assert sync.sets == 1 and sync.failures == 0


async def test_silence():
    server = Server("a.test", NOW, silent=True)
    try:
        await sntp.query(resolver, "a.test", 200)
    except OSError as error:
        assert error.errno == errno.ETIMEDOUT
    else:
        assert False, "an answer"
    assert server.asked == 1 and world.sockets == 1


async def test_a_forged_answer_does_not_hide_the_real_one():
    forged = b"\x24\x02" + bytes(22) + b"forgery!" + b"\xff" * 16
    Server("a.test", NOW, before=forged)
    got = await sntp.query(resolver, "a.test", 2000)
    assert 0 <= got - NOW * 1000 < 5000, got


async def test_a_forged_answer_alone():
    Server("a.test", NOW, before=b"\x24\x02" + bytes(46), silent=True)
    try:
        await sntp.query(resolver, "a.test", 200)
    except ValueError as error:
        assert "question" in str(error)
    else:
        assert False, "believed"


async def test_kiss_of_death_is_obeyed():
    rude = Server("a.test", NOW, stratum=0)
    try:
        await sntp.query(resolver, "a.test", 2000)
    except KissOfDeath as error:
        assert error.args[0] == "RATE"
    else:
        assert False, "believed"
    sync = make_sync(["a.test"])
    for _ in range(5):
        assert not await sync.ask_once()
    assert rude.asked == 2, rude.asked
    assert "a.test does not want us: RATE" in sync.lines[0], sync.lines


async def test_servers_in_turn():
    world.config["dns"]["none.test"] = {"error": -202}
    Server("a.test", NOW, silent=True)
    Server("b.test", NOW)
    sync = make_sync(["none.test", "a.test", "b.test"])
    task = asyncio.create_task(sync.run())
    while not sync.clock.now():
        await asyncio.sleep_ms(10)
    assert sync.failures == 2 and sync.sets == 1
    task.cancel()
    assert NOW <= sync.clock.now() <= NOW + 10


async def test_the_next_hour_asks_the_next_server():
    """Else the first one alone could lead the clock wherever it wants."""
    liar, honest = Server("a.test", NOW + 3000), Server("b.test", NOW)
    sync = make_sync(["a.test", "b.test"])
    assert await sync.ask_once()
    later = TimeSync(sync.clock, sync._keeper, sync._servers, resolver, sync._log)
    assert await later.ask_once()
    assert (liar.asked, honest.asked) == (1, 1) and sync.clock.now() <= NOW + 60


async def test_no_network_at_all():
    world.config["dns"]["none.test"] = {"error": -202}
    sync = make_sync(["none.test"])
    task = asyncio.create_task(sync.run())
    while sync.failures < 4:
        await asyncio.sleep_ms(10)
    assert not task.done() and len(sync.lines) == 1, sync.lines
    task.cancel()


async def test_one_server_cannot_make_a_jump():
    server = Server("a.test", NOW)
    sync = make_sync(["a.test"])
    assert await sync.ask_once()
    server.unix += 7200
    assert not await sync.ask_once()
    assert sync.clock.now() <= NOW + 60
    assert "a.test tells of a jump" in sync.lines[-1]
    server.unix -= 3700
    assert await sync.ask_once()
    assert sync.clock.now() >= NOW + 3500


async def test_two_servers_can():
    both = Server("a.test", NOW), Server("b.test", NOW)
    sync = make_sync(["a.test", "b.test"])
    assert await sync.ask_once()
    both[0].unix += 7200
    both[1].unix += 7200
    assert await sync.ask_once()
    assert NOW + 7200 <= sync.clock.now() <= NOW + 7260


async def test_never_below_the_floor():
    server = Server("a.test", NOW)
    sync = make_sync(["a.test"], floor=NOW + 100)
    assert not await sync.ask_once()
    assert sync.clock.now() == 0 and "past" in sync.lines[0]
    server.unix += 200
    assert await sync.ask_once()
