# uMeter - everything that one types: `make help`
# MIT license; Copyright (c) 2026 The uMeter authors

PYTHON ?= python3
VENV := .venv/bin
PY := $(VENV)/python

# Every NAME=VALUE on make's command line, for the generator that knows which are build flags.
OVERRIDES := $(foreach name,$(MAKEOVERRIDES),--override '$(name)')

.DEFAULT_GOAL := help
.PHONY: help setup sim test soak bench lint all build flash flashall image config-help lock clean distclean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## host MicroPython, Python packages and MQTT broker into build/ and .venv/; only what is missing
	@$(PYTHON) tools/setup.py $(filter setup,$(MAKECMDGOALS))

test: setup  ## all checks and tests; ARGS="tests/meters -k kmp" goes to pytest
	@$(PY) -m pytest $(ARGS)

lint: setup  ## style and layers only
	@$(VENV)/ruff check .
	@$(VENV)/lint-imports

lock: setup  ## renew requirements.lock from pyproject.toml, newest versions
	@$(PY) tools/lock.py

clean:  ## remove what build and sim made, not the toolchain
	@rm -rf build/device build/sim build/image .pytest_cache .hypothesis .ruff_cache .import_linter_cache

distclean: clean  ## remove everything that set-up made, too
	@rm -rf build .venv
