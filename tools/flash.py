# uMeter - make flash: brings the tree that make build made onto a board
# MIT license; Copyright (c) 2026 The uMeter authors

# Each changed file is first written under another name and its hash compared, then all of them
# take their places at once. So a pulled cable leaves the old program, and the next run goes on
# with what is there. Only what tools/owned.py names is ever replaced or removed.

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from tools import boards, mpy, owned, partitions
from tools.build import OUT, Manifest, command_line, manifest_path
from tools.config import ConfigError, run_variable
from tools.config.collect import parse_overrides
from tools.flash_board import Board
from tools.flash_monitor import monitor
from tools.flash_port import FlashError, given_port, port_name
from tools.flash_rom import blank, progress_bar, write_firmware

_BLOCK = 4096
_SPARE = 4  # blocks that littlefs needs to move things
_OLDEST = (1, 26, 0)  # on the chip: file system at the end of flash, counters
_OLDEST_HOST = (1, 25, 0)  # the virtual board
_NEW = ".new"
_AWAY_S = 15  # after a reset; formatting the file system is in it


class Plan(NamedTuple):
    upload: list  # build.File that the board lacks
    new: list  # paths that take their places, main.py last
    stale: list  # paths to remove
    folders: list  # folders to remove, inner ones first


def plan(wanted, have, folders):
    """wanted: [build.File]; have: {path: sha256} on the board; folders: ours on the board."""
    wanted_paths = {file.path for file in wanted}
    changed = [file for file in wanted if have.get(file.path) != file.sha256]
    changed.sort(key=lambda file: (file.path == "main.py", file.path))
    upload = [file for file in changed if have.get(file.path + _NEW) != file.sha256]
    staged = {file.path + _NEW for file in changed}
    stale = sorted(path for path in have if path not in wanted_paths and path not in staged)
    needed = {str(parent) for path in wanted_paths for parent in Path(path).parents}
    empty = sorted(folders - needed, reverse=True)
    return Plan(upload, [file.path for file in changed], stale, empty)


def check_board(facts, manifest):
    """FlashError if this MicroPython cannot run the tree."""
    version, platform, number, machine, _ = facts
    oldest = _OLDEST if platform == "esp32" else _OLDEST_HOST
    if tuple(version) < oldest:
        raise FlashError("MicroPython %d.%d.%d on the board is too old, %d.%d is needed"
                         % (*version, *oldest[:2]))  # fmt: skip
    form, arch = mpy.describe(number)
    if form != mpy.VERSION:
        raise FlashError("MicroPython on the board reads .mpy version %d, the tree has version %d"
                         % (form, mpy.VERSION))  # fmt: skip
    if manifest.arch not in ("bytecode", arch):
        raise FlashError("the tree is for %s, but the board (%s) runs %s; give BOARD= or ARCH="
                         % (manifest.arch, machine, arch))  # fmt: skip
    chip = _chip(machine)
    wanted = boards.BOARDS[manifest.board].chip
    if chip and chip != wanted:  # its machine code may be the same, its pins are not
        raise FlashError("the tree is for BOARD=%s with %s, but the board (%s) has %s; give BOARD="
                         % (manifest.board, wanted, machine, chip))  # fmt: skip


def _chip(machine):
    """ "Generic ESP32S3 module with ESP32-S3FN8" -> "esp32s3", "" if it does not tell."""
    found = re.search(r" with ESP32-?(?:(S2|S3|C[2356]|H2|P4))?", machine)
    return "esp32" + (found[1] or "").lower() if found else ""


def check_room(upload, free):
    need = sum(-(-file.size // _BLOCK) for file in upload) + _SPARE
    if upload and need * _BLOCK > free:
        raise FlashError("the board has %d kB free, %d kB are needed"
                         % (free // 1024, need * _BLOCK // 1024))  # fmt: skip


def read_tree(tree):
    """The tree's Manifest, after a look at its files."""
    try:
        manifest = Manifest.read(manifest_path(tree))
        for file in manifest.files:
            if hashlib.sha256((tree / file.path).read_bytes()).hexdigest() != file.sha256:
                raise FlashError("%s was changed after the build: make build" % file.path)
            assert owned.is_owned(file.path), file.path
    except OSError:
        raise FlashError("no complete tree in %s: make build" % os.path.relpath(tree)) from None
    return manifest


def flash(port, tree=OUT, console=None, wait_s=0):
    """Makes the board's program equal to the tree and starts it; returns the Plan carried out.

    wait_s: how long the port may be away. FlashError says what is wrong; the board then goes on
    with its old program.
    """
    console = console or Console(stderr=True, highlight=False, markup=False)
    manifest = read_tree(tree)
    with Board(port, wait_s) as board:
        facts = board.facts()
        check_board(facts, manifest)
        console.print("%s, MicroPython %d.%d.%d" % (facts[3], *facts[0]))
        todo = plan(manifest.files, *board.files())
        check_room(todo.upload, facts[4])
        _upload(board, tree, todo.upload, console)
        board.commit(todo.new, todo.stale, todo.folders)
        if plan(manifest.files, *board.files()) != Plan([], [], [], []):
            raise FlashError("the board does not hold what was written; is its flash worn out?")
        console.print("%d files written, %d removed, %d as they were; all verified" % (
            len(todo.new), len(todo.stale), len(manifest.files) - len(todo.new)))  # fmt: skip
    return todo


def _upload(board, tree, files, console):
    with progress_bar(console, sum(file.size for file in files)) as (name, advance):
        for file in files:
            name(file.path)
            data = (tree / file.path).read_bytes()
            if board.write(file.path + _NEW, data, advance) != file.sha256:
                raise FlashError("%s came back different from the board; run it again" % file.path)


def main(argv=None):
    parser = command_line("Brings the built tree onto a board.")
    parser.add_argument("--image", metavar="FILE",
                        help="MicroPython image, written first; also FIRMWARE=")
    parser.add_argument("--erase", action="store_true",
                        help="with --image: erase all of the flash memory before; also ERASE=1")
    parser.add_argument("--monitor", action="store_true",
                        help="show the console afterwards; also MONITOR=1")
    parser.add_argument("--blank", action="store_true", help="erase all of it, and no more")
    options = parser.parse_args(argv)
    try:
        given = parse_overrides(options.override)
        port = port_name(given_port(given))
        if options.blank:
            blank(port)
        else:
            _flash_all(port, options, given)
    except (ConfigError, FlashError) as error:
        sys.exit("flash: %s" % error)
    except KeyboardInterrupt:
        sys.exit("flash: stopped; run it again, it goes on where it stopped")
    if options.monitor or run_variable("MONITOR", given, os.environ) == "1":
        sys.exit(monitor(port))


def _flash_all(port, options, given):
    console = Console(stderr=True, highlight=False, markup=False)
    tree = Path(run_variable("OUT", given, os.environ, str(OUT))).resolve()
    erase = options.erase or run_variable("ERASE", given, os.environ) == "1"
    file = options.image or run_variable("FIRMWARE", given, os.environ)
    if not file and erase:
        raise FlashError("ERASE=1: the board needs MicroPython afterwards, give FIRMWARE=")
    if file:
        board = read_tree(tree).board
        try:
            firmware = partitions.read(Path(file).read_bytes())
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise FlashError("FIRMWARE=%s: %s" % (file, why)) from None
        write_firmware(port, firmware, boards.BOARDS[board].chip, erase, console)
    flash(port, tree, console, wait_s=_AWAY_S if file else 0)


if __name__ == "__main__":
    main()
