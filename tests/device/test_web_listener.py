# uMeter - the listener of the pages: three at a time, each with a deadline
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import errno
import socket
import usocket

from _ports import free_port

from firmware.web.server import Connection, Listener

PORT = free_port()


class Log:
    def __init__(self):
        self.said = []

    def state(self, area, text, detail=""):
        self.said.append(text)


def door():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", PORT))
    sock.listen(8)
    sock.setblocking(False)
    return sock


def visitor():
    sock = usocket.socket()  # of the machine: the chip has only ten
    sock.connect(usocket.getaddrinfo("127.0.0.1", PORT)[0][-1])
    sock.setblocking(False)
    return sock


async def test_never_more_than_three():
    most = served = 0

    async def handle(connection):
        nonlocal most, served
        most = max(most, len(listener._guests))
        assert await connection.readexactly(1) == b"x"
        connection.asked = True
        await asyncio.sleep_ms(20)
        most = max(most, len(listener._guests))
        await connection.awrite(b"y" * 1500)
        await connection.aclose()
        served += 1

    listener, sock = Listener(handle, Log()), door()
    task = asyncio.create_task(listener.run(sock))
    visitors = [visitor() for _ in range(8)]
    for one in visitors:
        one.send(b"x")
    for _ in range(200):
        await asyncio.sleep_ms(20)
        if served == 8:
            break
    assert served == 8 and most == 3 and not listener.busy, (served, most)
    for one in visitors:
        assert one.recv(2000) == b"y" * 1500
        one.close()
    task.cancel()
    sock.close()


async def test_the_silent_give_way_to_who_waits():
    async def handle(connection):
        await connection.readexactly(1)

    listener, sock = Listener(handle, Log()), door()
    task = asyncio.create_task(listener.run(sock))
    silent = [visitor() for _ in range(3)]
    while listener.accepted < 3:
        await asyncio.sleep_ms(20)
    assert len(listener._guests) == 3 and listener.cut == 0
    other = visitor()
    for _ in range(200):
        await asyncio.sleep_ms(20)
        if listener.accepted == 4:
            break
    assert listener.accepted == 4 and listener.cut >= 1
    assert b"" in [_received(one) for one in silent]
    task.cancel()
    await asyncio.sleep_ms(50)
    assert not listener.busy
    for one in silent + [other]:
        one.close()
    sock.close()


def _received(sock):
    try:
        return sock.recv(10)
    except OSError as error:
        assert error.errno == errno.EAGAIN
        return None


class Pipe:
    """What a connection reads."""

    def __init__(self, data):
        self.data = data

    async def readinto(self, buf):
        count = min(len(buf), len(self.data))
        buf[:count] = self.data[:count]
        self.data = self.data[count:]
        return count


def connection(data):
    made = Connection(None, None)
    made._waiter = Pipe(data)
    return made


async def test_only_headers_that_mean_something_are_kept():
    text = b"GET / HTTP/1.1\r\nUser-Agent: a\r\nHOST: b\r\nX: " + b"y" * 3000
    text += b"\r\nCookie: " + b"z" * 600 + b"\r\naccept : c\r\n\r\nrest"
    made = connection(text)
    lines = []
    while lines[-1:] != [b"\r\n"]:
        lines.append(await made.readline())
    assert lines == [b"GET / HTTP/1.1\r\n", b"HOST: b\r\n", b"accept : c\r\n", b"\r\n"]
    assert await made.readexactly(4) == b"rest"


async def test_a_head_ends_somewhere():
    for data, wrong in ((b"GET " + b"x" * 9000, ValueError), (b"GET", EOFError),
                        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000, ValueError)):  # fmt: skip
        made = connection(data)
        try:
            while True:
                assert len(await made.readline()) < 900
        except (ValueError, EOFError) as error:
            assert type(error) is wrong


async def test_a_body_is_bounded():
    for count in (-1, 2049):
        try:
            await connection(b"x" * 3000).readexactly(count)
            raise AssertionError("was taken: %d" % count)
        except ValueError:
            continue
