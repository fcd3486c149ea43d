# uMeter - MQTT client: handlers, queue, slow sockets, lost Wi-Fi, flat heap
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 200k

import asyncio
import gc
import socket

import network
import world
from _mqtt import QUICK, TOPIC, Session, Ticker, command, log_lines, payloads, until, with_broker

from sim.broker import Script


async def test_commands_arrive_once_and_are_acknowledged():
    broker = await with_broker(Script(send=command(7, b"a") + command(0x1234, b"b")))
    session = Session().start()
    await until(lambda: len(session.got) == 2, "no commands")
    assert [payload for _, payload in session.got] == [b"a", b"b"]
    await until(lambda: broker.of("7210086").pubacks == [7, 0x1234], "PUBACKs")
    assert session.counters.received == 2


async def test_a_command_with_qos_0():
    await with_broker(Script(send=b"\x30\x04\0\x01tx"))
    session = Session().start()
    await until(lambda: session.got, "no command")
    assert session.got == [(b"t", b"x")]


async def test_a_handler_that_raises_costs_nothing():
    broker = await with_broker(Script(send=command(7) + command(8) + command(9)))
    session = Session()
    got = []

    def handler(topic, payload):
        got.append(payload)
        if len(got) < 3:
            raise KeyError("no such thing")

    session.client.on_message = handler
    session.client.on_connect = lambda: [][0]
    session.start()
    await until(lambda: broker.of("7210086").pubacks == [7, 8, 9], "PUBACKs")
    assert len(got) == 3 and session.counters.failed_handlers == 3
    assert len(broker.of("7210086").connects) == 1
    assert sum("KeyError: no such thing" in line for line in log_lines) == 2, log_lines


async def test_handlers_publish():
    broker = await with_broker(Script(send=command(7)))
    session = Session()
    client = session.client
    client.on_connect = lambda: client.publish("/version/v2/7210086/1", "x")
    client.on_message = lambda topic, payload: client.publish(b"/ping/v2/7210086/1", payload)
    session.start()
    await until(lambda: session.counters.acked == 2, "not acknowledged")
    topics = [message[0] for message in broker.of("7210086").messages]
    assert topics == [b"/version/v2/7210086/1", b"/ping/v2/7210086/1"]


async def test_an_oversize_message_is_left_out():
    data = command(7, bytes(3000)) + command(8, b"next")
    broker = await with_broker(Script(send=data))
    session = Session().start()
    await until(lambda: broker.of("7210086").pubacks == [7, 8], "PUBACKs")
    assert [payload for _, payload in session.got] == [b"next"]
    assert session.counters.oversize == 1 and len(broker.of("7210086").connects) == 1


async def test_many_messages_at_once_are_all_acknowledged():
    data = b"".join([command(n) for n in range(1, 100)])
    broker = await with_broker(Script(send=data))
    session = Session().start()
    await until(lambda: len(broker.of("7210086").pubacks) == 99, "PUBACKs")
    assert broker.of("7210086").pubacks == list(range(1, 100)) and len(session.got) == 99


async def test_connect_packet():
    broker = await with_broker()
    will = ("/offline/v1/7210086", b"")
    session = Session(user="esp8266", password="secret", will=will, keepalive=1).start()
    await until(lambda: session.client.connected, "not connected")
    assert broker.of("7210086").connects == [
        b"\0\x04MQTT\x04\xc6\0\x01\0\x077210086\0\x13/offline/v1/7210086\0\0"
        b"\0\x07esp8266\0\x06secret"
    ]


async def test_retained_and_empty_payloads():
    broker = await with_broker()
    session = Session()
    session.client.publish("/a", b"", 1, True)
    session.start()
    await until(lambda: session.counters.acked == 1, "not acknowledged")
    assert broker.of("7210086").messages[0][:2] == (b"/a", b"")


async def test_the_queue_drops_the_oldest():
    broker = await with_broker()
    session = Session(queue_bytes=1000)
    session.publish(100)
    assert session.client.outbox.bytes <= 1000
    dropped = session.counters.dropped
    assert dropped > 0 and not session.client.publish(TOPIC, bytes(1000))
    session.start()
    await until(lambda: not len(session.client.outbox), "messages are left")
    expected = [b"%d" % n for n in range(dropped, 100)]
    assert payloads(broker.of("7210086")) == expected
    assert session.counters.dropped == dropped + 1


async def test_a_socket_that_takes_a_few_bytes_at_a_time():
    broker = await with_broker()
    write = socket.socket.write
    turn = [0]

    def slow_write(sock, data, *rest):
        if sock is not session.client_socket():
            return write(sock, data, *rest)
        turn[0] += 1
        return write(sock, bytes(data)[: turn[0] % 4 * 4]) if turn[0] % 4 else None

    session = Session()
    session.client_socket = lambda: session.client._link and session.client._link._transport._sock
    socket.socket.write = slow_write
    session.publish(10)
    session.start()
    await until(lambda: session.counters.acked == 10, "not acknowledged")
    seen = broker.of("7210086")
    assert payloads(seen) == [b"%d" % n for n in range(10)] and len(seen.connects) == 1
    assert turn[0] > 40


async def test_a_full_send_buffer_ends_the_connection():
    broker = await with_broker()
    write = socket.socket.write
    full = [False]
    session = Session(timeout_ms=1000).start()
    await until(lambda: session.client.connected, "not connected")
    stuck = session.client._link._transport._sock

    def no_room(sock, data, *rest):
        return None if full[0] and sock is stuck else write(sock, data, *rest)

    socket.socket.write = no_room
    full[0] = True
    ticker = Ticker()
    session.publish(4)
    await until(lambda: session.counters.acked == 4, "not acknowledged")
    assert ticker.stop() < 900  # it would be 1000
    assert len(broker.of("7210086").connects) == 2
    assert payloads(broker.of("7210086")) == [b"0", b"1", b"2", b"3"]


