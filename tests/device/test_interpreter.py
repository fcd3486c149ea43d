# uMeter - the host's MicroPython behaves like the chip's
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 110k

import sys


def skip_on_64_bit():
    if sys.maxsize > 0x7FFFFFFF:
        print("SKIP: this MicroPython is not 32-bit")
        raise SystemExit


def test_32_bit_objects():
    skip_on_64_bit()
    assert sys.maxsize == 0x7FFFFFFF


def test_single_floats():
    skip_on_64_bit()
    assert 16777216.0 + 1.0 == 16777216.0


def test_heap_is_what_the_header_line_says():
    import gc

    gc.collect()
    assert 100_000 < gc.mem_free() + gc.mem_alloc() < 115_000


def test_no_counter_mode():
    from cryptolib import aes

    try:
        aes(bytes(16), 6, bytes(16))
    except ValueError:
        return
    assert False, "cryptolib offers mode 6; no ESP32 does"


def test_native_code():
    import micropython

    @micropython.viper
    def product(a: uint, b: uint) -> uint:  # noqa: F821
        return a * b

    assert product(65536, 65537) & 0xFFFFFFFF == 65536


async def test_asyncio():
    import asyncio

    async def add(total, n):
        await asyncio.sleep(0)
        total.append(n)

    total = []
    await asyncio.gather(*(add(total, n) for n in range(3)))
    assert total == [0, 1, 2]


def test_umqtt_simple():
    from umqtt.simple import MQTTClient

    assert MQTTClient("id", "127.0.0.1").port == 1883
