# uMeter - make build: compiles the firmware that the flags ask for into a tree for the device
# MIT license; Copyright (c) 2026 The uMeter authors

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tools import boards, mpy, parts
from tools.assets import assets, microdot_for
from tools.config import ConfigError, near_misses, render, resolve, run_variable
from tools.config.collect import parse_overrides
from tools.link_names import LinkError
from tools.link_plan import is_package, link

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "device"
MICRODOT = "microdot.mpy"  # of PyPI's package; `import microdot` finds it
_PLAIN = ("boot.py", "main.py")  # the chip looks for these as source; they are tiny


class BuildError(Exception):
    """What cannot be built, and why."""


class File(NamedTuple):
    path: str  # on the device, without a leading slash
    size: int
    sha256: str


class Manifest(NamedTuple):
    """What a tree consists of; lies beside the tree as <tree>.json."""

    arch: str
    meter: str
    board: str
    version: str
    files: list
    names: dict = {}  # class or module -> {name in a traceback: name in the sources}

    @property
    def size(self):
        return sum(file.size for file in self.files)

    def parts(self):
        """{part: bytes}; a part is a folder of the firmware, "app" its top."""
        sizes = {}
        for file in self.files:
            folders = file.path.split("/")[1:-1]
            if file.path == MICRODOT:
                folders = ["microdot"]
            config = file.path.startswith("config") or file.path.endswith(".der")
            name = "config" if config else folders[0] if folders else "app"
            sizes[name] = sizes.get(name, 0) + file.size
        return sizes

    def write(self, path):
        data = {**self._asdict(), "files": [file._asdict() for file in self.files]}
        path.write_text(json.dumps(data, indent=1) + "\n")

    @classmethod
    def read(cls, path):
        data = json.loads(path.read_text())
        return cls(**{**data, "files": [File(**file) for file in data["files"]]})


def manifest_path(tree):
    return tree.with_name(tree.name + ".json")


def read_manifest(tree):
    try:
        return Manifest.read(manifest_path(tree))
    except OSError:
        raise BuildError("there is no %s: make build" % os.path.relpath(tree)) from None


def build(flags, arch="", out=OUT, root=ROOT, together=True):
    """Compiles into the folder out, which afterwards holds these files and no others.

    flags: what tools.config.resolve gave; arch: one of tools.mpy.ARCHES, "" is the board's;
    root: folder with the sources; together: False leaves each module by itself, for tests that
    take hold of one. Returns the Manifest. If anything fails, out stays as it was.
    """
    arch = choose_arch(flags["BOARD"], arch)
    with tempfile.TemporaryDirectory(prefix="build-") as folder:
        tree = Path(folder) / "tree"
        names = _compile(flags, arch, root, tree, together)
        files = [_describe(tree, path) for path in sorted(tree.rglob("*")) if path.is_file()]
        _replace(out, tree, files)
    manifest = Manifest(arch, flags["METER"], flags["BOARD"], flags["VERSION"], files, names)
    manifest.write(manifest_path(out))
    return manifest


def choose_arch(board, arch):
    own = boards.chip_of(board).arch
    if arch and arch not in mpy.ARCHES:
        raise BuildError("ARCH=%s: must be one of %s" % (arch, ", ".join(mpy.ARCHES)))
    if arch in ("xtensawin", "rv32imc") and arch != own:
        raise BuildError("ARCH=%s: the chip of BOARD=%s runs %s" % (arch, board, own))
    return arch or own


def sources(flags, arch, root=ROOT):
    """Paths, relative to root, of the modules below firmware/ that go into the tree."""
    every = {path.relative_to(root / "firmware").with_suffix("").as_posix(): path.relative_to(root)
             for path in (root / "firmware").rglob("*.py")}  # fmt: skip
    return [path for module, path in sorted(every.items())
            if parts.is_needed(module, flags, arch, every)]  # fmt: skip


def _module(path):
    return ".".join(path.with_suffix("").parts).replace(".__init__", "")


