# uMeter - stand-in for MicroPython's module micropython, for pure cores on CPython
# MIT license; Copyright (c) 2026 The uMeter authors

# Without `native` and `viper` on purpose: a fast path that uses them then fails
# to import with AttributeError, and its pure twin is taken.


def const(value):
    return value


def schedule(function, argument):
    """At once: there are no interrupts that it would have to wait for."""
    function(argument)
