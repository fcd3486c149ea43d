# uMeter - what is frozen into the host's MicroPython: what the chip has frozen in, too
# MIT license; Copyright (c) 2026 The uMeter authors

include("$(MPY_DIR)/extmod/asyncio")
