# uMeter - the count of pulses: what the flash gives back is what was written, or somebody is told
# MIT license; Copyright (c) 2026 The uMeter authors

import io

import pytest

from firmware.log import Log
from firmware.store import tally
from firmware.store.tally import Tally


class Uptime:
    def uptime(self):
        return 0


@pytest.mark.parametrize("saves", [1, 2, 3, 4])
def test_a_cut_after_a_restart_costs_the_last_save_only(tmp_path, saves):
    """Whatever is left of the file that was being written."""
    for count in range(saves + 1):  # each save after a restart
        pulses = Tally(str(tmp_path / "pulses"), Log(Uptime(), write=str))
        pulses.load()
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        assert pulses.save(100 + count)
    for path in tmp_path.iterdir():
        if path.read_bytes() != before.get(path):
            path.write_bytes(b"")
    assert Tally(str(tmp_path / "pulses"), Log(Uptime(), write=str)).load() == (99 + saves,)


@pytest.mark.parametrize("place, noise", [(0, b"9"), (3, b""), (-1, b"x"), (2, b"\xff\xfe")])
def test_what_does_not_read_back_is_told_once(tmp_path, monkeypatch, place, noise):
    said, told = [], []

    def store():
        log = Log(Uptime(), write=said.append)
        return Tally(str(tmp_path / "pulses"), log, lambda *pair: told.append(pair))

    pulses = store()
    assert pulses.save(101) and pulses.save(102)

    def damaged(path, mode="r"):
        if mode != "rb":
            return open(path, mode)
        with open(path, mode) as file:
            data = bytearray(file.read())
        data[place : place + 1 or None] = noise
        return io.BytesIO(data)

    with monkeypatch.context() as patch:
        patch.setattr(tally, "open", damaged, raising=False)
        for count in (103, 104, 105):
            assert not pulses.save(count)
    assert len(told) == 1 and len(said) == 2 and "does not read back" in said[1]
    assert store().load()[0] >= 102  # the other file was not touched
    assert pulses.save(106) and store().load() == (106,) and len(told) == 1
