# uMeter - build flags: what is given on the command line becomes the device's config module
# MIT license; Copyright (c) 2026 The uMeter authors

from tools.config.checks import ConfigError
from tools.config.collect import near_misses, run_variable
from tools.config.render import render
from tools.config.resolve import Values, resolve

__all__ = ["ConfigError", "Values", "near_misses", "render", "resolve", "run_variable"]
