# uMeter - the source files that the static checks read
# MIT license; Copyright (c) 2026 The uMeter authors

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python_files(*folders):
    """Paths relative to the checkout; a folder may be a single file, too."""
    found = []
    for path in map(ROOT.joinpath, folders):
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return [path.relative_to(ROOT) for path in found]


def device_files():
    """Everything that goes on the chip."""
    return python_files("boot.py", "main.py", "firmware")


@functools.lru_cache(None)
def tree(path):
    """Shared by all that read it: nobody changes it."""
    return ast.parse((ROOT / path).read_text(), str(path))
