# uMeter - settings: all or nothing, whole generations, bad files
# MIT license; Copyright (c) 2026 The uMeter authors

import json
import os
from binascii import crc32
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.log import Log
from firmware.store import checks
from firmware.store.schema import setting_rows
from firmware.store.settings import Settings, state_rows
from tools.config import resolve

ROWS = [
    ("ssid", checks.text(32), "", False),
    ("password", checks.optional(checks.passphrase), "", True),
    ("limit", checks.number(-1, 10**13), -1, False),
    ("jobs", checks.list_of(checks.text(64, 1), 3), [], False),
]


class Uptime:
    def uptime(self):
        return 0


def make(tmp_path, said=None, rows=ROWS, **more):
    log = Log(Uptime(), write=(said if said is not None else []).append)
    return Settings(str(tmp_path / "data" / "settings"), lambda: rows, log, **more)


def test_defaults_then_what_was_saved(tmp_path):
    settings = make(tmp_path)
    assert settings["ssid"] == "" and settings["limit"] == -1 and settings["jobs"] == []
    assert settings.update({"ssid": "hjem & kælder", "limit": 57000000123, "jobs": ["a", "b"]})
    assert make(tmp_path)["ssid"] == ""  # not saved yet
    assert settings.save() and not settings.pending
    again = make(tmp_path)
    assert again["ssid"] == "hjem & kælder" and again["limit"] == 57000000123
    assert again["jobs"] == ["a", "b"] and again.generation == 1


def test_what_the_flash_refuses_has_not_changed(tmp_path, monkeypatch):
    settings = make(tmp_path)
    assert settings.keep({"ssid": "first"})
    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", lambda *_: (_ for _ in ()).throw(OSError(28)))
        assert not settings.keep({"ssid": "second", "limit": 5})
    assert settings["ssid"] == "first" and settings["limit"] == -1
    assert settings.save() and make(tmp_path)["ssid"] == "first"


@pytest.mark.parametrize("changes, words", [
    ({"limit": "12x"}, "limit: a whole number"),
    ({"limit": -2}, "limit: -1 to"),
    ({"limit": True}, "limit: a whole number"),
    ({"ssid": "x" * 33}, "ssid: 0 to 32 bytes"),
    ({"ssid": "æ" * 17}, "ssid: 0 to 32 bytes"),
    ({"ssid": "a\nb"}, "ssid: character"),
    ({"password": "short"}, "password: 8 to 63"),
    ({"jobs": ["a"] * 4}, "jobs: 3 at most"),
    ({"jobs": [""]}, "jobs: must not be empty"),
    ({"nothing": 1}, "nothing: no such setting"),
])  # fmt: skip
def test_one_bad_value_changes_nothing(tmp_path, changes, words):
    settings = make(tmp_path)
    with pytest.raises(ValueError, match=words):
        settings.update({"limit": 5, **changes} if "limit" not in changes else
                        {"ssid": "good", **changes})  # fmt: skip
    assert settings["ssid"] == "" and settings["limit"] == -1 and not settings.pending


def test_unchanged_values_are_not_written(tmp_path):
    settings = make(tmp_path)
    settings.update({"ssid": "a"})
    settings.save()
    written = os.stat(tmp_path / "data" / "settings").st_mtime_ns
    assert not settings.update({"ssid": "a", "limit": -1}) and settings.save()
    assert os.stat(tmp_path / "data" / "settings").st_mtime_ns == written
    assert settings.update({"ssid": ""}) and settings.save()  # back to the default: gone
    assert json.loads((tmp_path / "data" / "settings").read_text().split("\n")[1]) == {}


def test_a_change_is_not_forgotten_by_one_that_changes_nothing(tmp_path):
    settings = make(tmp_path)
    settings.update({"limit": 5})
    settings.update({"ssid": ""})
    assert settings.save() and make(tmp_path)["limit"] == 5


