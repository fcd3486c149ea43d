# uMeter - the virtual board's UART against the real clock, over a pipe and over TCP
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 160k

import asyncio
import time

import usocket

import machine
import world
from _ports import free_port
from _wires import Pipe, Tcp


def piped(*args, **kwargs):
    world.wires[1] = Pipe()
    return machine.UART(1, *args, **kwargs), world.wires[1]


def test_received_bytes_come_no_faster_than_the_line():
    uart, far = piped(2400, bits=8, parity=0, stop=1)  # 11 bits: 4.58 ms a byte
    start = time.ticks_ms()
    far.send(bytes(range(60)))
    got = b""
    while len(got) < 60:
        got += uart.read() or b""
        # A byte too early would be a fault of the pacing; late ones are the machine's load.
        most = (time.ticks_diff(time.ticks_ms(), start) + 1) * 1000 // 4583
        assert len(got) <= most + 1, (len(got), most)
    assert got == bytes(range(60))
    assert uart.any() == 0 and uart.read() is None and uart.read(5) is None


def test_transmitted_bytes_leave_no_faster_than_the_line():
    uart, far = piped(2400, bits=8, parity=None, stop=2)
    start = time.ticks_ms()
    assert uart.write(b"x" * 40) == 40  # fits the buffer: returns at once
    assert not uart.txdone()
    while not uart.txdone():
        sent, ms = len(far.sent), time.ticks_diff(time.ticks_ms(), start)
        assert sent * 4583 <= (ms + 1) * 1000, (sent, ms)
        time.sleep_ms(2)
    assert far.sent == b"x" * 40


def test_write_waits_when_the_buffer_is_full():
    uart, far = piped(115200, txbuf=256)
    assert uart.write(bytes(1000)) == 1000
    left = 1000 - len(far.sent)
    assert 0 < left <= 256 + 128, left  # what still fits buffer and FIFO
    uart.flush()
    assert uart.txdone() and len(far.sent) == 1000


def test_what_finds_the_buffer_full_is_lost_and_counted():
    uart, far = piped(115200, rxbuf=256)
    far.send(bytes(i & 255 for i in range(1000)))
    time.sleep_ms(200)  # 1000 bytes take 87 ms
    got = uart.read()
    assert got == bytes(i & 255 for i in range(384))  # rxbuf and the FIFO of 128
    assert world.uart_lost[1] == 616
    far.send(b"next")
    time.sleep_ms(20)
    assert uart.read() == b"next"


def test_seven_bits_cut_the_eighth():
    uart, far = piped(9600, bits=7, parity=0, stop=1)
    uart.write(b"/\xaf\xff")
    far.send(b"\xb1\x31")
    uart.flush()
    time.sleep_ms(20)
    assert far.sent == b"/\x2f\x7f" and uart.read() == b"11"
    assert world.uart_settings[1]["bits"] == 7 and world.uart_settings[1]["parity"] == 0


def test_settings_change_under_way():
    uart, far = piped(300, bits=7, parity=0)
    uart.write(b"123")
    uart.init(baudrate=1200)  # what was written leaves before, as the driver does it
    assert far.sent == b"123"
    settings = world.uart_settings[1]
    assert (settings["baudrate"], settings["bits"], settings["parity"]) == (1200, 7, 0)
    uart.init(parity=None, bits=8, stop=2, invert=machine.UART.INV_RX)
    assert settings["parity"] is None and settings["invert"] == 4


def test_bad_settings():
    for args in ({"bits": 9}, {"stop": 3}, {"parity": 2}, {"rxbuf": 128}):
        try:
            machine.UART(1, 9600, **args)
            assert False, args
        except ValueError:
            pass
    for uart_id in (0, 3):
        try:
            machine.UART(uart_id, 9600)
            assert False, uart_id
        except ValueError:
            pass


def test_timeouts_and_readline():
    uart, far = piped(115200, timeout=50)
    start = time.ticks_ms()
    assert uart.read(4) is None and time.ticks_diff(time.ticks_ms(), start) >= 50
    far.send(b"line\nrest")
    assert uart.readline() == b"line\n"
    buf = bytearray(8)
    time.sleep_ms(5)
    assert uart.readinto(buf) == 4 and buf[:4] == b"rest"


def test_over_tcp_with_asyncio():
    port = free_port()
    listener = usocket.socket()
    listener.bind(usocket.getaddrinfo("127.0.0.1", port)[0][-1])
    listener.listen(1)
    world.wires[1] = Tcp("127.0.0.1:%d" % port)
    far, _ = listener.accept()
    uart = machine.UART(1, 9600)

    async def main():
        uart.write(b"ping")
        got = b""
        while len(got) < 4:  # byte by byte, as the line carries them
            got += far.recv(10)
        assert got == b"ping"
        far.send(b"pong")
        assert await asyncio.wait_for(asyncio.StreamReader(uart).readexactly(4), 5) == b"pong"

    asyncio.run(main())
    far.close()  # the far end goes: bytes are lost, nothing is raised
    time.sleep_ms(10)
    assert uart.read() is None and uart.write(b"lost") == 4
