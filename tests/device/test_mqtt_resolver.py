# uMeter - names: a thread of its own, never more than one, the loop runs on
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 200k

import _thread
import asyncio
import errno

import world
from _mqtt import PORT, Session, Ticker, log_lines, until, with_broker

from firmware.net import resolver as module
from firmware.net.resolver import Resolver, is_ipv4


def test_literal_addresses():
    for text in ("127.0.0.1", "0.0.0.0", "255.255.255.255"):
        assert is_ipv4(text), text
    for text in ("", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", "1.2.3.-4", "1.2.3.", "dk"):
        assert not is_ipv4(text), text


async def test_literals_need_no_name_server():
    def fail(host, port):
        raise AssertionError("asked")

    assert await Resolver(fail).resolve("10.1.2.3", 1883, 100) == ("10.1.2.3", 1883)


async def fails(resolver, name, timeout_ms, number):
    try:
        await resolver.resolve(name, 1, timeout_ms)
    except OSError as error:
        assert error.errno == number, error
        return
    assert False, "resolved"


async def test_no_such_name():
    world.config["dns"] = {"none.test": {"error": -202}}
    await fails(Resolver(), "none.test", 5000, errno.ENOENT)
    await fails(Resolver(), "none.test", 5000, errno.ENOENT)


async def test_an_answer_that_is_none():
    await fails(Resolver(lambda host, port: []), "odd.test", 5000, errno.ENOENT)


class NameServer:
    """Answers when told to."""

    def __init__(self):
        self.asked = []
        self.lock = _thread.allocate_lock()
        self.lock.acquire()

    def getaddrinfo(self, host, port):
        self.asked.append(host)
        self.lock.acquire()
        self.lock.release()
        return [(2, 1, 0, "", ("10.0.0.%d" % len(self.asked), port))]


async def test_one_thread_however_long_it_hangs():
    server = NameServer()
    resolver = Resolver(server.getaddrinfo)
    ticker = Ticker()
    for _ in range(3):
        await fails(resolver, "a.test", 60, errno.ETIMEDOUT)
    await fails(resolver, "b.test", 60, errno.ETIMEDOUT)
    assert server.asked == ["a.test"], server.asked
    server.lock.release()
    assert await resolver.resolve("a.test", 5, 2000) == ("10.0.0.2", 5)  # port 5: asked anew
    assert ticker.stop() < 1000


class Full:
    def __init__(self, error):
        self._error = error

    def stack_size(self, size):
        return 0

    def start_new_thread(self, function, arguments):
        raise self._error


async def test_no_room_for_a_thread_once():
    server = NameServer()
    server.lock.release()
    resolver = Resolver(server.getaddrinfo)
    for error in (OSError("can't create thread"), MemoryError()):
        module._thread = Full(error)
        try:
            await resolver.resolve("a.test", 1, 100)
            assert False, "resolved"
        except (OSError, MemoryError) as caught:
            assert caught is error
        module._thread = _thread
        assert (await resolver.resolve("a.test", 1, 2000))[1] == 1


async def test_a_late_answer_serves_the_next_question():
    server = NameServer()
    resolver = Resolver(server.getaddrinfo)
    await fails(resolver, "a.test", 60, errno.ETIMEDOUT)
    server.lock.release()
    assert await resolver.resolve("a.test", 1, 2000) == ("10.0.0.1", 1)
    assert await resolver.resolve("a.test", 1, 2000) == ("10.0.0.2", 1)  # not kept for ever


async def test_two_ask_at_a_time():
    server = NameServer()
    server.lock.release()
    resolver = Resolver(server.getaddrinfo)
    both = await asyncio.gather(*[resolver.resolve(n, 1, 2000) for n in ("a.test", "b.test")])
    assert both == [("10.0.0.1", 1), ("10.0.0.2", 1)]


async def test_a_client_survives_the_name_server():
    world.config["dns"] = {"broker.test": {"error": -202}}
    session = Session(host="broker.test", timeout_ms=400).start()
    session.publish(1)
    await until(lambda: any("ENOENT" in line for line in log_lines), log_lines)
    world.config["dns"]["broker.test"] = {"to": "127.0.0.1:%d" % PORT, "delay_ms": 1200}
    await with_broker()
    ticker = Ticker()  # a name server that is slower than our patience, thrice
    await until(lambda: session.counters.acked == 1, "not acknowledged")
    assert ticker.stop() < 1000, ticker.longest


async def test_the_broker_moves():
    world.config["dns"] = {"broker.test": "127.0.0.1"}
    first = await with_broker()
    session = Session(host="broker.test").start()
    session.publish(1)
    await until(lambda: session.counters.acked == 1, "not acknowledged")
    world.config["dns"]["broker.test"] = "127.0.0.1:%d" % (PORT + 1)
    await first.stop()
    second = await with_broker(port=PORT + 1)
    session.publish(1)
    await until(lambda: session.counters.acked == 2, "not acknowledged")
    assert len(second.of("7210086").messages) == 1