def test_a_file_that_is_too_long_is_not_ours(tmp_path):
    rows = [("text", None, "", False)]
    settings = make(tmp_path, rows=rows)
    settings.update({"text": "x" * 16000})
    assert settings.save() and len(make(tmp_path, rows=rows)["text"]) == 16000
    settings.update({"text": "x" * 17000})
    assert not settings.save() and len(make(tmp_path, rows=rows)["text"]) == 16000
    (tmp_path / "data" / "settings.new").rename(tmp_path / "data" / "settings")
    said = []
    assert make(tmp_path, said, rows)["text"] == "" and "damaged: too long" in said[0]


@pytest.mark.parametrize("check, good, bad", [
    (checks.number(0, 20), (0, 20, "20", "0"), (-1, 21, "21", "-1", "", "1.0", None, 2.0, True)),
    (checks.text(3), ("", "abc", "æ"), ("abcd", "ææ", "\x7f", "\x1f", "\t", b"a", 1)),
    (checks.passphrase, ("x" * 8, "x" * 63, "8 signs~"), ("x" * 7, "x" * 64, "æ" * 9, "\x7f" * 8)),
    (checks.ipv4, ("0.0.0.0", "255.255.255.255"), ("256.0.0.1", "1.2.3", "1.2.3.4.5", "1.2.3.-4")),
    (checks.switch(), (True, False, "1", "off"), (1, 0, "yes", None)),
    (checks.factor, ("0", "10", "0.25", "1" * 16), ("", "-1", ".5", "1.", "1,5", "1" * 17, 1)),
])  # fmt: skip
def test_bounds_of_checks(check, good, bad):
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(ValueError):
            check(value)


def test_a_country_has_two_letters(tmp_path):
    """With another one the radio's driver raises ValueError at each start."""
    config = SimpleNamespace(**resolve({"KEY": "0" * 31 + "1"}, {}))
    settings = make(tmp_path, rows=setting_rows(config))
    assert settings.update({"country": "DK"}) and settings.update({"country": ""})
    for wrong in ("D", "DNK", "é", "d "):
        with pytest.raises(ValueError, match="country"):
            settings.update({"country": wrong})
    (tmp_path / "before").mkdir()
    write(tmp_path / "before", {"country": "D"}, 1)  # taken by a version before this one
    assert make(tmp_path / "before", rows=setting_rows(config))["country"] == ""


def test_another_build_changes_only_what_nobody_has_set(tmp_path):
    settings = make(tmp_path)
    settings.update({"limit": 7})
    settings.save()
    rows = [("ssid", checks.text(32), "new default", False), ("limit", ROWS[2][1], 99, False)]
    again = make(tmp_path, rows=rows)
    assert again["ssid"] == "new default" and again["limit"] == 7


@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_a_damaged_file_falls_back_to_the_one_before(tmp_path_factory, place, noise):
    tmp_path = tmp_path_factory.mktemp("s")
    settings = make(tmp_path)
    for limit in (1, 2):
        settings.update({"limit": limit})
        settings.save()
    path = tmp_path / "data" / "settings"
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place : place + len(noise)] = noise
    path.write_bytes(data)
    said = []
    again = make(tmp_path, said)
    if again["limit"] == 1:
        assert "damaged" in said[0] and again.generation == 1 and again.pending
        assert again.save() and make(tmp_path)["limit"] == 1
    else:  # the noise hit nothing that counts: the file's version, a space, the same byte
        assert again["limit"] == 2


def test_all_damaged_means_defaults(tmp_path):
    settings = make(tmp_path)
    settings.update({"limit": 5})
    settings.save()
    (tmp_path / "data" / "settings").write_bytes(b"\xff\xfe garbage")
    said = []
    again = make(tmp_path, said)
    assert again["limit"] == -1 and "damaged" in said[0]
    assert again.update({"limit": 6}) and again.save() and make(tmp_path)["limit"] == 6


def test_values_that_no_longer_fit_are_dropped_one_by_one(tmp_path):
    settings = make(tmp_path)
    settings.update({"limit": 500, "ssid": "kept"})
    settings.save()
    said = []
    again = make(tmp_path, said, [ROWS[0], ("limit", checks.number(0, 10), 3, False)])
    assert again["ssid"] == "kept" and again["limit"] == 3
    assert said == ["[0] settings: dropped: limit: 0 to 10"]


