# uMeter - which source files a configuration needs on the device
# MIT license; Copyright (c) 2026 The uMeter authors

from fnmatch import fnmatch

# Pattern below firmware/ -> f(config) that tells whether these files are needed. What no row
# names is always needed. tests/tools/test_build_parts.py follows the imports of each meter's
# tree: nothing that is needed is left out, nothing that is in it is not needed.


def _meter(*names):
    return lambda config: config["METER"] in names


_HAN = _meter("han", "p1")
_SERIAL = _meter("kmp", "mc66c", "mc66b", "han", "p1")

ROWS = (
    ("meters/__init__", lambda config: True),
    ("meters/errors", lambda config: True),
    ("meters/counters", lambda config: True),
    ("crypto/crc", _meter("kmp", "han", "p1")),
    ("crypto/_crc_*", _meter("kmp", "han", "p1")),
    ("meters/line", _SERIAL),
    ("meters/kmp*", _meter("kmp")),
    ("meters/en61107*", _meter("mc66c", "mc66b")),
    ("meters/mc66*", _meter("mc66c", "mc66b")),
    ("meters/impulse*", _meter("impulse")),
    ("store/tally", _meter("impulse")),
    ("app/valve*", lambda config: config["METER"] != "impulse"),
    ("control/actuator", lambda config: config["METER"] != "impulse"),
    ("control/limit", lambda config: config["METER"] != "impulse"),
    ("control/amount", lambda config: config["METER"] != "impulse"),
    ("meters/synthetic", _meter("none")),
    ("app/push", _HAN),
    ("meters/autobaud*", _HAN),
    ("meters/han*", _HAN),
    ("meters/hdlc*", _HAN),
    ("meters/llc*", _HAN),
    ("meters/mbus*", _HAN),
    ("meters/gbt*", _HAN),
    ("meters/glo*", _HAN),
    ("meters/ber*", _HAN),
    ("meters/axdr*", _HAN),
    ("meters/_axdr_*", _HAN),
    ("meters/dlms*", _HAN),
    ("meters/cosem_time*", _HAN),
    ("meters/zone", _HAN),
    ("meters/obis*", _HAN),
    ("meters/layout*", _HAN),
    ("meters/assembly*", _HAN),
    ("meters/scan*", _HAN),
    ("meters/p1*", _HAN),
    ("crypto/gcm*", _HAN),
    ("crypto/_gcm_*", _HAN),
    ("net/power", lambda config: config["POWER_SAVE"]),
    ("app/console", lambda config: config["DEBUG"]),
    ("app/cron*", lambda config: not config["NO_CRON"]),
    ("control/cron*", lambda config: not config["NO_CRON"]),
    ("control/timezone", lambda config: not config["NO_CRON"]),
)


def listed(module):
    """Whether a row names it; module: path below firmware/ without .py."""
    return any(fnmatch(module, pattern) for pattern, _ in ROWS)


def is_needed(module, config, arch, modules):
    """Whether the device needs it. modules: all there are, for a twin of machine code."""
    if module.endswith("_fast") and arch == "bytecode":
        return False
    if module.endswith("_slow") and arch != "bytecode" and module[:-4] + "fast" in modules:
        return False
    rows = [needed(config) for pattern, needed in ROWS if fnmatch(module, pattern)]
    return any(rows) or not rows
