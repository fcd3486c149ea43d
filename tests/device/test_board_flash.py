# uMeter - the virtual board's flash: littlefs on it, power cuts at every write
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 400k

import vfs

from _flash import Flash, PowerCut, mount


def put(fs, name, data):
    with fs.open(name, "wb") as f:
        f.write(data)


def get(fs, name):
    with fs.open(name, "rb") as f:
        return f.read()


def test_it_is_a_littlefs_of_the_chips_kind():
    fs = mount(Flash(blocks=512))
    assert fs.statvfs("/") == (4096, 4096, 512, 510, 510, 0, 0, 0, 0, 255)


def test_a_write_is_done_or_not_at_every_cut():
    old, new = b"old" * 20, b"new" * 30
    cuts = 0
    while True:
        device = Flash(blocks=16)
        fs = mount(device)
        put(fs, "x", old)
        device.cut_at = device.count + cuts + 1
        device.log = True
        try:
            put(fs, "x.new", new)
            fs.rename("x.new", "x")
        except PowerCut:
            assert len(device.writes) == cuts + 1  # the cut one is the last in the list
            device.cut_at = 0
            assert get(mount(device, make=False), "x") in (old, new)
            cuts += 1
            continue
        break
    assert cuts == len(device.writes) and cuts > 3
    assert get(mount(device), "x") == new


def test_without_rename_a_cut_can_be_seen():
    # Proof that the cut does harm: littlefs keeps its own promises, a half-done pair of files not.
    device = Flash(blocks=16)
    fs = mount(device)
    put(fs, "a", b"1")
    put(fs, "b", b"1")
    mixed = 0
    for cut in range(1, 40):
        device.cut_at = device.count + cut
        try:
            put(fs, "a", b"2")
            put(fs, "b", b"2")
        except PowerCut:
            pass
        done = device.count < device.cut_at
        device.cut_at = 0
        fs = mount(device, make=False)
        mixed += get(fs, "a") != get(fs, "b")
        put(fs, "a", b"1")
        put(fs, "b", b"1")
        if done:
            break
    assert mixed


def test_no_image_where_none_is_wanted():
    try:
        mount(Flash(blocks=8), make=False)
        assert False
    except OSError:
        assert hasattr(vfs, "VfsLfs2")