def test_without_memory_it_is_kept_later(tmp_path, monkeypatch):
    settings = make(tmp_path)
    settings.update({"limit": 5})

    def dumps(values):
        raise MemoryError("made up")

    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", dumps)
        assert not settings.save()
    assert settings.pending and settings.save() and make(tmp_path)["limit"] == 5


def test_reset_leaves_no_file(tmp_path):
    settings = make(tmp_path)
    for name in ("first secret", "second secret"):
        settings.update({"password": name})
        settings.save()
    settings.reset()
    assert settings["password"] == "" and os.listdir(tmp_path / "data") == []


def test_what_does_not_read_back_is_reported(tmp_path, monkeypatch):
    settings = make(tmp_path)
    seen = []
    settings.on_flash_error = lambda calculated, saved: seen.append((calculated, saved))
    settings.update({"limit": 5})
    read = settings._read
    monkeypatch.setattr(settings, "_read", lambda path: None)
    assert not settings.save() and settings.pending
    assert len(seen) == 1 and seen[0][0] == seen[0][1]  # here the file itself is sound
    monkeypatch.setattr(settings, "_read", read)
    assert settings.save()


def write(tmp_path, values, version):
    """A settings file as another version of the firmware has left it."""
    body = json.dumps(values)
    folder = tmp_path / "data"
    folder.mkdir()
    head = "umeter-settings %d 7 %08x\n" % (version, crc32(body.encode()))
    (folder / "settings").write_text(head + body)


def test_a_file_of_an_earlier_version_is_brought_up_to_date_once(tmp_path):
    write(tmp_path, {"essid": "barn", "limit": 57, "gone": 1}, 0)
    calls = []

    def rename(values):
        calls.append(dict(values))
        values["ssid"] = values.pop("essid")
        values["limit"] *= 1000

    said = []
    settings = make(tmp_path, said, migrations={0: rename})
    assert settings["ssid"] == "barn" and settings["limit"] == 57000 and settings.pending
    assert said == ["[0] settings: dropped: gone: no such setting"]
    assert settings.save() and settings.generation == 8
    again = make(tmp_path, migrations={0: rename})
    assert again["ssid"] == "barn" and again["limit"] == 57000 and len(calls) == 1


def test_a_migration_that_was_not_kept_is_made_again(tmp_path):
    write(tmp_path, {"limit": 57}, 0)

    def thousand(values):
        values["limit"] *= 1000

    for _ in range(3):  # the power fails before run() has saved
        assert make(tmp_path, migrations={0: thousand})["limit"] == 57000


def test_a_file_of_a_later_version_gives_what_is_understood(tmp_path):
    write(tmp_path, {"ssid": "barn", "limit": "no number", "color": {"a": [None]}}, 9)
    said = []
    settings = make(tmp_path, said, migrations={0: dict.clear, 9: dict.clear})
    assert settings["ssid"] == "barn" and settings["limit"] == -1 and len(said) == 2
    assert settings.update({"limit": 5}) and settings.save()
    again = make(tmp_path)
    assert again["ssid"] == "barn" and again["limit"] == 5


ODD = [None, True, -1, 1.5, 10**20, "", "x" * 600, [], ["x"], [[]], [["a", 1]], {}, {"a": 1}]


@pytest.mark.parametrize("flags", [{}, {"METER": "han"}, {"IMPULSE": "1"}], ids=str)
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_values_of_any_type_are_kept_as_they_should_be_or_dropped(tmp_path, flags, odd):
    """Every real setting, and what the device remembers."""
    config = SimpleNamespace(**resolve({"KEY": "0" * 31 + "1", **flags}, {}))
    for rows in (setting_rows(config), state_rows()):
        names = [row[0] for row in rows]
        folder = tmp_path / names[0]
        folder.mkdir()
        write(folder, dict.fromkeys(names, odd), 1)
        settings = make(folder, rows=rows)
        for name, check, default, _ in rows:
            value = settings[name]
            assert type(value) is type(default), (name, value)
            if check and value != default:
                assert check(value) == value
        assert settings.save() or not settings.pending