async def test_wifi_goes_and_comes_back():
    world.config["join_ms"] = 1
    station = network.WLAN()
    station.active(True)
    station.connect("umeter", "umeter-sim")
    await until(station.isconnected, "no Wi-Fi")
    broker = await with_broker()
    session = Session(**QUICK).start()
    session.publish(2)
    await until(lambda: session.counters.acked == 2, "not acknowledged")
    station.disconnect()
    session.publish(2, first=2)
    await until(lambda: not session.client.connected, "did not notice")
    await until(lambda: any("EHOSTUNREACH" in line for line in log_lines), log_lines)
    assert station.active()  # nobody but its owner touches the radio
    station.connect("umeter", "umeter-sim")
    await until(lambda: session.counters.acked == 4, "not acknowledged")
    assert set(payloads(broker.of("7210086"))) == {b"0", b"1", b"2", b"3"}


async def test_retry_now_ends_a_link_of_before():
    """The network went and came back: nobody may hear from a link that was open then."""
    broker = await with_broker()
    session = Session().start()
    await until(lambda: session.client.connected, "connected")
    session.client.retry_now()
    seen = broker.of("7210086")
    await until(lambda: len(seen.connects) == 2 and session.client.connected, "a new link")


async def test_retry_now_ends_the_wait():
    session = Session(retry_ms=(60000, 60000)).start()
    await until(lambda: log_lines, "no try")
    await with_broker()
    await asyncio.sleep_ms(50)
    assert not session.client.connected
    session.client.retry_now()
    await until(lambda: session.client.connected, "not connected", 5)


async def test_retry_now_starts_the_back_off_again():
    class Waits:
        resets = 0

        def next(self):
            return 60000

        def reset(self):
            self.resets += 1

    session = Session()
    waits = session.client._backoff = Waits()
    session.start()
    await until(lambda: log_lines, "no try")
    await asyncio.sleep_ms(10)
    session.client.retry_now()
    await until(lambda: waits.resets == 1, "no reset")


async def test_the_back_off_starts_again_after_a_good_link_only():
    broker = await with_broker()
    for long_ms, resets in ((0, 1), (60000, 0)):
        session = Session()
        session.client._long_ms = long_ms
        happened = []
        session.client._backoff.reset = lambda happened=happened: happened.append(1)
        session.start()
        await until(lambda: session.client.connected, "not connected")  # noqa: B023
        await session.stop()
        assert len(happened) == resets, long_ms
    await broker.stop()


async def test_the_log_speaks_once_per_change():
    session = Session(retry_ms=(1, 2)).start()
    await until(lambda: log_lines, "it says nothing")
    await asyncio.sleep_ms(200)
    assert len(log_lines) == 1, log_lines
    await with_broker()
    await until(lambda: session.client.connected, "not connected")
    assert len(log_lines) == 2, log_lines


async def test_reasons_that_take_turns_are_said_once():
    world.config["dns"] = {"broker.test": {"error": -202}}
    session = Session(host="broker.test", retry_ms=(1, 2)).start()
    for _ in range(3):
        await until(lambda: any("ENOENT" in line for line in log_lines), log_lines)
        world.config["dns"]["broker.test"] = "127.0.0.1:1"
        await until(lambda: any("ECONNREFUSED" in line for line in log_lines), log_lines)
        world.config["dns"]["broker.test"] = {"error": -202}
        await asyncio.sleep_ms(100)
    assert len(log_lines) == 2, log_lines
    await session.stop()


async def test_cancelled_in_every_phase():
    broker = await with_broker(Script(connack=None), Script(suback=None))
    for phase_ms in (0, 1, 5, 20, 60):
        session = Session().start()
        await asyncio.sleep_ms(phase_ms)
        await session.stop()
        assert not session.client.connected
    await broker.stop()
    await until(lambda: world.sockets == 0, "sockets are left")


async def test_a_fault_of_ours_is_logged_and_the_client_lives_on():
    broker = await with_broker()
    session = Session()
    next_packet = session.client.outbox.next

    def broken(now):
        session.client.outbox.next = next_packet
        raise TypeError("a bug")

    session.client.outbox.next = broken
    session.publish(1)
    session.start()
    await until(lambda: session.counters.acked == 1, "not acknowledged")
    assert any("TypeError: a bug" in line for line in log_lines), log_lines
    assert len(broker.of("7210086").connects) == 2


async def test_heap_stays_flat():
    broker = await with_broker()
    session = Session().start()
    client = session.client
    await until(lambda: client.connected, "not connected")
    seen = broker.of("7210086")

    async def publish(count):
        for _ in range(count):
            while len(client.outbox) > 20:
                await asyncio.sleep_ms(0)
            client.publish(TOPIC, bytes(176))
            del seen.messages[:]
        await until(lambda: not len(client.outbox), "messages are left")
        gc.collect()
        return gc.mem_alloc()

    before = await publish(200)
    after = await publish(1200)
    assert session.counters.acked == 1400
    assert after - before < 200, (before, after)


async def test_heap_stays_flat_over_reconnects():
    world.config["dns"] = {"broker.test": "127.0.0.1"}
    broker = await with_broker(*[Script(cut=(9, "eof")) for _ in range(35)])
    session = Session(host="broker.test", retry_ms=(1, 1)).start()

    async def measure(connects):
        await until(lambda: session.counters.connects >= connects, "connects")
        del log_lines[:]
        del broker.of("7210086").connects[:]
        gc.collect()
        return gc.mem_alloc()

    before = await measure(10)
    after = await measure(34)
    assert after - before < 300, (before, after)
    assert world.sockets <= 3
