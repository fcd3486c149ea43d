# uMeter - everything that one types: `make help`
# MIT license; Copyright (c) 2026 The uMeter authors

# Build flags are given as variables, before make (`EN61107=1 make all`) or after it
# (`make all EN61107=1`). The first kind reaches the tools in the environment; the second
# is also handed over as --override, so that a name which is no flag gets an error.

PYTHON ?= python3
VENV := .venv/bin
PY := $(VENV)/python
AMQTT := tools/toolchain/amqtt.txt

quote = '$(subst ','\'',$(1))'
given = $(foreach v,$(.VARIABLES),$(if $(findstring command,$(origin $(v))),$(v)))
OVERRIDES = $(foreach v,$(given),--override $(call quote,$(v)=$(value $(v))))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup sim test soak bench screenshots lint all build rebuild size flash flashall flashblank screen \
    image webflash wifisetup config-help lock clean distclean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' "$(strip $(MAKEFILE_LIST))"
	@echo; echo "  A flag: make sim METER=kmp SECONDS=150. All build flags: make config-help"

setup:  ## host MicroPython, Python packages and MQTT broker into build/ and .venv/; only what is missing
	@$(PYTHON) -m tools.setup $(MAKECMDGOALS)

sim: setup  ## a simulated meter, the firmware and a broker; METER= SECONDS= BROKER= UART= SIM_DIR=, build flags
	@$(PY) -m tools.sim $(OVERRIDES)

test: setup  ## all checks and tests; ARGS="tests/meters -k kmp" goes to pytest
	@$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup  ## the tests with long fuzzing campaigns; UMETER_FUZZ=100000 examples each
	@UMETER_FUZZ=$${UMETER_FUZZ:-100000} $(PY) -m pytest -n auto -o timeout=0 $(ARGS)

bench: setup  ## speed, memory and size figures; ARGS="mqtt heap": only those
	@$(PY) -m tools.bench $(ARGS)

screenshots: setup  ## the set-up pages as Chromium shows them, into docs/portal/
	@$(PY) -m tools.screenshots

lint: setup  ## the static checks only: style, layers, sizes, what the chip offers
	@$(PY) -m pytest -q -W always::UserWarning tests/test_static*.py

all: build  ## the same as build

build: setup  ## compile the firmware for the chip into build/device/; ARCH=, build flags
	@$(PY) -m tools.build $(OVERRIDES)

rebuild: clean build  ## clean, then build

size: setup  ## what the built tree takes on the device, file by file
	@$(PY) -m tools.build --sizes $(OVERRIDES)

flash: build  ## build, then copy to the board at PORT=; FIRMWARE= writes MicroPython first, ERASE=1 MONITOR=1
	@$(PY) -m tools.flash $(OVERRIDES)

flashall: flash  ## the same as flash

flashblank: setup  ## erase all of the board's flash memory
	@$(PY) -m tools.flash --blank $(OVERRIDES)

screen: setup  ## the console of the board at PORT=; Ctrl-] ends it
	@$(PY) -m tools.flash_monitor $(OVERRIDES)

image: build  ## build, then write build/image.bin, a flash image; FIRMWARE= puts MicroPython into it, FLASH_SIZE=
	@$(PY) -m tools.image $(OVERRIDES)

webflash: $(if $(FIRMWARE),image,setup)  ## a page that flashes boards from the browser; FIRMWARE= makes the image
	@$(PY) -m tools.webflash $(OVERRIDES)

wifisetup: setup  ## join the set-up network of a device (KEY= SERIAL=) and open its page
	@$(PY) -m tools.wifisetup $(OVERRIDES)

config-help: setup  ## every build flag, its default and meaning
	@$(PY) -m tools.config

lock: setup  ## renew requirements.lock from pyproject.toml with the newest versions
	@$(VENV)/pip -q install uv
	@{ head -n 1 requirements.lock; $(VENV)/uv pip compile -q --universal --python-version 3.9 \
	    --all-extras --no-annotate --no-header pyproject.toml; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock
	@{ head -n 2 $(AMQTT); echo amqtt | $(VENV)/uv pip compile -q --universal \
	    --python-version 3.10 --no-annotate --no-header -; } > $(AMQTT).new
	@mv $(AMQTT).new $(AMQTT)

clean:  ## remove what was built, not what set-up made
	@rm -rf build/device* build/sim build/image* .pytest_cache .hypothesis .ruff_cache .import_linter_cache

distclean: clean  ## remove what set-up made, too
	@rm -rf build .venv
