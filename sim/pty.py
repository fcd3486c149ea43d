# uMeter - a board's console at a path or TCP port: python -m sim.pty LINK [--tcp H:P] -- COMMAND
# MIT license; Copyright (c) 2026 The uMeter authors

import argparse
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from sim.terminal import Terminal


def _world(folder):
    """The caller's world (UMETER_WORLD), with a place for what survives a reset."""
    text = os.environ.get("UMETER_WORLD") or "{}"
    world = json.loads(text if text.startswith("{") else Path(text).read_text())
    world.setdefault("state", folder + "/state")
    return json.dumps(world)


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    mark = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(
        prog="python -m sim.pty",
        usage="%(prog)s [-h] [--tcp HOST:PORT] link -- COMMAND",
        description="Runs a virtual board (COMMAND) and shows its console at a path.",
    )
    parser.add_argument("link", help="symlink to make, for mpremote connect LINK")
    parser.add_argument("--tcp", metavar="HOST:PORT", help="serve the console there too")
    options = parser.parse_args(argv[:mark])
    if not argv[mark + 1 :]:
        parser.error("the command to run is missing: -- micropython sim/board/device.py IMAGE")
    tcp = None
    if options.tcp:
        host, _, port = options.tcp.rpartition(":")
        tcp = (host, int(port))
    with tempfile.TemporaryDirectory(prefix="board-") as folder:
        env = {**os.environ, "UMETER_WORLD": _world(folder)}
        terminal = Terminal(argv[mark + 1 :], env, link=options.link, tcp=tcp)
        print("console at " + options.link, flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            terminal.wait()
        except KeyboardInterrupt:
            terminal.stop()
    return 0 if terminal.returncode in (0, -signal.SIGKILL) else 1


if __name__ == "__main__":
    sys.exit(main())
