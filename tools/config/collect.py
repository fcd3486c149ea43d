# uMeter - collects flags from the command line and the environment
# MIT license; Copyright (c) 2026 The uMeter authors

import difflib

from tools.config.checks import ConfigError
from tools.config.flags import BY_NAME, RUN, WITHOUT_MEANING

_NEAR = 0.8  # BRKER and BROKER; nothing that shells and desktops put into an environment


def parse_overrides(words):
    """["NAME=VALUE", ...], as make hands its command line over, -> dict."""
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError("%s: NAME=VALUE is needed" % word)
        given[name] = value
    return given


def collect(overrides, environ):
    """{flag: value} of what was given; the command line beats the environment.

    A name on the command line that nobody knows is an error; the environment is full of such.
    """
    for name in overrides:
        if name not in BY_NAME and name not in RUN and name not in WITHOUT_MEANING:
            raise ConfigError(unknown(name))
    values = {}
    for name, flag in BY_NAME.items():
        text = overrides.get(name, environ.get(name, "")).strip()
        if not text:
            continue
        try:
            values[name] = flag.check(text)
        except ValueError as error:
            shown = name if flag.secret else "%s=%s" % (name, text)
            origin = "" if name in overrides else " (from the environment)"
            raise ConfigError("%s%s: %s" % (shown, origin, error)) from None
    return values


def run_variable(name, overrides, environ, default=""):
    """Value of a variable of this run, such as ARCH or PORT."""
    assert name in RUN, name
    return overrides.get(name, environ.get(name, "")).strip() or default


def near_misses(environ):
    """Lines for the person: names of the environment that look like a misspelt flag."""
    lines = []
    for name in environ:
        near = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=_NEAR)
        if near and not (name in BY_NAME or name in RUN or name in WITHOUT_MEANING):
            lines.append("%s in the environment is no flag; did you mean %s?" % (name, near[0]))
    return lines


def unknown(name):
    near = difflib.get_close_matches(name.upper(), [*BY_NAME, *RUN], n=1, cutoff=0.6)
    hint = "did you mean %s? " % near[0] if near else ""
    return "%s: no such flag; %sAll flags: make config-help" % (name, hint)
