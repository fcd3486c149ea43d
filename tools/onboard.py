# uMeter - the part of make flash that runs on the board, in the raw REPL
# MIT license; Copyright (c) 2026 The uMeter authors

# tools/flash.py sends this file and then calls its functions; nothing of it stays on the board.

import binascii
import hashlib
import os
import sys

import machine

# The watchdog of an interrupted app cannot be stopped, but made again it takes a new timeout.
# If the cable is pulled, it restarts the board at last.
watchdog = machine.WDT(timeout=600000)
buffer = bytearray(1024)
file = None


def facts():
    room = os.statvfs("/")
    print((sys.implementation.version[:3], sys.platform, getattr(sys.implementation, "_mpy", 0),
           sys.implementation._machine, room[0] * room[3]))


def digest(path):
    total = hashlib.sha256()
    with open(path, "rb") as f:
        while True:
            n = f.readinto(buffer)
            if not n:
                return str(binascii.hexlify(total.digest()), "ascii")
            total.update(memoryview(buffer)[:n])


def files(own_folder, own_files, folder=""):
    """Prints (path, SHA-256) of every file that is ours; (path, None) of a folder."""
    watchdog.feed()
    for entry in os.ilistdir("/" + folder):
        path = folder + entry[0]
        if entry[1] & 0x4000:
            if path == own_folder or folder:
                print((path, None))
                files(own_folder, own_files, path + "/")
        elif folder or path in own_files:
            print((path, digest("/" + path)))


def begin(path):
    global file
    watchdog.feed()
    for i, character in enumerate(path):
        if character == "/":
            try:
                os.mkdir("/" + path[:i])
            except OSError as error:
                if error.errno != 17:  # EEXIST
                    raise
    file = open("/" + path, "wb")


def put(text):
    file.write(binascii.a2b_base64(text))


def end(path):
    file.close()
    print(digest("/" + path))


def commit(new, stale, folders):
    """The one moment in which the program changes. folders: inner ones first."""
    for path in new:
        os.rename("/" + path + ".new", "/" + path)
    for path in stale:
        os.remove("/" + path)
    for path in folders:
        os.rmdir("/" + path)
