# uMeter - starts the app
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.app import run

run()
