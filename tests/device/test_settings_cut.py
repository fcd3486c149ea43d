# uMeter - settings on littlefs: the power fails at every single write of a save
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 500k

import os

import vfs
from _flash import Flash, PowerCut, mount

from firmware.log import Log
from firmware.store import checks
from firmware.store.settings import Settings

ROWS = [
    ("ssid", checks.text(200), "", False),
    ("limit", checks.number(-1, 10**13), -1, False),
    ("jobs", checks.list_of(checks.text(200, 1), 16), [], False),
]


class Uptime:
    def uptime(self):
        return 0


def settings():
    return Settings("/flash/data/settings", lambda: ROWS, Log(Uptime(), write=lambda line: None))


def boot(device):
    """(device, settings) after a power cut, or at first."""
    if "flash" in os.listdir("/"):
        vfs.umount("/flash")
    device = device.reborn()
    vfs.mount(mount(device), "/flash")
    return device, settings()


def generation(n):
    # Long enough to leave the directory block, where littlefs keeps small files.
    return {"ssid": "net %d" % n, "limit": 10**9 * n, "jobs": ["job %d " % n * 20] * (1 + n % 3)}


def seen(s):
    return {name: s[name] for name in ("ssid", "limit", "jobs")}


def test_old_or_new_at_every_cut():
    device, s = boot(Flash(blocks=24))
    s.update(generation(1))
    assert s.save()
    cuts = n = 0
    ended = False
    while not ended:
        n += 1
        old, new = generation(n), generation(n + 1)
        s.update(old)
        s.pending = True
        assert s.save()
        device.cut_at = device.count + cuts + 1
        s.update(new)
        try:
            assert s.save()
            ended = device.count < device.cut_at
        except PowerCut:
            cuts += 1
        device, s = boot(device)
        assert seen(s) in (old, new), (cuts, seen(s))
        if ended:
            assert seen(s) == new
    assert cuts > 5, cuts


def test_a_reset_is_done_or_not_at_every_cut():
    device, s = boot(Flash(blocks=24))
    cuts = 0
    while True:
        device, s = boot(device)
        for n in (1, 2):
            s.update(generation(n))
            s.save()
        device.cut_at = device.count + cuts + 1
        try:
            s.reset()
            done = device.count < device.cut_at
        except PowerCut:
            cuts += 1
            done = False
        device, s = boot(device)
        assert s["limit"] in (-1, 2 * 10**9), s["limit"]
        if done:
            assert s["limit"] == -1 and os.listdir("/flash/data") == []
            break
    assert cuts >= 2, cuts


def test_a_full_flash_keeps_the_old():
    device, s = boot(Flash(blocks=8))
    s.update(generation(1))
    assert s.save()
    full = False
    for i in range(30):
        try:
            with open("/flash/filler%d" % i, "wb") as file:
                file.write(b"x" * 2000)
        except OSError:
            full = True
            break
    assert full
    s.update({"jobs": ["y" * 190] * 16})
    assert not s.save() and s.pending
    os.remove("/flash/filler0")
    os.remove("/flash/filler1")
    assert s.save()
    device, s = boot(device)
    assert len(s["jobs"]) == 16
