# uMeter - gives back the room of modules that are not needed any more
# MIT license; Copyright (c) 2026 The uMeter authors

"""Code lives in the heap. What is seldom needed is imported where it is used, and freed after."""

import sys


def free(*names):
    """Forget these modules, and all inside those that are packages; not loaded is no error.

    The next import reads them from the flash again. Nothing may hold on to a function or class
    of theirs, or the room stays taken: functions hold their module, instances their class.
    Machine code (_fast) stays: the chip keeps it outside of this heap, and another copy after
    each import, until the next reset (MicroPython's ports/esp32/main.c, esp_native_code_commit).
    """
    for name in names:
        inside = name + "."
        # A list of all modules would be half a kilobyte in one piece.
        for loaded in [each for each in sys.modules if each == name or each.startswith(inside)]:
            if loaded.endswith("_fast"):
                continue
            parent, _, last = loaded.rpartition(".")
            if parent in sys.modules and hasattr(sys.modules[parent], last):
                delattr(sys.modules[parent], last)
            del sys.modules[loaded]
