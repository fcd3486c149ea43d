# uMeter - make build: what is in the tree, the same each time, and it runs
# MIT license; Copyright (c) 2026 The uMeter authors

import hashlib
import os
import subprocess
import sys

import pytest

from tests.sources import ROOT
from tests.tools.conftest import KEY, flags
from tools import mpy
from tools.build import BuildError, Manifest, build, manifest_path


def contents(tree):
    return {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*") if p.is_file()}


def run(micropython, tree):
    """What main.py prints under the host's MicroPython."""
    done = subprocess.run([micropython, "main.py"], cwd=tree, capture_output=True, text=True,
                          timeout=30)
    return done.stdout + done.stderr


def test_tree_and_manifest(source, tmp_path):
    out = tmp_path / "device"
    manifest = build(flags(METER="kmp"), "xtensawin", out, source)
    assert sorted(contents(out)) == [
        "boot.py", "config.mpy", "firmware/__init__.mpy", "firmware/crypto/__init__.mpy",
        "firmware/crypto/_crc_fast.mpy", "firmware/crypto/crc.mpy",
        "firmware/meters/__init__.mpy", "firmware/meters/errors.mpy", "firmware/meters/kmp.mpy",
        "main.py",
    ]  # fmt: skip
    assert manifest == Manifest.read(manifest_path(out))
    for file in manifest.files:
        data = (out / file.path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)
    assert manifest.size == sum(map(len, contents(out).values()))
    assert sum(manifest.parts().values()) == manifest.size
    assert manifest.parts()["config"] == len((out / "config.mpy").read_bytes())


def test_twins_of_machine_code(source, tmp_path, micropython):
    out = tmp_path / "device"
    build(flags(), "bytecode", out, source)
    assert "firmware/crypto/_crc_slow.mpy" in contents(out)
    assert "firmware/crypto/_crc_fast.mpy" not in contents(out)
    assert run(micropython, out) == "up kmp 12739\n"
    build(flags(), mpy.host_arch(micropython), out, source)
    assert "firmware/crypto/_crc_fast.mpy" in contents(out)
    assert "firmware/crypto/_crc_slow.mpy" not in contents(out)
    assert run(micropython, out) == "up kmp 12739\n"


def test_machine_code_of_another_chip_is_refused_by_the_interpreter(source, tmp_path, micropython):
    # So that the two tests above show something.
    build(flags(), "xtensawin", tmp_path / "device", source)
    assert "ValueError" in run(micropython, tmp_path / "device") or "ImportError" in run(
        micropython, tmp_path / "device")


def test_same_bytes_each_time(source, tmp_path):
    for name in ("a", "b"):
        build(flags(), "", tmp_path / name, source)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    other = tmp_path / "elsewhere"
    source.rename(other)
    build(flags(), "", tmp_path / "b", other)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_stale_files_go_and_equal_ones_stay(source, tmp_path):
    out = tmp_path / "device"
    build(flags(), "", out, source)
    kept = (out / "firmware" / "crypto" / "crc.mpy").stat().st_mtime_ns
    (out / "firmware" / "old").mkdir()
    (out / "firmware" / "old" / "part.mpy").write_bytes(b"old")
    (out / "config.py").write_text("stale")
    build(flags(METER="han"), "", out, source)
    names = contents(out)
    assert "firmware/meters/han.mpy" in names and "firmware/meters/kmp.mpy" not in names
    assert "config.py" not in names and not (out / "firmware" / "old").exists()
    assert (out / "firmware" / "crypto" / "crc.mpy").stat().st_mtime_ns == kept


def test_a_failed_build_leaves_the_last_one(source, tmp_path):
    out = tmp_path / "device"
    build(flags(), "", out, source)
    before = contents(out)
    (source / "firmware" / "crypto" / "crc.py").write_text("def broken(:\n")
    with pytest.raises(mpy.CompileError, match="^firmware.crypto.crc, line 1: "):
        build(flags(SERIAL="5"), "", out, source)
    assert contents(out) == before
    (source / "main.py").unlink()
    with pytest.raises((BuildError, mpy.CompileError)):
        build(flags(), "", out, source)
    assert contents(out) == before


@pytest.mark.parametrize("board, arch, expected", [
    ("esp32", "", "xtensawin"), ("esp32c3", "", "rv32imc"), ("esp32c3", "rv32imc", "rv32imc"),
    ("esp32", "x86", "x86"), ("esp32s3", "bytecode", "bytecode"),
])  # fmt: skip
def test_arch(source, tmp_path, board, arch, expected):
    assert build(flags(BOARD=board), arch, tmp_path / "device", source).arch == expected


@pytest.mark.parametrize("board, arch", [("esp32", "arm"), ("esp32", "rv32imc"),
                                         ("esp32c3", "xtensawin")])  # fmt: skip
def test_arch_that_the_board_lacks(source, tmp_path, board, arch):
    with pytest.raises(BuildError, match="^ARCH=" + arch):
        build(flags(BOARD=board), arch, tmp_path / "device", source)
    assert not (tmp_path / "device").exists()


def test_asserts_and_line_numbers_vanish(source, tmp_path, micropython):
    (source / "firmware" / "log.py").write_text("assert False\n\n1 // 0\n")
    (source / "main.py").write_text("import firmware.log\n")
    build(flags(), "bytecode", tmp_path / "device", source)
    text = run(micropython, tmp_path / "device")
    assert 'File "firmware.log"' in text and "ZeroDivisionError" in text


def test_certificate_goes_along(source, tmp_path):
    values = flags()
    values.files["ca.der"] = b"\x30\x82"
    manifest = build(values, "", tmp_path / "device", source)
    assert (tmp_path / "device" / "ca.der").read_bytes() == b"\x30\x82"
    assert "ca.der" in [file.path for file in manifest.files]


@pytest.mark.parametrize("given, name", [
    (["EN61107=1"], "KEY"), (["KEY=abc"], "KEY"), (["KEY=" + KEY, "SERAL=1"], "SERAL"),
    (["KEY=" + KEY, "EN61107=1", "IMPULSE=1"], "EN61107"), (["KEY=" + KEY, "ARCH=z80"], "ARCH"),
    (["KEY=" + KEY, "PIN_TX=35"], "PIN_TX"),
])  # fmt: skip
def test_wrong_flags_name_the_flag_and_write_nothing(tmp_path, given, name):
    out = tmp_path / "device"
    options = [word for text in [*given, "OUT=%s" % out] for word in ("--override", text)]
    env = {key: value for key, value in os.environ.items() if key != "KEY"}
    done = subprocess.run([sys.executable, "-m", "tools.build", *options], cwd=ROOT, env=env,
                          capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("build: " + name), done.stderr
    assert "Traceback" not in done.stderr and not list(tmp_path.iterdir())
