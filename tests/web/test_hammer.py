# uMeter - the pages under load: fuzz, clients that stall, twenty at once; the meter is read on
# MIT license; Copyright (c) 2026 The uMeter authors

import errno
import json
import os
import random
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sim.launch import VirtualBoard
from sim.meters.multical import Multical
from sim.meters.server import Server
from tests.web.conftest import FAR, NEAR, NETWORKS, ask
from tools.bench.portal import MAIN
from tools.image import make_image

REQUESTS = int(os.environ.get("UMETER_FUZZ", 300))
CLIENTS = 4
GONE = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
GROWTH = 1024  # bytes: names of a few more things, once
WORDS = [b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b" ", b"/", b"/setup", b"/live",
         b"/login", b"/data.json", b"/networks.json", b"/save", b"/app.js", b"?", b"%",
         b"%zz", b"\r\n", b"\n",
         b"\r\n\r\n", b":", b"Host", b"Host: 192.168.4.1", b"Cookie: session=1-2-3",
         b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999",
         b"Content-Type: application/x-www-form-urlencoded", b"Accept: application/json", b"=",
         b"&", b"token", b"ssid", b"HTTP/1.1", b"HTTP/", b"\x00", b"\xff\xfe", b"A" * 600,
         b"a&" * 300, b"x: y\r\n" * 80, b"..", b"//", b"\t"]  # fmt: skip
PATHS = ("/setup", "/live", "/data.json", "/networks.json", "/style.css", "/app.js")


@pytest.fixture(scope="module")
def device(trees, tmp_path_factory, clock, broker):
    """A board that tells its heap ten times a second, and reads its meter all the time. Its
    samples find a broker: held back, they would grow on the heap."""
    folder = tmp_path_factory.mktemp("hammered")
    tree = trees(METER="kmp", WIFI_SSID="Home", WIFI_PASSWORD="correct horse", INTERVAL="2",
                 NTP_SERVER=clock, BROKER="127.0.0.1:%d" % broker)  # fmt: skip
    shutil.copytree(tree, folder / "device")
    (folder / "device" / "main.py").write_text(MAIN)
    make_image(folder / "device", folder / "flash.img")
    core = Multical(serial=7013412, seed=1)
    with Server(core, tcp=("127.0.0.1", 0)) as server:
        world = {"aps": NETWORKS, "scan_ms": 200, "uart": {"1": "tcp:127.0.0.1:%d" % server.port}}
        with VirtualBoard(folder / "flash.img", world, "300k", ports=(80, 53)) as board:
            board.wait_line("setup: open")
            board.wait_line("mqtt: connected")
            for path in PATHS:  # names that were seen once stay
                assert ask(board, path)[0] == 200
            yield board
            text = "\n".join(board.lines)
            for word in ("no reading", "MemoryError", "app: failed", "no memory", "SAFE"):
                assert word not in text, word


def live(device):
    """Bytes on the heap once nobody is connected; the pages in it, for they go when they rest."""
    assert ask(device, "/style.css")[0] == 200
    line = device.wait_line(r"live \d+ \d 1 0$", 60, after=len(device.lines))
    return int(line.split()[1])


def readings(device):
    """How old the last reading is, and its uptime."""
    told = json.loads(ask(device, "/data.json")[2])
    return told["age_s"], told["device"]["uptime"] - told["age_s"]


def connected(device, source=NEAR):
    sock = socket.create_connection(("127.0.0.1", device.port(80)), 30, (source, 0))
    sock.settimeout(60)
    return sock


def request(rng):
    data = b"".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 14)))
    if rng.random() < 0.5:
        data = b"GET " + data
    if rng.random() < 0.3:
        at = rng.randrange(len(data) + 1)
        data = data[:at] + rng.randbytes(rng.randrange(40)) + data[at:]
    return data


def fuzz(device, seed, count):
    """Requests that were answered with anything."""
    rng, answered = random.Random(seed), 0
    for i in range(count):
        data = request(rng)
        try:
            with connected(device, rng.choice((NEAR, FAR))) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                answer = sock.recv(4096)
                answered += bool(answer)
                assert answer[:9] in (b"", b"HTTP/1.0 "), (seed, i, data)
                while sock.recv(4096):
                    pass
        except OSError as error:  # cut before all of it was sent
            assert error.errno in GONE, (seed, i, data)
        if i % 100 == 0:
            assert ask(device, "/setup")[0] == 200, (seed, i, data)
    return answered


