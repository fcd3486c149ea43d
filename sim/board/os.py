# uMeter - module os of the virtual board: what the chip's os has, and no more
# MIT license; Copyright (c) 2026 The uMeter authors

from collections import namedtuple as _namedtuple
from uos import VfsFat, VfsLfs2, chdir, getcwd, ilistdir, listdir, mkdir, mount  # noqa: F401
from uos import remove, rename, rmdir, sep, stat, statvfs, umount, unlink, urandom  # noqa: F401


def uname():
    import world

    kind = _namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))
    return kind("esp32", "esp32", "1.26.1", "virtual", "virtual board with " + world.chip)


def sync():
    """littlefs writes at once."""
