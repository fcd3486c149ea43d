# uMeter - make wifisetup against a scripted nmcli
# MIT license; Copyright (c) 2026 The uMeter authors

import io
import json
import os
import subprocess
import sys

import pytest

from tests.sources import ROOT
from tools import wifisetup
from tools.wifisetup import ADDRESS, WifiSetupError, choose, find, join, leave, look

KEY = "00112233445566778899aabbccddeeff"

# Its networks are in a file; it notes how it was called and what came through the pipe.
# Its second line is a command for the shell and a text for Python: the path may have a space.
NMCLI = """#!/bin/sh
"exec" "%s" "$0" "$@"
import json, pathlib, sys
folder = pathlib.Path(%r)
words = sys.argv[1:]
given = sys.stdin.read() if "/dev/stdin" in words else None
with open(folder / "calls", "a") as calls:
    print(json.dumps([words, given]), file=calls)
if "list" in words:
    print((folder / "networks").read_text())
if "up" in words and (folder / "password").read_text() not in given:
    sys.exit("Error: Connection activation failed: Secrets were required, but not provided.")
if "delete" in words or "rescan" in words:
    sys.exit("Error: none of them")
"""


@pytest.fixture
def nmcli(tmp_path, monkeypatch):
    """Its folder; on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "nmcli"
    program.write_text(NMCLI % (sys.executable, str(folder)))
    program.chmod(0o755)
    (folder / "networks").write_text("Home\nKAM_7210086\nKAM_7210086\nEL_0000017\nKAM_x\n"
                                     "WATER_123456789012\nAKAM_1234567\n\n")  # fmt: skip
    (folder / "password").write_text(":%s\n" % KEY[:16])
    monkeypatch.setenv("PATH", "%s:%s" % (folder, os.environ["PATH"]))
    return folder


def calls(nmcli):
    path = nmcli / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_networks(nmcli):
    assert find() == ["EL_0000017", "KAM_7210086", "WATER_123456789012"]
    assert find("17") == ["EL_0000017"] and find("7210086") == ["KAM_7210086"]
    assert find("1") == []


def test_joins_and_goes_back(nmcli):
    join("KAM_7210086", KEY[:16])
    words = [words for words, _ in calls(nmcli)]
    assert [w for w in words if "add" in w][0][:4] == ["connection", "add", "save", "no"]
    assert not any(KEY[:16] in word for w in words for word in w), "readable by everybody"
    assert calls(nmcli)[-1][1] == "802-11-wireless-security.psk:%s\n" % KEY[:16]
    leave()
    assert calls(nmcli)[-1][0] == ["connection", "delete", "umeter-setup"]


def test_wrong_password(nmcli):
    with pytest.raises(WifiSetupError, match="cannot join KAM_7210086.*KEY or SETUP_PASSWORD"):
        join("KAM_7210086", "wrong")
    assert "delete" in calls(nmcli)[-1][0], "the profile stayed"


def test_waits_for_the_network(nmcli):
    said = []
    with pytest.raises(WifiSetupError, match="no set-up network in sight"):
        look("9", said.append, looks=3, pause_s=0)
    assert len(said) == 1 and sum("list" in words for words, _ in calls(nmcli)) == 3
    assert look("17", said.append) == ["EL_0000017"] and len(said) == 1


def test_a_choice_when_there_are_several(monkeypatch):
    names = ["EL_0000017", "KAM_7210086"]
    console = wifisetup.Console(file=io.StringIO())
    assert choose(names[:1], console) == names[0]
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(WifiSetupError, match="give SERIAL=, one of EL_0000017, KAM_7210086"):
        choose(names, console)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: "2")
    assert choose(names, console) == names[1]


def command(nmcli, *flags):
    """make wifisetup, with a browser that notes the address."""
    browser = nmcli / "browser"
    browser.write_text('#!/bin/sh\necho "$1" >> "%s"\n' % (nmcli / "opened"))
    browser.chmod(0o755)
    environ = {**os.environ, "BROWSER": str(browser)}
    for name in ("KEY", "SETUP_PASSWORD", "SERIAL"):
        environ.pop(name, None)
    words = ["--override=" + flag for flag in flags]
    return subprocess.run([sys.executable, "-m", "tools.wifisetup", *words], cwd=ROOT, env=environ,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_command(nmcli):
    done = command(nmcli, "KEY=" + KEY, "SERIAL=7210086")
    assert done.returncode == 0 and "joined KAM_7210086" in done.stdout, done.stderr
    assert (nmcli / "opened").read_text() == ADDRESS + "\n"
    (nmcli / "password").write_text(":my own one\n")
    done = command(nmcli, "SETUP_PASSWORD=my own one", "SERIAL=0000017")
    assert done.returncode == 0 and "joined EL_0000017" in done.stdout
    (nmcli / "opened").unlink()
    assert "KEY: is missing" in command(nmcli).stderr
    assert "several devices" in command(nmcli, "KEY=" + KEY).stderr
    assert not (nmcli / "opened").exists()


def test_without_nmcli(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WifiSetupError, match="there is no nmcli .*by hand, and open http"):
        find()