@pytest.mark.timeout(120 + REQUESTS)
def test_fuzz(device):
    ask(device, "/setup"), ask(device, "/live"), ask(device, "/login", far=True)
    fuzz(device, 0, 50)
    before, read = live(device), readings(device)
    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs = [pool.submit(fuzz, device, i, REQUESTS // CLIENTS) for i in range(CLIENTS)]
        answered = sum(job.result() for job in jobs)
    assert answered > REQUESTS // 4 - CLIENTS
    assert ask(device, "/setup")[0] == 200
    after = min(live(device) for _ in range(3))
    assert after <= before + GROWTH, (before, after)
    device.wait_line("live", after=len(device.lines))
    assert readings(device)[1] > read[1], "the meter is read on"


@pytest.mark.timeout(120 + REQUESTS)
def test_dns_fuzz(device):
    rng = random.Random(REQUESTS)
    ask(device, "/setup")
    before = live(device)
    question = b"\x03www\x07example\x03com\x00\x00\x01\x00\x01"
    good = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + question
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        for i in range(REQUESTS):
            data = bytearray(good) if i % 2 else bytearray(rng.randbytes(rng.randrange(1, 600)))
            for _ in range(rng.randrange(4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            sock.sendto(bytes(data), ("127.0.0.1", device.port(53)))
            if i % 20 == 0:
                time.sleep(0.03)  # the queue of the network stack is short
            if i % 2000 == 0:
                assert ask(device, "/setup")[0] == 200  # keeps the window open
        sock.settimeout(1)
        for _ in range(30):
            sock.sendto(b"\xab\xcd" + good[2:], ("127.0.0.1", device.port(53)))
            try:
                while sock.recv(600)[:2] != b"\xab\xcd":
                    pass
                break
            except socket.timeout:
                continue  # lost, the queue was full
        else:
            raise AssertionError("it answers no more")
    assert live(device) <= before + GROWTH


def test_silent_and_slow_clients_are_cut(device):
    ask(device, "/setup")
    before = live(device)
    stalled = [connected(device) for _ in range(6)]
    for i, sock in enumerate(stalled):
        sock.sendall((b"", b"GET /setup HT", b"POST /save HTTP/1.1\r\nContent-Length: 9\r\n\r\na=",
                      b"GET / HTTP/1.1\r\nA: ", b"G", b"\r")[i])  # fmt: skip

    def dribble():
        try:
            for _ in range(100):
                stalled[3].sendall(b"x")
                time.sleep(0.1)
        except OSError:
            return

    thread = threading.Thread(target=dribble)
    thread.start()
    assert ask(device, "/setup")[0] == 200, "who asks properly gets a turn"
    for sock in stalled:
        try:
            assert sock.recv(10) in (b"", b"HTTP/1.0 4")
        except ConnectionError:
            continue
        finally:
            sock.close()
    thread.join()
    assert live(device) <= before + GROWTH


def test_a_client_that_reads_nothing_is_cut(device):
    before = live(device)
    sock = connected(device)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sock.sendall(b"GET /app.js HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n")
    assert ask(device, "/live")[0] == 200
    sock.close()
    assert live(device) <= before + GROWTH


def test_twenty_at_once(device):
    before, read = live(device), readings(device)
    faults = []

    def client(i):
        try:
            for n in range(5):
                status, _, body = ask(device, PATHS[(i + n) % len(PATHS)])
                if status != 200 or not body:
                    faults.append((i, n, status))
        except OSError as error:
            faults.append((i, repr(error)))

    threads = [threading.Thread(target=client, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert live(device) <= before + GROWTH
    end = time.monotonic() + 90  # all this may have been over before the next reading was due
    while readings(device)[1] <= read[1]:
        assert time.monotonic() < end, "the meter is not read any more"
        time.sleep(0.5)
    assert readings(device)[0] <= 30
