# uMeter - make bench: the figures of every bench module in one table
# MIT license; Copyright (c) 2026 The uMeter authors

import importlib
import pkgutil
import sys

from rich import box
from rich.console import Console
from rich.table import Table

import tools.bench


def main(names):
    """names: of the modules to run; all if empty. Exit status."""
    known = sorted(m.name for m in pkgutil.iter_modules(tools.bench.__path__) if m.name[0] != "_")
    unknown = set(names) - set(known)
    if unknown:
        print("no bench %s; there are: %s" % (", ".join(sorted(unknown)), " ".join(known)))
        return 2
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 140)
    for name in names or known:
        with console.status("measuring " + name):
            rows = importlib.import_module("tools.bench." + name).run()
        table = Table(box=box.SIMPLE_HEAD, title=name, title_justify="left")
        for column in ("what", "value", "unit", "note"):
            table.add_column(column, justify="right" if column == "value" else "left")
        for what, value, unit, note in rows:
            number = "%.4g" % value if isinstance(value, float) else str(value)
            table.add_row(what, number, unit, note)
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
