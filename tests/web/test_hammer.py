# uMeter - the pages under load: fuzz, clients that stall, twenty at once; the meter is read on
# MIT license; Copyright (c) 2026 The uMeter authors

import errno
import os
import random
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from firmware.crypto.keys import parse_key
from sim.launch import VirtualBoard
from sim.meters.multical import REGISTERS, Multical
from sim.meters.server import Server
from tests.web.conftest import FAR, KEY, NEAR, NETWORKS, ask
from tools.bench.portal import MAIN
from tools.image import make_image
from tools.keys import KeyRing
from tools.meterctl.link import Link
from tools.meterctl.messages import open_message

REQUESTS = int(os.environ.get("UMETER_FUZZ", 300))
CLIENTS = 4
GONE = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
GROWTH = 1024  # bytes: names of a few more things, once
LOOKS = 15  # at the heap, ten each second; the meter is read for the half of two
WORDS = [b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b" ", b"/", b"/setup", b"/live",
         b"/login", b"/data.json", b"/networks.json", b"/save", b"/app.js", b"?", b"%",
         b"%zz", b"\r\n", b"\n",
         b"\r\n\r\n", b":", b"Host", b"Host: 192.168.4.1", b"Cookie: session=1-2-3",
         b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999",
         b"Content-Type: application/x-www-form-urlencoded", b"Accept: application/json", b"=",
         b"&", b"token", b"ssid", b"HTTP/1.1", b"HTTP/", b"\x00", b"\xff\xfe", b"A" * 600,
         b"a&" * 300, b"x: y\r\n" * 80, b"..", b"//", b"\t"]  # fmt: skip
PATHS = ("/setup", "/live", "/data.json", "/networks.json", "/style.css", "/app.js")
# What the meter's task counts, beside the heap.
COUNTED = MAIN.replace("        portal = app", """        if app.meter.meter:
            print("replies", app.meter.meter.counters.good, app.meter.meter.counters.retries)
        portal = app""")
ALWAYS = "t1=65.43 C&t2=32.10 C&tdif=33.33 K&flow1=317 l/h&effect1=12.3 kW&"
MOST_S = 120  # for a few readings, two seconds each on a machine that does nothing else


class Numbered(Multical):
    """Hours, energy and volume grow by one with each reading that it tells."""

    told = 0

    def _move(self, now_ms):
        self.told += 1
        for name in (60, 68, 1004):
            unit, size, exponent, mantissa = REGISTERS[name]
            self.registers[name] = unit, size, exponent, mantissa + self.told

    def text(self, number):
        """Of the sample with that reading, behind its heap."""
        energy, volume, hours = 56726 + number, 132127 + number, 73327 + number
        return ALWAYS + "hr=%d h&v1=%d.%02d m3&e1=%d.%03d MWh&" % (
            hours, volume // 100, volume % 100, energy // 1000, energy % 1000)  # fmt: skip


class Samples:
    """What reaches the broker, by the number of the reading."""

    def __init__(self, meter, link):
        self._meter, self._link = meter, link
        self._keys = KeyRing({"*": parse_key(KEY)})
        self.numbers = set()

    def take(self, seconds):
        """Waits so long for the next one, and judges its values."""
        received = self._link.receive(seconds)
        if received is None:
            return
        message = open_message(received[0], received[1], self._keys)
        assert message.is_sample, message.reason
        _, _, text = message.text.partition("&")
        number = int(text.partition("hr=")[2].partition(" ")[0]) - REGISTERS[1004][3]
        assert text == self._meter.text(number)
        self.numbers.add(number)

    def after(self, number):
        """Once there is one with a later reading."""
        end = time.monotonic() + MOST_S
        while not self.numbers or max(self.numbers) <= number:
            assert time.monotonic() < end, "the meter is not read any more"
            self.take(1)

    def are_whole(self, device):
        """Each reading that the meter has told made a sample; but those that it was asked for
        again, which is how the device makes good what a busy machine spoils."""
        self.after(self._meter.told)
        lost = max(self.numbers) - min(self.numbers) + 1 - len(self.numbers)
        counted = [line for line in list(device.lines) if line.startswith("replies ")]
        return lost <= int(counted[-1].split()[2])


@pytest.fixture(scope="module")
def device(trees, tmp_path_factory, clock, broker):
    """A board that tells its heap ten times a second, and reads its meter all the time. Its
    samples find a broker: held back, they would grow on the heap."""
    folder = tmp_path_factory.mktemp("hammered")
    tree = trees(METER="kmp", WIFI_SSID="Home", WIFI_PASSWORD="correct horse", INTERVAL="2",
                 NTP_SERVER=clock, BROKER="127.0.0.1:%d" % broker)  # fmt: skip
    shutil.copytree(tree, folder / "device")
    (folder / "device" / "main.py").write_text(COUNTED)
    make_image(folder / "device", folder / "flash.img")
    core = Numbered(serial=7013412, seed=1)
    with Server(core, tcp=("127.0.0.1", 0)) as server, \
            Link("127.0.0.1", broker, ["/sample/v2/7013412/+"]) as link:  # fmt: skip
        world = {"aps": NETWORKS, "scan_ms": 200, "uart": {"1": "tcp:127.0.0.1:%d" % server.port}}
        with VirtualBoard(folder / "flash.img", world, "300k", ports=(80, 53)) as board:
            board.wait_line("setup: open")
            board.wait_line("mqtt: connected")
            for path in PATHS:  # names that were seen once stay
                assert ask(board, path)[0] == 200
            board.samples = Samples(core, link)
            board.meter = core
            board.samples.after(0)
            yield board
            text = "\n".join(board.lines)
            for word in ("no reading", "MemoryError", "app: failed", "no memory", "SAFE"):
                assert word not in text, word


def live(device, times=1):
    """Bytes on the heap once nobody is connected, the least of so many looks: a reading or a
    sample may be under way. The pages are in it, for they go when they rest."""
    assert ask(device, "/style.css")[0] == 200
    at, least = len(device.lines), 1 << 30
    for _ in range(times):
        line = device.wait_line(r"live \d+ \d 1 0$", after=at)
        at = device.lines.index(line, at) + 1
        least = min(least, int(line.split()[1]))
    return least


def growth(device, before):
    return live(device, LOOKS) - before


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
    before = live(device)
    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs = [pool.submit(fuzz, device, i, REQUESTS // CLIENTS) for i in range(CLIENTS)]
        answered = sum(job.result() for job in jobs)
    assert answered > REQUESTS // 4 - CLIENTS
    assert ask(device, "/setup")[0] == 200
    assert growth(device, before) <= GROWTH
    assert device.samples.are_whole(device)


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
    assert growth(device, before) <= GROWTH


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
    assert growth(device, before) <= GROWTH


def test_a_client_that_reads_nothing_is_cut(device):
    before = live(device)
    sock = connected(device)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sock.sendall(b"GET /app.js HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n")
    assert ask(device, "/live")[0] == 200
    sock.close()
    assert growth(device, before) <= GROWTH


def twenty(device, faults):
    """Five pages each."""

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


@pytest.mark.timeout(60 + 2 * MOST_S)
def test_twenty_at_once(device):
    """Again and again, until the meter has been read five times meanwhile."""
    before, first = live(device), device.meter.told
    faults, end = [], time.monotonic() + MOST_S
    while device.meter.told < first + 5:
        assert time.monotonic() < end, "the meter is not read any more"
        twenty(device, faults)
        assert faults == []
    assert device.samples.are_whole(device)
    assert growth(device, before) <= GROWTH
