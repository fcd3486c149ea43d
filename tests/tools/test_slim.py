# uMeter - microdot made small answers as microdot does
# MIT license; Copyright (c) 2026 The uMeter authors

import asyncio
import importlib.util
import io

import pytest

from tools.assets import microdot_for, microdot_source
from tools.slim import slim, used_names
from tests.conftest import ROOT

REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nhost: 192.168.4.1\r\n\r\n",
    b"GET /text?a=b&c HTTP/1.0\r\nCookie: session=1; x\r\nAccept: application/json\r\n\r\n",
    b"GET /pieces HTTP/1.1\r\n\r\n",
    b"GET /file HTTP/1.1\r\n\r\n",
    b"GET /fails HTTP/1.1\r\n\r\n",
    b"GET /generate_204/x HTTP/1.1\r\n\r\n",
    b"PUT / HTTP/1.1\r\n\r\n",
    b"POST /form HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 27\r\n\r\na=1&b=%C3%A9+x&a=2&flag&c=%25",
    b"POST /form HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na=1",
    b"POST /form HTTP/1.1\r\nContent-Length: 99999\r\n\r\n",
    b"\r\n",
    b"",
]


def load(source, name):
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, None))
    exec(compile(source, name, "exec"), module.__dict__)
    return module


def application(microdot):
    app = microdot.Microdot()
    answer = microdot.Response

    def page(request, name=""):
        if name == "pieces":
            return answer((piece for piece in ("a\n", b"b", "\u00e9")), 200, {"X-Kind": "pieces"})
        if name == "file":
            return answer(io.BytesIO(b"x" * 3000), 200, {"Content-Encoding": "gzip"})
        if name == "fails":
            raise KeyError(name)
        told = (name, request.path, request.headers.get("ACCEPT"), request.cookies)
        return answer(repr(told), 422 if name else 200)

    def form(request, name):
        return answer(repr(request.form and sorted((k, request.form[k]) for k in request.form)))

    app.get("/")(page)
    app.get("/<name>")(page)
    app.post("/<name>")(form)
    app.errorhandler(404)(lambda request: answer("", 302, {"Location": "http://192.168.4.1/"}))
    return app


class Stream:
    def __init__(self, data):
        self._in, self.out = io.BytesIO(data), b""

    async def readline(self):
        return self._in.readline()

    async def readexactly(self, count):
        return self._in.read(count)

    async def awrite(self, data):
        self.out += data


async def answered(microdot, app, data):
    stream = Stream(data)
    request = await microdot.Request.create(app, stream, stream, ("192.168.4.2", 1))
    answer = await app.dispatch_request(request)
    answer.headers["X-Frame"] = "none"
    await answer.write(stream)
    return stream.out


@pytest.fixture(scope="module")
def both():
    return load(microdot_source().read_text(), "whole"), load(microdot_for(ROOT), "small")


@pytest.mark.parametrize("data", REQUESTS)
def test_the_answers_are_the_same(both, data, capsys):
    outs = [asyncio.run(answered(m, application(m), data)) for m in both]
    assert outs[0] == outs[1] and outs[0].startswith(b"HTTP/1.0 ")


def test_the_pages_find_all_they_use(both):
    site = used_names([(ROOT / "firmware/web/site.py").read_text()])
    for name in ("Microdot", "Request", "Response"):
        assert name in site and hasattr(both[1], name)
    whole, small = (vars(module) for module in both)
    assert not set(small) - set(whole)
    assert "AsyncBytesIO" in whole and "AsyncBytesIO" not in small


def test_every_row_fits_the_pinned_microdot():
    assert slim(microdot_source().read_text(), ["from microdot import Microdot"])[1] == []


def test_a_row_that_fits_no_longer_is_told():
    assert "req.subapp" in slim("x = 1\n", ["x"])[1]


def test_it_is_a_third(both):
    assert len(microdot_for(ROOT)) * 3 < len(microdot_source().read_text())
