# uMeter - the count of pulses on littlefs: the power fails at every single write
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 500k

import os

import vfs
from _flash import Flash, PowerCut, mount

from firmware.log import Log
from firmware.meters.impulse_meter import ImpulseMeter
from firmware.store.tally import Tally


class Uptime:
    def uptime(self):
        return 0

    def uptime_ms(self):
        return 0


class Counter:
    count = 0

    def value(self):
        return self.count


def boot(device):
    if "flash" in os.listdir("/"):
        vfs.umount("/flash")
    device = device.reborn()
    vfs.mount(mount(device), "/flash")
    return device, tally()


def tally():
    return Tally("/flash/data/pulses", Log(Uptime(), write=lambda line: None))


def cut_everywhere(change, check):
    """change(store) is cut at its 1st, 2nd ... write; check(store, done) after the next boot."""
    device, _ = boot(Flash(blocks=24))
    cuts = 0
    while True:
        device, store = boot(device)
        device.cut_at = device.count + cuts + 1
        try:
            change(store)
            done = device.count < device.cut_at
        except PowerCut:
            done = False
            cuts += 1
        device, store = boot(device)
        check(store, done)
        if done:
            return cuts


def test_old_or_new_at_every_cut():
    most = [0, 0]  # saved, begun to save

    def change(store):
        store.load()
        for _ in range(60):  # littlefs compacts its log meanwhile
            most[1] += 50
            store.save(most[1], 7 * most[1])
            most[0] = most[1]

    def check(store, done):
        count, sevenfold = store.load() or (0, 0)
        assert most[0] <= count <= most[1] and sevenfold == 7 * count, (count, most)
        most[0] = most[1] = count

    assert cut_everywhere(change, check) > 60


def test_never_backwards_over_hundreds_of_cuts():
    device, store = boot(Flash(blocks=16))
    count = saved = 0
    for cut in range(400):
        device, store = boot(device)
        found = (store.load() or (0,))[0]
        assert saved <= found <= count
        count = saved = found
        device.cut_at = device.count + 1 + cut % 37
        try:
            while True:
                count += 1
                store.save(count)
                saved = count
        except PowerCut:
            continue
    assert count > 1000


def meter(store, counter, per_unit, reading):
    return ImpulseMeter(counter, store, Uptime(), "9999999", per_unit, reading)


def stored(total):
    """A flash where a meter with 1000 pulses per unit came to this total."""
    device, store = boot(Flash(blocks=24))
    counter = Counter()
    first = meter(store, counter, 1000, 0)
    for _ in range(3):
        counter.count += total // 3
        first.save()
    counter.count = total
    first.save()
    return boot(device)


def test_other_settings_at_every_cut():
    for per_unit, reading, total in ((100, 0, 1000), (1000, 5000, 5000), (7, 0, 1000)):
        cuts = 0
        done = False
        while not done:
            device, store = stored(1000)
            device.cut_at = device.count + cuts + 1
            try:
                meter(store, Counter(), per_unit, reading)
                done = device.count < device.cut_at
            except PowerCut:
                cuts += 1
            device, store = boot(device)
            assert meter(store, Counter(), per_unit, reading)._core.total() == total
        assert cuts >= 1


def test_a_damaged_file_costs_one_save():
    device, store = boot(Flash(blocks=24))
    store.load()
    store.save(10)
    store.save(20)
    with open("/flash/data/pulses.b", "w") as file:
        file.write("3 2000 123")
    assert tally().load() == (10,)
    with open("/flash/data/pulses.b", "w") as file:
        file.write("x")
    assert tally().load() == (10,)


def test_a_full_flash_is_survived():
    device, store = boot(Flash(blocks=8))
    store.load()
    store.save(1)
    store.save(2)
    try:
        for i in range(30):
            with open("/flash/filler%d" % i, "wb") as file:
                file.write(b"x" * 2000)
        raise AssertionError("the flash is not full")
    except OSError:
        for count in range(3, 2000):  # littlefs may keep so few bytes even now
            store.save(count)
    assert tally().load()[0] >= 2
    os.remove("/flash/filler0")
    assert store.save(3000)
    assert tally().load() == (3000,)


def test_a_flash_that_is_gone():
    device, store = boot(Flash(blocks=24))
    assert store.save(1)
    vfs.umount("/flash")
    assert not store.save(2)
    device, _ = boot(device)
    assert store.save(3) and tally().load() == (3,)
