# uMeter - run one test function under MicroPython: micropython _run.py FILE FUNCTION
# MIT license; Copyright (c) 2026 The uMeter authors

import sys


def load(path):
    """Module of the test file; its folder is on the path so that its helpers import."""
    folder, _, name = path.rpartition("/")
    # The interpreter puts the script's folder first on the path: there it would shadow the fakes.
    sys.path.pop(0)
    sys.path.append(folder)
    return __import__(name[:-3])


def main(path, name):
    result = getattr(load(path), name)()
    if hasattr(result, "send"):
        import asyncio

        asyncio.run(result)


try:
    main(sys.argv[1], sys.argv[2])
except SystemExit:
    # Else a test that leaves early would pass. One that says SKIP may leave as it likes.
    print("SystemExit: the test function did not return")
    sys.exit(1)
