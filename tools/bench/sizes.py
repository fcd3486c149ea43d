# uMeter - bytes of the device tree, part by part and meter by meter
# MIT license; Copyright (c) 2026 The uMeter authors

import tempfile
from pathlib import Path

from tools.build import build
from tools.config import resolve
from tools.config.flags import METERS

_KEY = "0123456789abcdeffedcba9876543210"  # only to build with; nothing is kept


def run():
    """[(name, value, unit, note)] for make bench: the tree of each meter for the ESP32."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="sizes-") as folder:
        for meter in METERS:
            flags = resolve({"KEY": _KEY, "METER": meter}, {})
            manifest = build(flags, "xtensawin", Path(folder) / meter)
            parts = ", ".join("%s %d" % part for part in sorted(manifest.parts().items()))
            rows.append(("tree for METER=" + meter, manifest.size, "bytes", parts))
    return rows
