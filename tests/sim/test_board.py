# uMeter - the whole virtual board: console, mpremote, resets, power cuts, wires to the outside
# MIT license; Copyright (c) 2026 The uMeter authors

import signal
import socket
import time


def test_boot_then_main_then_console(board):
    b = board({"boot.py": "print('boot')", "main.py": "import lib_a; print('main')",
               "lib/lib_a.py": "print('lib')"})  # fmt: skip
    b.wait_line(">>> ?$|MicroPython")
    assert [line for line in b.lines if line in ("boot", "lib", "main")] == ["boot", "lib", "main"]
    b.type("6*7\r")
    b.wait_line("^42$")
    b.type("1/0\r")
    b.wait_line("ZeroDivisionError")


def test_the_host_is_out_of_reach(board):
    b = board({"main.py": "import os, sys; print('found', os.listdir('/'), sys.path)"})
    line = b.wait_line("^found")
    assert line == "found ['main.py'] ['', '.frozen', '/lib']"


def test_reset_keeps_rtc_memory_and_clock_power_cut_does_not(board):
    b = board({"main.py": """
import machine, time
rtc = machine.RTC()
print('life', machine.reset_cause(), rtc.memory(), time.time() > 800000000)
if not rtc.memory():
    rtc.memory(b'kept')
    rtc.datetime((2026, 11, 21, 0, 12, 0, 0, 0))
    machine.reset()
elif machine.reset_cause() == machine.HARD_RESET:
    machine.WDT(timeout=200)
    while True:
        pass
elif machine.reset_cause() == machine.WDT_RESET:
    machine.soft_reset()
print('at rest')
"""})  # fmt: skip
    b.wait_line("^at rest")
    lives = [line for line in b.lines if line.startswith("life")]
    assert lives == [
        "life 1 b'' False",
        "life 2 b'kept' True",
        "life 3 b'kept' True",
        "life 5 b'kept' True",
    ]
    assert b.resets == 3
    b.kill()
    n = len(b.lines)
    b.start()
    assert b.wait_line("^life", after=n) == "life 1 b'' False"


def test_every_life_begins_with_an_empty_heap(board):
    b = board({"main.py": """
import gc, machine
gc.collect()
print('free', gc.mem_free())
held = bytearray(100000)
machine.reset()
"""}, heap="160k")  # fmt: skip
    b.wait_line("^free")
    while b.resets < 3:
        time.sleep(0.05)
    free = [int(line.split()[1]) for line in b.lines if line.startswith("free")]
    # Never more than was asked for: what FAKES_KB adds is eaten by the fakes alone.
    assert max(free) - min(free) < 1024 and 0 <= 160 * 1024 - max(free) < 6 * 1024, free


def test_power_cut_at_a_write(board):
    files = {"main.py": """
import os
try:
    print('count', open('n').read())
    n = int(open('n').read())
except OSError:
    n = 0
while True:
    n += 1
    with open('n.new', 'w') as f:
        f.write(str(n))
    os.rename('n.new', 'n')
    print('stored', n)
"""}  # fmt: skip
    last = 0
    for cut in (7, 20, 33):
        b = board(files if not last else None, {"cut_at": cut})
        assert b.wait_end() == -signal.SIGKILL
        stored = [int(line.split()[1]) for line in b.lines if line.startswith("stored")]
        found = [int(line.split()[1]) for line in b.lines if line.startswith("count")]
        assert not found or found[0] in (last, last + 1)
        last = stored[-1] if stored else found[0] if found else 0
        b.close()
    assert last > 3


def test_killed_while_it_writes(board):
    files = {"main.py": """
import os
n = int(open('n').read()) if 'n' in os.listdir() else 0
print('count', n)
while True:
    n += 1
    with open('n.new', 'w') as f:
        f.write(str(n))
    os.rename('n.new', 'n')
    print('stored', n)
"""}  # fmt: skip
    b = board(files)
    for _ in range(3):
        b.wait_line("^stored")
        b.kill()
        last = int([line for line in b.lines if line.startswith("stored")][-1].split()[1])
        b.lines.clear()
        b.start()
        assert int(b.wait_line("^count").split()[1]) >= last


def test_pins_over_the_control_line(board):
    b = board({"main.py": """
import machine
out = machine.Pin(18, machine.Pin.OUT, value=0)
pin = machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP)
pin.irq(lambda p: out(1 - p()), 3)
print('ready')
import asyncio
async def main():
    await asyncio.sleep(60)
asyncio.run(main())
"""})  # fmt: skip
    b.wait_line("ready")
    for level in (0, 1, 0):
        b.order(pin=4, level=level)
        b.wait_output(18, 1 - level)
    assert [change[1:] for change in b.trace] == [(18, 0), (18, 1), (18, 0), (18, 1)]


def test_radio_over_the_control_line(board):
    aps = [{"ssid": "home", "password": "secret77"}]
    b = board({"main.py": """
import network, time
w = network.WLAN()
w.active(True)
w.connect('home', 'secret77')
was = None
while True:
    if (w.isconnected(), w.status()) != was:
        was = (w.isconnected(), w.status())
        print('now', was)
    time.sleep_ms(5)
"""}, {"aps": aps, "join_ms": 50, "scan_ms": 50})  # fmt: skip
    b.wait_line(r"now \(True, 1010\)")
    b.order(aps=[])
    b.wait_line(r"now \(False, 201\)")
    n = len(b.lines)
    b.order(aps=aps)
    b.wait_line(r"now \(True, 1010\)", after=n)


def test_a_server_on_the_board_and_a_meter_on_its_line(board):
    meter = socket.create_server(("127.0.0.1", 0))
    b = board({"main.py": """
import asyncio, machine
uart = machine.UART(1, 9600, bits=8, parity=None, stop=1)

async def serve(reader, writer):
    uart.write(await reader.readline())
    writer.write(await asyncio.StreamReader(uart).readline())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

async def main():
    await asyncio.start_server(serve, '0.0.0.0', 80)
    print('listening')
    await asyncio.sleep(60)

asyncio.run(main())
"""}, {"uart": {"1": "tcp:127.0.0.1:%d" % meter.getsockname()[1]}}, ports=[80])  # fmt: skip
    meter.settimeout(20)
    wire, _ = meter.accept()
    with meter, wire:
        wire.settimeout(20)
        b.wait_line("listening")
        with socket.create_connection(("127.0.0.1", b.port(80)), 20) as client:
            client.sendall(b"/?!\r\n")
            got = b""
            while not got.endswith(b"\n"):
                got += wire.recv(64)
            assert got == b"/?!\r\n"
            wire.sendall(b"/KAM\r\n")
            assert client.makefile("rb").readline() == b"/KAM\r\n"


def test_ctrl_c_ends_a_busy_loop(board):
    b = board({"main.py": "print('spin')\nwhile True: pass"})
    b.wait_line("spin")
    b.type(b"\x03")
    b.wait_line("KeyboardInterrupt")
    b.type("'al' + 'ive'\r")
    b.wait_line("'alive'")