def _compile(flags, arch, root, tree, together):
    jobs = []
    texts = {_module(path): (root / path).read_text(encoding="utf-8")
             for path in sources(flags, arch, root)}  # fmt: skip
    try:
        linked, names = link(texts, flags) if together else (texts, {})
    except SyntaxError as error:
        told = "%s, line %d: %s" % (error.filename, error.lineno, error.msg)
        raise mpy.CompileError(told) from None
    for name, text in linked.items():
        path = Path(*name.split("."))
        path = (path / "__init__" if is_package(name, texts) else path).with_suffix(".py")
        source = root / path
        if text != texts.get(name):
            source = tree.with_name("linked") / path
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(text, encoding="utf-8")
        native = arch if path.stem.endswith("_fast") else "bytecode"
        # Called as the module: the interpreter has that name already, and keeps names for ever.
        jobs.append((source, tree / path.with_suffix(".mpy"), name, native))
    config = tree.with_name("config.py")
    config.write_text(render(flags), encoding="utf-8")
    jobs.append((config, tree / "config.mpy", "config", "bytecode"))
    if any("web" in name.split(".") for name in texts):
        microdot = tree.with_name("microdot.py")
        microdot.write_text(microdot_for(root), encoding="utf-8")
        jobs.append((microdot, tree / MICRODOT, "microdot", "bytecode"))
    for _, target, _, _ in jobs:
        target.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda job: mpy.compile_file(*job), jobs))
    for name in _PLAIN:
        if not (root / name).exists():
            raise BuildError("%s is missing in %s" % (name, root))
        shutil.copyfile(root / name, tree / name)
    for name, data in {**flags.files, **assets(root)}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    return names


def _describe(tree, path):
    data = path.read_bytes()
    name = path.relative_to(tree).as_posix()
    return File(name, len(data), hashlib.sha256(data).hexdigest())


def _replace(out, tree, files):
    """Makes out equal to tree; what is the same already stays untouched."""
    wanted = {out / file.path for file in files}
    for path in sorted(out.rglob("*"), reverse=True):  # a folder comes after what is in it
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in wanted:
            path.unlink()
    for file in files:
        target, data = out / file.path, (tree / file.path).read_bytes()
        if not target.is_file() or target.read_bytes() != data:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def report(manifest, out):
    """Prints the sizes part by part."""
    for part, size in sorted(manifest.parts().items()):
        print("  %-10s %7d bytes" % (part, size))
    print("  %-10s %7d bytes in %d files: %s, %s for %s, %s" % (
        "all", manifest.size, len(manifest.files), manifest.meter, manifest.arch, manifest.board,
        os.path.relpath(out)))  # fmt: skip


def sizes(manifest, out):
    """Prints the sizes file by file, then part by part."""
    for file in sorted(manifest.files, key=lambda file: -file.size):
        print("  %-40s %6d bytes" % (file.path, file.size))
    report(manifest, out)


def command_line(description):
    """Parser of what make hands over."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--override", action="append", default=[], metavar="NAME=VALUE",
                        help="a variable as given to make; make config-help lists them")
    return parser


def main(argv=None):
    parser = command_line("Compiles the firmware into a tree for the device.")
    parser.add_argument("--sizes", action="store_true",
                        help="only tell the sizes of what is built")  # fmt: skip
    options = parser.parse_args(argv)
    try:
        given = parse_overrides(options.override)
        out = Path(run_variable("OUT", given, os.environ, str(OUT))).resolve()
        if options.sizes:
            return sizes(read_manifest(out), out)
        for line in near_misses(os.environ):
            print("build: " + line, file=sys.stderr)
        flags = resolve(given, os.environ)
        report(build(flags, run_variable("ARCH", given, os.environ), out), out)
    except (ConfigError, BuildError, LinkError, mpy.CompileError) as error:
        sys.exit("build: %s" % error)


if __name__ == "__main__":
    main()
