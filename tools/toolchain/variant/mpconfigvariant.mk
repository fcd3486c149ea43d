# uMeter - unix port variant that behaves like the ESP32 port: parts and switches
# MIT license; Copyright (c) 2026 The uMeter authors

MICROPY_PY_BTREE = 0
MICROPY_PY_FFI = 0
MICROPY_PY_JNI = 0
# Without the GIL, threads lose list entries; the chip has it.
MICROPY_PY_THREAD_GIL = 1
MICROPY_SSL_MBEDTLS = 1
FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py
# SETTRACE=1 gives sys.settrace, for coverage only: the chip does not have it.
SETTRACE ?= 0
CFLAGS += -DMICROPY_PY_SYS_SETTRACE=$(SETTRACE)
