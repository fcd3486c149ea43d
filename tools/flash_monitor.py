# uMeter - make screen: the console of a board
# MIT license; Copyright (c) 2026 The uMeter authors

import subprocess
import sys

from tools.build import command_line
from tools.config import ConfigError
from tools.config.collect import parse_overrides
from tools.flash_port import FlashError, given_port, port_name, wait_for_port


def monitor(port):
    """Shows the console until Ctrl-]; the app runs on. Returns mpremote's exit status."""
    if not sys.stdin.isatty():
        print("screen: the console needs a terminal to type at", file=sys.stderr)
        return 1
    wait_for_port(port)
    print("console of %s; Ctrl-] ends it, Ctrl-C stops the firmware" % port, flush=True)
    return subprocess.call([sys.executable, "-m", "mpremote", "connect", port, "repl"])


def main(argv=None):
    options = command_line("Shows the console of a board.").parse_args(argv)
    try:
        sys.exit(monitor(port_name(given_port(parse_overrides(options.override)))))
    except (ConfigError, FlashError) as error:
        sys.exit("screen: %s" % error)


if __name__ == "__main__":
    main()
