# uMeter - fetches ESP Web Tools, the part of the page that talks to the board
# MIT license; Copyright (c) 2026 The uMeter authors

# By npm, from the registry that this machine is set to; nothing of it is kept in the source.

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from pathlib import Path

from tools.build import ROOT

NAME, VERSION = "esp-web-tools", "10.4.0"
_INTEGRITY = ("3pwkeFFm5Fj7UQo8SJNYK5RXrtNCpq6X9QoI6bMT4GBZWgrJqjn0YvM9ihG74BtMoSFY"
              "XfmDtkehuxe50PTMPQ==")  # SHA-512, as npm tells it
_PARTS = "package/dist/web/"  # modules that need no others
_TIMEOUT_S = 60


class PackageError(Exception):
    """Why ESP Web Tools is not there."""


def package(folder=ROOT / "build" / "webflash"):
    """Path of a folder with the modules of ESP Web Tools; fetched the first time."""
    target = Path(folder) / ("%s-%s" % (NAME, VERSION))
    if target.exists():
        return target
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        archive = _fetch(Path(scratch))
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != _INTEGRITY:
            raise PackageError("what came for %s %s is not that: its hash is %s"
                               % (NAME, VERSION, found))  # fmt: skip
        unpack(archive, Path(scratch) / "modules")
        _settle(Path(scratch) / "modules", target)
    return target


def _settle(modules, target):
    try:
        os.replace(modules, target)
    except OSError:
        if not target.exists():  # else another process was first, with the same modules
            raise


def _fetch(folder):
    if not shutil.which("npm"):
        return _download(folder)
    try:
        done = subprocess.run(["npm", "pack", "--silent", "--ignore-scripts",
                               "%s@%s" % (NAME, VERSION)], cwd=folder, capture_output=True,
                              text=True, timeout=_TIMEOUT_S)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackageError("npm does not fetch %s: %s" % (NAME, error)) from None
    archives = list(folder.glob("*.tgz"))
    if done.returncode or not archives:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise PackageError("npm does not fetch %s: %s" % (NAME, lines[0]))
    return archives[0]


def _download(folder):
    registry = os.environ.get("npm_config_registry", "")
    if not registry:
        raise PackageError("there is no npm to fetch %s with: install it, or set "
                           "npm_config_registry" % NAME)  # fmt: skip
    url = "%s/%s/-/%s-%s.tgz" % (registry.rstrip("/"), NAME, NAME, VERSION)
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            (folder / "package.tgz").write_bytes(answer.read())
    except (OSError, ValueError) as error:
        raise PackageError("%s does not come from the registry: %s" % (NAME, error)) from None
    return folder / "package.tgz"


def unpack(archive, target):
    """Takes the modules out of the archive, and nothing else."""
    target.mkdir()
    with tarfile.open(archive) as files:
        for member in files.getmembers():
            name = member.name[len(_PARTS) :]
            if member.isfile() and member.name == _PARTS + name and "/" not in name:
                if name.endswith(".js"):
                    (target / name).write_bytes(files.extractfile(member).read())
    if not (target / "install-button.js").exists():
        raise PackageError("the package holds no install-button.js")
