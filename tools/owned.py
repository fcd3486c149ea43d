# uMeter - what on the device is program, and so may be replaced and removed
# MIT license; Copyright (c) 2026 The uMeter authors

FOLDER = "firmware"
# The .py beside a .mpy of the same name would be imported in its place.
FILES = ("boot.py", "boot.mpy", "main.py", "main.mpy", "config.py", "config.mpy", "ca.der",
         "microdot.py", "microdot.mpy")  # fmt: skip


def is_owned(path):
    """Whether a path on the device, without leading slash, is ours; all else is data."""
    return path.startswith(FOLDER + "/") or path in FILES
