# uMeter - fixtures of the tests of meterctl
# MIT license; Copyright (c) 2026 The uMeter authors

import subprocess

import pytest
from meterctl_surroundings import KEY, command_line, surroundings

from tools import brokers


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """Port of a mosquitto that listens on 127.0.0.1 and lets everybody in."""
    if not brokers.find_mosquitto():
        pytest.skip("no mosquitto here: make setup")
    with brokers.mosquitto(tmp_path_factory.mktemp("broker")) as port:
        yield port


@pytest.fixture
def meterctl(tmp_path, broker):
    """Run it to its end; `key` None for none."""

    def run(*arguments, key=KEY, port=broker, stdin="", **more):
        if key:
            more["UMETER_KEY"] = key
        return subprocess.run(
            command_line(*arguments),
            env=surroundings(tmp_path, port, **more),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def listening(tmp_path, broker):
    """Start `meterctl listen`; returns when it is subscribed."""
    started = []

    def start(*arguments, key=KEY):
        process = subprocess.Popen(
            command_line("listen", *arguments),
            env=surroundings(tmp_path, broker, UMETER_KEY=key),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert "listening on" in process.stderr.readline()
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
