# uMeter - meterctl simulate: a meter to read without having one
# MIT license; Copyright (c) 2026 The uMeter authors

from typing import List, Optional

import typer

# The simulators know their own options, so all arguments are handed over as they are.
SETTINGS = {"ignore_unknown_options": True, "help_option_names": []}
Arguments = typer.Argument(None, metavar="METER [OPTIONS]", help="--help lists them.")


def simulate(arguments: Optional[List[str]] = Arguments):
    """Run a simulated meter on a pseudo-terminal or a TCP port, in real line time.

    Example: meterctl simulate kmp --tcp 127.0.0.1:4000
    """
    from sim.meters import server  # here: no other subcommand needs the simulators

    raise typer.Exit(server.main(arguments or ["--help"]))
