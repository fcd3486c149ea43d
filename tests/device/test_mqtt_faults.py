# uMeter - MQTT client against a broker that does everything wrong
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 1500k

from _mqtt import PORT, QUICK, Session, Ticker, command, log_lines, payloads, until, with_broker

import world
from sim.broker import Broker, Script

OFFSETS = range(67)  # more than the broker sends before the second ping


async def recovers(script, messages=3, **settings):
    """After a connection like this one: nothing is lost. Returns (broker's Seen, session)."""
    broker = await with_broker(script)
    session = Session(**settings)
    session.broker = broker
    session.publish(messages)
    session.start()
    seen = broker.of("7210086")
    await until(lambda: not len(session.client.outbox), "messages are left")
    expected = {b"%d" % n for n in range(messages)}
    assert set(payloads(seen)) == expected, payloads(seen)
    return seen, session


async def at_every_offset(how):
    broker = Broker()
    await broker.start(PORT)
    sessions = []
    for offset in OFFSETS:
        name = "cut%d" % offset
        cut = Script(cut=(offset, how), send=command(offset + 1))
        # A busy machine may cost more connections than the one that is cut.
        broker.scripts[name] = [cut] + [Script(send=command(offset + 1)) for _ in range(8)]
        session = Session(name, **QUICK)
        session.publish(3)
        sessions.append(session.start())
    for offset, session in enumerate(sessions):
        await check_cut(broker.of("cut%d" % offset), session, offset + 1)
    await broker.stop()
    await until(lambda: world.sockets == 0, "a socket is left")


async def check_cut(seen, session, command_id):
    client = session.client

    def recovered():
        return len(seen.connects) >= 2 and client.connected and not len(client.outbox)

    await until(recovered, "cut %d: %s" % (command_id, session.counters.__dict__), 30)
    assert set(payloads(seen)) == {b"0", b"1", b"2"}
    await until(lambda: command_id in seen.pubacks, "command not acknowledged")
    assert session.got and session.counters.dropped == 0
    await session.stop()


async def test_half_a_packet_at_every_offset():
    await at_every_offset("silence")


async def test_end_at_every_offset():
    await at_every_offset("eof")


async def test_reset_at_every_offset():
    await at_every_offset("reset")


async def test_refused_connection():
    session = Session()
    session.publish(3)
    session.start()
    await until(lambda: any("ECONNREFUSED" in line for line in log_lines), log_lines)
    assert not session.client.connected
    broker = await with_broker()
    await until(lambda: not len(session.client.outbox), "messages are left")
    assert payloads(broker.of("7210086")) == [b"0", b"1", b"2"]
    assert session.client.connected


async def test_no_connack():
    seen, session = await recovers(Script(connack=None), **QUICK)
    assert len(seen.connects) == 2 and "ETIMEDOUT" in log_lines[0], log_lines
    assert session.counters.connects == 1 and session.counters.disconnects == 0


async def test_the_broker_refuses():
    for code, reason in ((1, "version"), (4, "user or password"), (5, "not authorised")):
        seen, session = await recovers(Script(connack=bytes([0x20, 2, 0, code])))
        assert len(seen.connects) == 2 and "refused: " + reason in log_lines[-2], log_lines
        assert session.counters.malformed == 0
        await session.stop()
        await session.broker.stop()


async def test_malformed_packets():
    wrong = (b"\x20\x03\0\0\0", b"\x20\x02\x02\0", b"\xd0\0", b"\x00", b"HTTP/1.1 400", b"\x10\0",
             b"\x20\x02\0\0\x20\x02\0\0", b"\x20\x02\0\0\x30\xff\xff\xff\xff\x01",
             b"\x20\x02\0\0\x32\x05\0\x01t\0\0", b"\x20\x02\0\0\x34\x05\0\x01t\0\1",
             b"\x20\x02\0\0\x40\x01\x01", b"\x20\x02\0\0\x90\x03\xee\xee\0")
    for data in wrong:
        seen, session = await recovers(Script(connack=data))
        assert len(seen.connects) == 2, data
        assert session.counters.malformed == 1, data
        await session.stop()
        await session.broker.stop()


