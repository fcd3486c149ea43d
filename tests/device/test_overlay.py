# uMeter - code that comes and goes: what stays is what the chip would not take back
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 200k

import sys

from firmware import overlay


def named(end):
    return {name for name in sys.modules if name.startswith("firmware.") and name.endswith(end)}


def test_machine_code_is_loaded_once():
    """The chip keeps it outside of the heap and frees it with a reset only: each time that
    somebody looks at the pages of a HAN build would cost 5 kB of it."""

    def load():
        from firmware.crypto import gcm
        from firmware.meters import axdr

        return gcm.ghash, axdr._index

    first = load()
    native = named("_fast")
    assert native == {"firmware.crypto._gcm_fast", "firmware.meters._axdr_fast"}, native
    overlay.free("firmware.meters.axdr", "firmware.crypto.gcm", *native)
    assert named("_fast") == native
    assert not named(".gcm") and not named(".axdr")
    assert load() == first
    overlay.free("firmware.crypto")  # with all that is inside
    assert "firmware.crypto" not in sys.modules and "firmware.crypto._gcm_fast" in sys.modules
