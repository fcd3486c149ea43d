# uMeter - what is kept of crashes: the newest, whole, within bounds
# MIT license; Copyright (c) 2026 The uMeter authors

import sys

import vfs
from _flash import Flash, mount


class Flags:
    VERSION = "1.0"


sys.modules["config"] = Flags
vfs.mount(mount(Flash(blocks=24)), "/flash")

from firmware import crash  # noqa: E402

crash.PATH = "/flash/data/crash"


def test_as_many_whole_ones_as_there_is_room_for():
    for number in range(1, 10):
        crash.keep("task %d " % number + "x" * 400, number * 60, ())
        text = crash.told()
        assert len(text) <= 1536
        entries = text.rstrip().split("\ncrash ")
        assert len(entries) == min(number, 3), (number, text)
        for i, entry in enumerate(entries):
            last = number - i
            head = "%d, after %d s, 1.0\ntask %d " % (last, last * 60, last)
            assert entry.endswith(head + "x" * 400), entry


def test_of_a_long_one_the_end():
    lines = ["line %d of it" % i for i in range(200)]
    crash.keep("\n".join(lines), 1, ())
    head, _, kept = crash.told().partition("\n")
    assert head.startswith("crash ") and kept.startswith("...\nline ")
    first = kept.split("\n")[1]
    kept = kept[: kept.find("\ncrash ") + 1] or kept
    assert 650 < len(kept) <= 704, len(kept)
    assert kept == "...\n" + "\n".join(lines[lines.index(first) :]) + "\n"