async def test_no_suback():
    seen, session = await recovers(Script(suback=None), **QUICK)
    assert seen.subscribes == 2 and not [m for m in seen.messages if m[3]]


async def test_subscription_refused():
    seen, session = await recovers(Script(suback=0x80))
    assert len(seen.connects) == 1 and session.counters.refused == 1
    assert session.client.connected


async def test_puback_lost():
    seen, session = await recovers(Script(pubacks="lost"), **QUICK)
    # once, once more on the same connection, then on the next one
    assert payloads(seen).count(b"0") == 3
    assert [dup for _, payload, _, dup in seen.messages if payload == b"0"] == [False, True, True]
    assert len({packet_id for _, payload, packet_id, _ in seen.messages if payload == b"0"}) == 1
    assert session.counters.resent == 6 and session.counters.disconnects == 1


async def test_puback_late():
    seen, session = await recovers(Script(pubacks="late"), **QUICK)
    await until(lambda: session.counters.unknown_acks == 3, "the second answers")
    assert len(seen.connects) == 1 and session.counters.acked == 3
    assert session.counters.resent == 3


async def test_puback_doubled():
    seen, session = await recovers(Script(pubacks="twice"))
    await until(lambda: session.counters.unknown_acks == 3, "the second answers")
    assert len(seen.connects) == 1 and session.counters.acked == 3 and len(seen.messages) == 3


async def test_puback_unknown():
    seen, session = await recovers(Script(pubacks="unknown"))
    assert len(seen.connects) == 1 and session.counters.unknown_acks == 3
    assert session.counters.acked == 3


async def test_pingresp_lost():
    seen, session = await recovers(Script(pings=False), **QUICK)
    await until(lambda: len(seen.connects) == 2 and seen.pings >= 3, "no second connection")
    await until(lambda: session.client.connected, "connected")
    assert session.counters.disconnects == 1 and session.counters.pings >= 3


async def test_an_idle_link_is_kept():
    seen, session = await recovers(Script(), keepalive=2)
    await until(lambda: seen.pings >= 3, "no pings")
    assert len(seen.connects) == 1 and session.client.connected


async def test_black_hole():
    ticker = Ticker()
    broker = await with_broker(Script(deaf=True))
    session = Session(timeout_ms=2000)
    session.publish(3)
    session.start()
    seen = broker.of("7210086")
    await until(lambda: not len(session.client.outbox), "messages are left")
    assert len(seen.connects) == 2 and payloads(seen) == [b"0", b"1", b"2"]
    assert ticker.stop() < 1000  # it would be 2000 if the loop had waited with the client


async def test_packet_ids_wrap():
    broker = await with_broker()
    session = Session()
    session.client.outbox._last_id = 65528
    session.publish(20)
    session.start()
    await until(lambda: session.counters.acked == 20, "not all acknowledged")
    ids = [packet_id for _, _, packet_id, _ in broker.of("7210086").messages]
    expected = [(65529 + n) % 65535 + 1 for n in range(20)]  # SUBSCRIBE had 65529
    assert ids == expected, ids
    assert 65535 in ids and 0 not in ids and session.counters.unknown_acks == 0


async def test_the_broker_restarts():
    broker = await with_broker()
    session = Session().start()
    session.publish(2)
    await until(lambda: session.counters.acked == 2, "not acknowledged")
    await broker.stop()
    await until(lambda: not session.client.connected, "did not notice")
    session.publish(2, first=2)
    again = await with_broker()
    await until(lambda: session.counters.acked == 4, "not acknowledged")
    assert payloads(again.of("7210086")) == [b"2", b"3"]
    assert session.counters.disconnects == 1 and session.counters.connects == 2
