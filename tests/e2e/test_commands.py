# uMeter - every command over a real broker, from meterctl's functions to the firmware and back
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import re
import time
from unittest import mock

import pytest

from firmware.crypto.keys import parse_key
from sim.launch import VirtualBoard, interpreter
from tools import brokers, build, mpy, sim
from tools.image import make_image
from tools.keys import KeyRing
from tools.meterctl.link import Link
from tools.meterctl.messages import open_message

KEY = "00112233445566778899aabbccddeeff"
SERIAL = "7210086"


class Device:
    """A virtual board with a simulated Multical, a broker, and somebody who has the key."""

    flags = {}  # of the build, besides those that all need
    greeting = "status"  # the last that it says when it has connected

    def __init__(self, folder):
        self.folder = folder
        self.keys = KeyRing({"*": parse_key(KEY)})
        self.lines = []
        self.seen = []  # (function, text)
        self.raw = []  # (topic, payload) of what was sent
        self._time = 0  # of the last command: one second each, so that none looks old

    @contextlib.contextmanager
    def running(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(sim, "say"))  # the meter's chatter
            clock = stack.enter_context(contextlib.closing(sim.TimeServer()))
            port = stack.enter_context(brokers.mosquitto(self.folder, "set_tcp_nodelay true"))
            flags = sim.flags({"KEY": KEY, "INTERVAL": "2",
                               "DEBUG_SHORT_WEB_CONFIG_TIME": "1", **self.flags}, {},
                              "127.0.0.1:%d" % port, clock.port, self.folder)  # fmt: skip
            tree = self.folder / "device"
            build.build(flags, mpy.host_arch(interpreter()), tree)
            self.image = self.folder / "flash.img"
            make_image(tree, self.image)
            self.world = sim.meter_world(flags, None, stack)
            self.world["aps"] = [{"ssid": "virtual", "password": "", "rssi": -61, "channel": 6},
                                 {"ssid": "a&b=c", "password": "x" * 8, "rssi": -80}]  # fmt: skip
            self.world["scan_ms"] = 200
            self.link = stack.enter_context(Link("127.0.0.1", port, ["/+/v2/+/+"]))
            with self.board():
                self.wait(self.greeting)
                yield self

    def board(self):
        # What fits into the chip is measured by make bench and tests/tools/test_sim.py.
        return VirtualBoard(self.image, self.world, "260k", on_line=self.lines.append)

    def publish(self, topic, payload):
        self.raw.append((topic, payload))
        self.link.publish(topic, payload)

    def send(self, command, text=b"1", when=None):
        self._time = max(self._time + 1, int(time.time())) if when is None else when
        topic = "/config/v2/%s/%d/%s" % (SERIAL, self._time, command)
        envelope = self.keys.envelope(SERIAL)
        self.publish(topic, envelope.seal(topic.encode(), text))

    def receive(self, seconds):
        """(function, text) of the next message that is not a sample; None: none came."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = self.link.receive(0.2)
            message = got and open_message(got[0], got[1], self.keys)
            if message and message.function != "sample":
                assert message.verified, message.reason
                self.seen.append((message.function, message.text))
                return self.seen[-1]
        return None

    def wait(self, function, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = self.receive(end - time.monotonic())
            if got and got[0] == function:
                return got[1]
        raise AssertionError("no /%s; seen %s; log %s" % (function, self.seen, self.lines[-8:]))

    def told(self, text, seconds=60):
        """What the board prints goes another way than its messages, and may come later."""
        end = time.monotonic() + seconds
        while not any(text in line for line in self.lines):
            assert time.monotonic() < end, self.lines[-8:]
            time.sleep(0.02)

    def ask(self, command, text=b"1"):
        self.send(command, text)
        return self.wait(command)


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    with Device(tmp_path_factory.mktemp("board")).running() as running:
        yield running


QUESTIONS = [
    ("ping", r""),
    ("version", r"\d+\.\d+\.\d+-.*-KMP-THERMO_NC-DEBUG_STACK_TRACE"),
    ("crypto", r"\d+\.\d+\.\d+-.*"),
    ("uptime", r"\d+"),
    ("vdd", r"65\.535"),
    ("rssi", r"-61"),
    ("ssid", r"virtual"),
    ("wifi_status", r"connected"),
    ("ap_status", r"stopped"),
    ("disconnect_count", r"\d+"),
    ("network_quality", r"ping_response_time=(unknown|\d+\.\d{3} mS)&"
                        r"ping_average_packet_loss=(unknown|\d+\.\d\d%)&disconnect_count=\d+"),
    ("mem", r"heap=\d+"),
    ("chip_id", r"0x[0-9a-f]{6}"),
    ("flash_id", r"unknown"),
    ("flash_size", r"4096 kB"),
    ("reset_reason", r"reason=0&exccause=0&epc1=0x00000000&.*&depc=0x00000000"),
    ("status", r"open|close"),
    ("limit", r"none|\d+"),
    ("rejected", r"([a-z_]+=\d+(&|$))*"),
]  # fmt: skip


@pytest.mark.parametrize("command, form", QUESTIONS)
def test_questions(device, command, form):
    assert re.fullmatch(form, device.ask(command))


def test_valve(device):
    device.send("close")
    device.ask("ping")  # all that was said before has been heard
    device.send("open")
    assert device.wait("status") == "open" and device.wait("status_cause") == "command"
    device.send("close")
    assert device.wait("status") == "close"
    assert device.ask("open_until", b"57000") == "57000" and device.wait("status") == "open"
    assert device.ask("limit") == "57000"
    assert device.ask("open_until_delta", b"10") == "10"
    assert device.ask("open_until", b"-5") == str(56726 + 10)
    device.send("open_until", b"100")  # passed long ago
    assert device.wait("open_until") == "100" and device.ask("status") == "close"
    for command, text in (("test", b"1"), ("pwm", b"500"), ("off", b"1")):
        device.send(command, text)
    assert device.ask("status") == "close"


BAD = [
    ("open_until", b"x"), ("open_until", b""), ("open_until", b"1.5"), ("open_until", b"\xff\xfe"),
    ("open_until_delta", "١٢".encode()), ("open_until", b"9" * 400), ("pwm", b"1001"),
    ("pwm", b"-1"), ("pwm", b""), ("set_ssid", b"x" * 33), ("set_ssid", b"\xc3"),
    ("set_ssid", b""),
    ("set_pwd", b"short"), ("set_pwd", b"x" * 64), ("set_ssid_pwd", b"ssid=only"),
    ("set_ssid_pwd", b"pwd=12345678&ssid=x"), ("set_ssid_pwd", b"ssid=&pwd=12345678"),
    ("set_ap_mesh_pwd", b"1234567"),
]  # fmt: skip


@pytest.mark.parametrize("command, text", BAD)
def test_bad_arguments_are_answered_and_change_nothing(device, command, text):
    ssid, limit = device.ask("ssid"), device.ask("open_until", b"-1")
    device.wait("status")
    assert device.ask(command, text).startswith("error: ")
    assert device.ask("ssid") == ssid and device.ask("open_until", b"-1") == limit


def test_secrets_are_not_echoed(device):
    assert device.ask("set_pwd", b"hemmeligt ord") == "13 characters"
    answer = device.ask("set_ssid_pwd", b"ssid=a%26b%3dc&pwd=top%3Dsecret1")
    assert answer == "ssid=a%26b%3Dc&pwd=11 characters"
    assert device.ask("ssid") == "a&b=c"
    assert device.ask("set_ap_mesh_pwd", b"neighbours") == "10 characters"
    assert not any("secret1" in line or "neighbours" in line for line in device.lines)
    assert device.ask("set_ssid_pwd", b"ssid=virtual&pwd=") == "ssid=virtual&pwd=0 characters"


def test_further_networks(device):
    assert device.ask("networks") == "1=virtual&fallback="
    answer = device.ask("set_network", b"ssid=a%26b&pwd=long-enough")
    assert answer == "1=virtual&2=a%26b&fallback="
    assert device.ask("set_network", b"ssid=barn&pwd=") == "1=virtual&2=a%26b&3=barn&fallback="
    assert device.ask("set_network", b"ssid=a%26b&pwd=other-words").count("a%26b") == 1
    for text in (b"ssid=&pwd=", b"barn", b"ssid=x&pwd=short", b"ssid=virtual&pwd=long-enough"):
        assert device.ask("set_network", text).startswith("error: ")
    assert device.ask("set_fallback", b"ssid=spare&pwd=long-enough").endswith("&fallback=spare")
    assert device.ask("clear_networks") == "1=virtual&fallback=spare"
    assert device.ask("set_fallback", b"ssid=&pwd=") == "1=virtual&fallback="
    assert not any("long-enough" in line or "other-words" in line for line in device.lines)


def test_how_the_radio_works(device):
    default = "hostname=&ip=&netmask=255.255.255.0&gateway=&dns=&country=&tx_power=0&power_save=0"
    assert device.ask("wifi") == default
    for text in (b"ip=1.2.3", b"ip=10.0.0.2", b"tx_power=21", b"color=red", b"1", b"hostname=a b",
                 b"country=D"):
        assert device.ask("set_wifi", text).startswith("error: "), text
    assert device.ask("wifi") == default
    answer = device.ask("set_wifi", b"hostname=cellar&tx_power=8&country=DK&power_save=1")
    assert answer.startswith("hostname=cellar&ip=&") and "DK&tx_power=8&power_save=1" in answer
    assert device.ask("set_wifi", b"hostname=&tx_power=0&country=&power_save=0") == default


def test_what_is_seldom_set(device):
    default = "interval=2&timezone=CET-1CEST,M3.5.0,M10.5.0/3&cron_most=16&fail_safe=keep"
    default += "&switch_interval=0&motor_valve=0"
    assert device.ask("device") == default
    for text in (b"", b"fail_safe=up", b"interval=0", b"timezone=Europe", b"ssid=x", b"\xff"):
        assert device.ask("set_device", text).startswith("error: "), text
    assert device.ask("device") == default
    changed = device.ask("set_device", b"fail_safe=close&timezone=GMT0BST,M3.5.0/1,M10.5.0")
    assert "timezone=GMT0BST,M3.5.0/1,M10.5.0&" in changed and "fail_safe=close" in changed
    assert device.ask("set_device", default.encode()) == default


def test_extender(device):
    device.send("start_ap")
    device.told("network mesh-7210086 is there")
    assert device.ask("ap_status") == "started, this device only: no NAPT"
    device.send("stop_ap")
    assert device.ask("ap_status") == "stopped"


def test_scan(device):
    device.send("scan")
    found = [device.wait("scan_result"), device.wait("scan_result")]
    assert "ssid=virtual&bssid=" in found[0] and "rssi=-61&channel=6&auth_mode=OPEN" in found[0]
    assert found[1].startswith("ssid=a%26b%3Dc&")


def test_reconnect(device):
    device.send("reconnect")
    assert device.wait("version")


def test_hostile_messages(device):
    """Replayed, re-topic-ed, flipped, cut, old, future, with another key, for another one."""
    device.send("open_until", b"-1")
    limit = device.wait("open_until")
    device.send("open")
    opened = device.raw[-1]
    device.send("close")
    device.ask("ping")  # what was said of open and close has been heard
    now = int(time.time())
    other = KeyRing({"*": bytes(16)}).envelope(SERIAL)
    own = device.keys.envelope(SERIAL)
    hostile = [opened] * 3
    hostile += [(opened[0].replace("/open", "/" + name), opened[1]) for name in ("ping", "off")]
    for place in range(0, len(opened[1]), 7):
        flipped = bytearray(opened[1])
        flipped[place] ^= 1
        hostile.append((opened[0], bytes(flipped)))
    hostile += [(opened[0], opened[1][:n]) for n in range(1, len(opened[1]), 9)]
    for when in (now - 1900, now + 1900, 0, 2**31, 2**32 + now):
        old = "/config/v2/%s/%d/open" % (SERIAL, when)
        hostile.append((old, own.seal(old.encode(), b"1")))
    fresh = "/config/v2/%s/%d/open" % (SERIAL, now + 60)
    hostile.append((fresh, other.seal(fresh.encode(), b"1")))
    stranger = "/config/v2/7210087/%d/open" % (now + 60)
    hostile.append((fresh, own.seal(stranger.encode(), b"1")))
    hostile += [(fresh, bytes(n)) for n in (0, 512, 2048, 100000)]
    hostile += [(fresh + "/" + "x" * 1000, opened[1]), (fresh[:-4], opened[1])]
    device.seen.clear()
    for message in hostile:
        device.publish(*message)
    assert device.ask("status") == "close"
    assert device.seen == [("status", "close")]
    counts = device.ask("rejected")
    assert "replay=3" in counts and "hmac=" in counts and "time=" in counts
    assert device.ask("open_until", b"-1") == limit
