# uMeter - meterctl listen over a real broker
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import signal

from meterctl_surroundings import SAMPLE, SERIAL, Device

from firmware.crypto.envelope import Envelope
from sim.launch import free_port

pytest_plugins = ["meterctl_fixtures"]


def test_sample_is_printed_as_json(listening, broker):
    process = listening("--json", "--count", "1", "--seconds", "30")
    with Device(broker) as device:
        device.say("sample", SAMPLE, serial="12345", when=1700000000)
        out, _ = process.communicate(timeout=30)
    line = json.loads(out)
    assert process.returncode == 0
    assert (line["function"], line["serial"], line["time"]) == ("sample", "12345", 1700000000)
    assert line["verified"] is True and line["text"] == SAMPLE.decode()
    assert line["values"]["t1"] == {"value": "23.61", "unit": "C"}
    assert line["values"]["heap"] == {"value": "1000", "unit": ""}


def test_what_cannot_be_verified_is_shown_as_such(listening, broker):
    process = listening("--json")
    with Device(broker, envelope=Envelope(bytes(16))) as device:
        device.say("sample", SAMPLE)
        device.client.publish("/offline/v1/" + SERIAL, b"")
        device.client.publish("/sample/v2/%s/no-time" % SERIAL, b"x")
        device.client.publish("/sample/v2/%s/1" % SERIAL, b"short")
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == ""
    assert process.returncode == 1
    assert [line["reason"] for line in lines] == ["hmac", "unsigned", "length"]
    assert not any(line["verified"] or line["text"] for line in lines)


def test_only_the_named_meter_is_shown(listening, broker):
    process = listening("12345", "--count", "2", "--seconds", "30")
    with Device(broker) as device:
        device.say("sample", SAMPLE, serial="7654321")
        device.say("sample", SAMPLE, serial="12345")
        device.say("version", b"\x1b[2Jevil")
        device.say("sample", SAMPLE)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(out.splitlines()) == 3 and "7654321" not in out
    assert "t1 23.61 C" in out and "e1 56.726 MWh" in out
    assert "\x1b" not in out and "\\x1b[2Jevil" in out


def test_listen_without_a_broker(meterctl):
    done = meterctl("listen", "--seconds", 1, port=free_port())
    assert done.returncode == 2
    assert "cannot reach the broker" in done.stderr and "Traceback" not in done.stderr
