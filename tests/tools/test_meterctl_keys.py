# uMeter - keys of devices: file, environment, which one wins
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from tools.keys import KeysError, find_keys, parse_keys

A = "00112233445566778899aabbccddeeff"
B = "ffeeddccbbaa99887766554433221100"


def sealed_by(ring, serial):
    """Which of the keys the ring has for a serial."""
    envelope = ring.envelope(serial)
    if envelope is None:
        return None
    found = [key for key in (A, B) if opens(key, envelope.seal(b"topic", b"1"))]
    return found[0]


def opens(key, payload):
    ring = find_keys(environ={"UMETER_KEY": key})
    try:
        return ring.envelope("1").open(b"topic", payload) == b"1"
    except ValueError:
        return False


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "keys"
    path.write_text("# fleet\n\n0012345 %s  # cellar\n* %s\n" % (A, B.upper()))
    path.chmod(0o600)
    return path


def test_file(file):
    ring = find_keys(str(file), environ={})
    assert [sealed_by(ring, serial) for serial in ("0012345", "12345", "7")] == [A, A, B]
    assert not ring.warnings


def test_serial_without_a_key(file):
    file.write_text("12345 " + A)
    ring = find_keys(str(file), environ={})
    assert (sealed_by(ring, "0012345"), sealed_by(ring, "123")) == (A, None)


def test_precedence(file, tmp_path, monkeypatch):
    both = {"UMETER_KEY": B, "UMETER_KEYS": str(tmp_path / "none")}
    assert sealed_by(find_keys(str(file), environ=both), "12345") == A
    assert sealed_by(find_keys(str(file), environ=dict(both, UMETER_KEY="")), "12345") == A
    assert sealed_by(find_keys(environ=both), "12345") == B
    assert sealed_by(find_keys(environ={"UMETER_KEYS": str(file)}), "12345") == A
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config" / "umeter").mkdir(parents=True)
    file.rename(tmp_path / ".config" / "umeter" / "keys")
    assert sealed_by(find_keys(environ={}), "12345") == A


def test_a_file_that_others_can_read_is_warned_about(file):
    file.chmod(0o644)
    assert "chmod 600" in find_keys(str(file), environ={}).warnings[0]


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "no keys"),
        ("12345", "line 1: two words"),
        ("\n12345 %s 3" % A, "line 2: two words"),
        ("12345 " + A[1:], "line 1: key: 32 hex digits"),
        ("12345 %s\n0012345 %s" % (A, B), "line 2: serial 0012345 stands there twice"),
    ],
)
def test_malformed_files_are_named_and_not_shown(text, says):
    with pytest.raises(KeysError, match=says) as caught:
        parse_keys(text, "keys")
    assert A[1:] not in str(caught.value)


def test_no_keys_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(KeysError, match="UMETER_KEY"):
        find_keys(environ={})
    with pytest.raises(KeysError, match="UMETER_KEY: key"):
        find_keys(environ={"UMETER_KEY": "secret"})
    with pytest.raises(KeysError, match="cannot read"):
        find_keys(str(tmp_path / "none"), environ={})
