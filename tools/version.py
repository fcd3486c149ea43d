# uMeter - version and time of the source that is built
# MIT license; Copyright (c) 2026 The uMeter authors

import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@lru_cache(maxsize=None)
def _git(*arguments):
    """What git says, or "" where there is none or the folder is no repository of its own."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _tracked():
    top = _git("rev-parse", "--show-toplevel")
    return bool(top) and Path(top).resolve() == ROOT


def text():
    """branch-commitcount-describe, as MeterLogger has it; "unknown" outside of git."""
    if not _tracked():
        return "unknown"
    branch = _git("rev-parse", "--abbrev-ref", "HEAD")
    count = _git("rev-list", "--count", "HEAD")
    return "-".join((branch, count, _git("describe", "--always", "--tags", "--dirty")))


def time(environ):
    """Unix seconds of this source: SOURCE_DATE_EPOCH, else the last commit's, else the files'."""
    given = environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdigit():
        return int(given)
    if _tracked():
        return int(_git("log", "-1", "--format=%ct") or 0)
    return max(int(path.stat().st_mtime) for path in (ROOT / "firmware").rglob("*.py"))
