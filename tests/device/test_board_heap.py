# uMeter - what the fakes take from the heap that the firmware is meant to have
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 160k

import gc


def cost(*names):
    gc.collect()
    before = gc.mem_alloc()
    for name in names:
        __import__(name)
    gc.collect()
    return gc.mem_alloc() - before


def test_the_fakes_fit_the_share_that_the_launcher_adds():
    parts = {"world": cost("time", "select", "world")}
    cost("asyncio")  # the firmware's own
    for name in ("machine", "network", "socket", "esp32", "os"):
        parts[name] = cost(name)
    parts["console, flash"] = cost("_repl", "_flash", "_control")
    print(parts, sum(parts.values()))
    assert sum(parts.values()) < 44 * 1024  # FAKES_KB in sim/launch.py
