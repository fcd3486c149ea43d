# uMeter - sockets of the virtual board behave as the ESP32's
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 200k

import asyncio
import errno
import select
import socket
import time

import network
import world
from _ports import free_port

PORT = free_port()


def refused(call, *numbers):
    try:
        call()
    except OSError as error:
        assert error.errno in numbers, error
        return
    assert False, "accepted"


def pair():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(socket.getaddrinfo("0.0.0.0", PORT)[0][-1])
    listener.listen(1)
    client = socket.socket()
    client.connect(("127.0.0.1", PORT))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server, address = listener.accept()
    assert address[0] == "127.0.0.1" and isinstance(address[1], int)
    listener.close()
    return client, server


def test_addresses_are_tuples():
    assert socket.getaddrinfo("127.0.0.1", 1883) == [(2, 1, 0, "127.0.0.1", ("127.0.0.1", 1883))]
    assert socket.getaddrinfo("127.0.0.1", 123, 0, socket.SOCK_DGRAM)[0][1] == 2


def test_timeout_is_counted_in_tenths_and_forgotten_by_setblocking():
    client, server = pair()
    client.settimeout(0.12)
    start = time.ticks_ms()
    refused(lambda: client.recv(1), errno.ETIMEDOUT)
    assert time.ticks_diff(time.ticks_ms(), start) >= 190
    client.setblocking(True)
    assert client._timeout is None
    world.after(400, server.send, b"late")  # longer than the timeout that was set before
    assert client.recv(4) == b"late"


def test_not_blocking():
    client, server = pair()
    client.setblocking(False)
    refused(lambda: client.recv(1), errno.EAGAIN)
    assert client.read(1) is None and client.readinto(bytearray(4)) is None
    server.close()
    time.sleep_ms(20)
    assert client.recv(1) == b""
    client.close()
    refused(lambda: client.send(b"x"), errno.EBADF)


def test_the_eleventh_socket_is_refused():
    held = [socket.socket() for _ in range(10)]
    refused(socket.socket, 23)
    held[0].close()
    held[0].close()  # twice is once
    socket.socket().close()
    assert world.sockets == 9


def test_poll_sees_data_and_the_end():
    client, server = pair()
    poller = select.poll()
    poller.register(client, select.POLLIN)
    assert poller.poll(0) == []
    server.send(b"x")
    assert [(s is client, e & select.POLLIN) for s, e in poller.poll(1000)] == [(True, 1)]


def test_asyncio_client_and_server():
    async def serve(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(serve, "0.0.0.0", PORT)
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        writer.write(b"hello\n")
        await writer.drain()
        assert await reader.readline() == b"hello\n"
        assert await reader.read(1) == b""
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    asyncio.run(main())
    assert world.sockets == 0, world.sockets


def test_datagrams():
    near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    near.bind(("0.0.0.0", PORT))
    far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.sendto(b"?", ("127.0.0.1", PORT))
    data, address = near.recvfrom(16)
    near.sendto(b"!" + data, address)
    assert far.recvfrom(16) == (b"!?", ("127.0.0.1", PORT))


def test_names_are_scripted():
    world.config["dns"] = {
        "broker.test": "127.0.0.1",
        "time.test:123": "127.0.0.1:40123",
        "slow.test": {"to": "127.0.0.1", "delay_ms": 300},
        "none.test": {"error": -202},
    }
    assert socket.getaddrinfo("broker.test", 1883)[0][-1] == ("127.0.0.1", 1883)
    assert socket.getaddrinfo("time.test", 123)[0][-1] == ("127.0.0.1", 40123)
    start = time.ticks_ms()
    assert socket.getaddrinfo("slow.test", 1)[0][-1] == ("127.0.0.1", 1)
    assert time.ticks_diff(time.ticks_ms(), start) >= 300
    refused(lambda: socket.getaddrinfo("none.test", 1), -202)


def test_the_link_decides():
    client, server = pair()
    client.setblocking(False)
    world.config["join_ms"] = 1
    station = network.WLAN()
    station.active(True)
    refused(lambda: socket.socket().connect(("127.0.0.1", PORT)), errno.EHOSTUNREACH)
    refused(lambda: socket.getaddrinfo("a.name", 1), -202)
    assert client.write(b"held") == 4  # in the send buffer; lwIP tries again later
    assert client.write(bytes(9000)) == 5740 and client.write(b"x") is None
    server.setblocking(False)
    assert server.read(10) is None
    station.connect("umeter", "umeter-sim")
    time.sleep_ms(50)
    assert station.isconnected()
    assert client.write(b"!") == 1
    time.sleep_ms(20)
    assert server.read(4) == b"held"
