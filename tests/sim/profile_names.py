# uMeter - prints the names of the fakes as JSON; runs under MicroPython on the virtual board
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import sys


def names(thing):
    return [n for n in dir(thing) if not n.startswith("_")]


def describe(module):
    found = {}
    for name in names(module):
        value = getattr(module, name)
        if isinstance(value, type):
            # What io.IOBase calls to reach a Python stream; a built-in stream does not show it.
            found[name] = [n for n in names(value) if n != "ioctl"]
        elif isinstance(value, (int, str)) and not isinstance(value, bool):
            found[name] = value
        else:
            found[name] = None
    return found


print(json.dumps({name: describe(__import__(name)) for name in sys.argv[1:]}))
