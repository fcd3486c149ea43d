# uMeter - a path too long for the chip's stack is a page that is not there
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio

import pytest
from microdot.microdot import URLPattern

from firmware.web.site import Site

MATCHED = 150  # characters; the chip's regular expressions take stack for each of them


class Host:
    def __init__(self, near):
        self._near = near

    def is_near(self, address):
        return self._near

    def is_own_name(self, name):
        return False

    def url(self):
        return "http://192.168.4.1/"

    def used(self, near):
        pass

    def rests(self):
        pass


class Connection:
    peer = ("192.168.4.2", 50000)

    def __init__(self, path):
        self._lines = [b"GET %s HTTP/1.1\r\n" % path, b"Host: 192.168.4.1\r\n", b"\r\n"]
        self.sent = b""

    async def readline(self):
        return self._lines.pop(0)

    async def awrite(self, data):
        self.sent += data

    async def aclose(self):
        pass


@pytest.fixture
def small_stack(monkeypatch):
    whole = URLPattern.match

    def match(self, path):
        if len(path) > MATCHED:
            raise RuntimeError("maximum recursion depth exceeded")
        return whole(self, path)

    monkeypatch.setattr(URLPattern, "match", match)


@pytest.mark.parametrize("near, status", [(True, b"302"), (False, b"404")])
@pytest.mark.parametrize("length", [1, 60, 100, 200, 450])
def test_it_gets_an_answer(small_stack, near, status, length):
    connection = Connection(b"/" + b"a" * length)
    asyncio.run(Site(Host(near), "token").serve(connection))
    assert connection.sent.split(b" ")[1] == status
