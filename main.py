# uMeter - starts the app; says what to do if not even that goes
# MIT license; Copyright (c) 2026 The uMeter authors

try:
    from firmware.start import start

    start()
except Exception as error:
    import sys

    sys.print_exception(error)
    print("uMeter cannot start: files are missing or damaged. `make flash` writes them anew;")
    print("what was set and counted stays. This is the console of MicroPython.")
