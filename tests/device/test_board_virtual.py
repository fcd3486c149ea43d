# uMeter - virtual time: asyncio, the UART and interrupts on a clock that the test owns
# MIT license; Copyright (c) 2026 The uMeter authors
# path: sim/virtual:sim/board
# heap: 200k

import asyncio
import time

import utime

import world


def test_a_week_of_minutes():
    ticks = []
    began = utime.ticks_ms()

    async def main():
        start = time.time()
        for _ in range(7 * 24 * 60):
            await asyncio.sleep(60)
        ticks.append(time.time() - start)

    asyncio.run(main())
    assert ticks == [7 * 86400]
    print("a week in %d ms" % utime.ticks_diff(utime.ticks_ms(), began))


def test_ticks_wrap_after_twelve_days():
    seen = []

    async def main():
        for _ in range(14):
            before = time.ticks_ms()
            await asyncio.sleep(86400)
            seen.append(time.ticks_diff(time.ticks_ms(), before))

    asyncio.run(main())
    assert seen == [86400000] * 14
    assert time.ticks_ms() == 14 * 86400000 - (1 << 30)


def test_order_of_tasks():
    seen = []

    async def at(ms, name):
        await asyncio.sleep_ms(ms)
        seen.append((time.ticks_ms(), name))

    async def main():
        await asyncio.gather(at(30, "c"), at(10, "a"), at(10, "b"), at(0, "0"))

    asyncio.run(main())
    assert seen == [(0, "0"), (10, "a"), (10, "b"), (30, "c")]


def test_cancel_wait_for_event_and_lock():
    async def main():
        event, lock = asyncio.Event(), asyncio.Lock()
        try:
            await asyncio.wait_for(event.wait(), 5)
            assert False, "no timeout"
        except asyncio.TimeoutError:
            assert time.ticks_ms() == 5000
        task = asyncio.create_task(event.wait())
        await asyncio.sleep_ms(1)
        task.cancel()
        try:
            await task
            assert False, "not cancelled"
        except asyncio.CancelledError:
            assert task.done()

        async def hold():
            async with lock:
                await asyncio.sleep(1)
            return time.ticks_ms()

        assert await asyncio.gather(hold(), hold()) == [6001, 7001]
        assert await asyncio.wait_for(hold(), 3) == 8001

    asyncio.run(main())


def test_nothing_will_happen():
    async def main():
        await asyncio.ThreadSafeFlag().wait()

    try:
        asyncio.run(main())
        assert False, "waited for ever"
    except RuntimeError as error:
        assert "virtual time" in str(error)


def test_uart_and_a_meter_in_line_time():
    import machine
    from _wires import Pipe

    class Echo:
        def feed(self, data, now_ms):
            return [(100, bytes(reversed(data)))]

    world.wires[1] = pipe = Pipe()
    pipe.attach(Echo())
    uart = machine.UART(1, 1200, bits=8, parity=None, stop=2)  # 11 bits: 9.166 ms a byte

    async def main():
        reader = asyncio.StreamReader(uart)
        uart.write(b"0123456789")
        reply = await reader.readexactly(10)
        assert reply == b"9876543210"
        # 92 ms out, 100 ms to think, 92 ms back; whole milliseconds and the tick add a few.
        assert 270 <= time.ticks_ms() <= 295, time.ticks_ms()

    asyncio.run(main())


def test_uart_over_days_of_silence():
    import machine
    from _wires import Pipe

    world.wires[1] = pipe = Pipe()
    uart = machine.UART(1, 300, bits=7, parity=0)
    for _ in range(5):
        world.advance(3 * 86400000)
        pipe.send(b"/KAM\xff")
        world.advance(5 * 34)
        assert uart.read() == b"/KAM\x7f"


def test_pulses_while_the_chip_stalls():
    import machine

    counter = machine.Counter(0, machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP), edge=2)
    seen = []
    pin = machine.Pin(5, machine.Pin.IN, machine.Pin.PULL_UP)
    pin.irq(lambda p: seen.append(time.ticks_ms()), machine.Pin.IRQ_FALLING)

    def pulse(_):
        for gpio in (4, 5):
            world.drive(gpio, 0)
            world.drive(gpio, 1)
        world.after(50, pulse, None)

    world.after(50, pulse, None)
    world.advance(1000)
    assert len(seen) == counter.value() == 20
    world.stall(1000)  # 20 pulses meanwhile; the queue holds 8
    assert counter.value() == 40 and len(seen) == 28 and world.irq_dropped == 12
    assert seen[-8:] == [2000] * 8  # a soft interrupt comes late and cannot know when its edge was


def test_watchdog_bites_and_can_be_fed():
    import machine

    causes = []
    world.on_restart = lambda cause: causes.append((time.ticks_ms(), cause))

    async def main():
        dog = machine.WDT(timeout=3000)
        for _ in range(10):
            await asyncio.sleep(2)
            dog.feed()
        machine.WDT(timeout=5000)  # made again: the new timeout from now on
        await asyncio.sleep(10)

    try:
        asyncio.run(main())
        assert False, "no bite"
    except SystemExit:
        assert causes == [(25000, machine.WDT_RESET)]


def test_wifi_in_virtual_time():
    import network

    station = network.WLAN()
    station.active(True)
    station.connect("umeter", "wrong")
    world.advance(400)
    assert station.status() == network.STAT_WRONG_PASSWORD and not station.isconnected()
    station.disconnect()
    station.connect("umeter", "umeter-sim")
    assert station.status() == network.STAT_IDLE  # of disconnect(), which ended the driver's tries
    world.advance(400)
    assert station.isconnected() and station.status() == network.STAT_GOT_IP
    world.aps[0]["up"] = False
    assert not station.isconnected() and station.status() == network.STAT_CONNECTING
    world.advance(5000)
    assert station.status() == network.STAT_NO_AP_FOUND
    world.aps[0]["up"] = True
    world.advance(2500)  # the driver comes back by itself
    station.status()
    world.advance(400)
    assert station.isconnected()


def test_an_address_is_more_than_an_association():
    import network

    world.aps[0]["dhcp"] = False
    station = network.WLAN()
    station.active(True)
    station.config(reconnects=0)
    station.connect("umeter", "umeter-sim")
    world.advance(400)
    assert not station.isconnected() and station.status() == network.STAT_CONNECTING
    assert station.status("rssi") == -60
    assert station.scan() == []  # the driver is busy
    world.aps[0]["dhcp"] = True
    assert station.isconnected()
    world.aps[0]["channel"] = 11
    assert not station.isconnected() and station.status() == network.STAT_BEACON_TIMEOUT
    station.connect("umeter", "umeter-sim")
    world.advance(400)
    assert station.isconnected()
    station.disconnect()
    assert station.status() == network.STAT_IDLE
    station.connect("umeter", "umeter-sim")
    assert station.status() == network.STAT_IDLE  # of disconnect(), until it is over


def test_a_thread_scans_while_the_loop_runs():
    import _thread

    import network

    station = network.WLAN()
    station.active(True)
    found = []

    def scan():
        found.append(station.scan())

    async def main():
        _thread.start_new_thread(scan, ())
        for _ in range(19):
            await asyncio.sleep_ms(100)
        assert not found
        await asyncio.sleep_ms(101)
        assert len(found[0]) == 1 and time.ticks_ms() == 2001

    asyncio.run(main())
