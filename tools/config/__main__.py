# uMeter - make config-help: every build flag, its default and its meaning
# MIT license; Copyright (c) 2026 The uMeter authors

import sys

from rich import box
from rich.console import Console
from rich.table import Table

from tools import boards
from tools.config.checks import switch
from tools.config.flags import FLAGS, RUN, WITHOUT_MEANING

_WIDTH = 100  # of what is not shown on a terminal


def flag_table():
    table = Table(box=box.SIMPLE_HEAD, title="Build flags", title_justify="left")
    table.add_column("flag", no_wrap=True)
    table.add_column("default", overflow="fold", max_width=26)
    table.add_column("meaning", overflow="fold")
    for i, flag in enumerate(FLAGS):
        last = i + 1 == len(FLAGS) or FLAGS[i + 1].group != flag.group
        example = "" if flag.check is switch else " (%s)" % flag.example
        default = flag.default or ("needed" if flag.name == "KEY" else "")
        table.add_row(flag.name, default, flag.meaning + example, end_section=last)
    return table


def board_table():
    table = Table(box=box.SIMPLE_HEAD, title="Boards (BOARD=)", title_justify="left")
    for column in ("board", "pins", "UART", "meaning"):
        table.add_column(column, no_wrap=column == "board")
    for name, board in boards.BOARDS.items():
        pins = " ".join("%s=%d" % item for item in board.pins.items())
        table.add_row(name, pins, str(board.uart_id), board.meaning)
    return table


def run_table():
    table = Table(box=box.SIMPLE_HEAD, title="Variables of one run", title_justify="left")
    table.add_column("variable", no_wrap=True)
    table.add_column("meaning")
    for name, meaning in RUN.items():
        table.add_row(name, meaning)
    for name, meaning in WITHOUT_MEANING.items():
        table.add_row(name, "accepted without effect: " + meaning)
    return table


def main():
    width = None if sys.stdout.isatty() else _WIDTH
    console = Console(highlight=False, markup=False, width=width)
    for table in (flag_table(), board_table(), run_table()):
        console.print(table)
    console.print("A flag goes before make or after it: EN61107=1 make build KEY=...")


if __name__ == "__main__":
    main()
