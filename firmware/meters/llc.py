# uMeter - LLC header in front of an APDU
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: IEC 62056-46 section 5.3.2: destination E6, source E7 (response) or E6 (command),
# quality 00. A message carries it once, in its first HDLC frame or block.

from micropython import const

SIZE = const(3)
_APDUS = (0x0F, 0xDB, 0xE0)  # DataNotification, general-glo-ciphering, general-block-transfer


def at(view):
    """True if an LLC header stands at the beginning."""
    return len(view) >= SIZE and view[0] == 0xE6 and view[1] in (0xE6, 0xE7) and view[2] == 0


def begins(view):
    """True if a whole message begins here: LLC and the tag of an APDU that meters push.

    A later segment may begin with E6 E7 00 as data, but hardly with one of the tags behind.
    """
    return len(view) > SIZE and at(view) and view[SIZE] in _APDUS
