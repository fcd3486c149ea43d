# uMeter - python -m tools.decode
# MIT license; Copyright (c) 2026 The uMeter authors

import sys

from tools.decode.run import main

main(sys.stdin.buffer, sys.stdout, "--explain" in sys.argv)
