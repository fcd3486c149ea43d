# uMeter - is this what a meter says? For what no tag and no checksum vouches for
# MIT license; Copyright (c) 2026 The uMeter authors

from micropython import const

from firmware.meters import dlms_notification, glo
from firmware.meters.han_telegram import FrameError
from firmware.meters.scan import NEED, OK

_SLASH = const(0x2F)
_GET_REQUEST = const(0xC0)
_TAG_SIZE = const(12)


def plausible(tape, clear, stop):
    """True if clear[:stop] has the structure of a push to its last byte."""
    if not stop:
        return False
    if clear[0] == dlms_notification.TAG:
        return dlms_notification.parses(tape, clear, 0, stop)
    if clear[0] == _SLASH:
        from firmware.meters import p1

        state, size = p1.Scanner(stop + 1).scan(clear, 0, stop)[:2]
        if state == OK:
            return not bytes(clear[size:stop]).strip()
        return state == NEED and p1.complete(clear, p1.ident_end(clear, 0, stop), stop)
    if clear[0] == _GET_REQUEST:
        # Get-request-normal without selective access (Green Book section 9.4.6.3).
        return stop == 13 and clear[1] == 1 and clear[12] == 0
    for i in range(stop):
        if clear[i] > 126 or (clear[i] < 32 and clear[i] not in (10, 13)):
            return False
    return 0x30 <= clear[0] <= 0x39


def is_clear_copy(tape, data, head):
    """True for a log's copy whose "ciphertext" is a whole clear DataNotification.

    Old readers decrypted in place before they printed: no check of such a copy fits.
    """
    for stop in (head.stop, head.stop - _TAG_SIZE):
        if dlms_notification.parses(tape, data, head.start, stop):
            return True
    return False


def holds_clear_copy(tape, data):
    """The same for a ciphered APDU in a damaged frame."""
    try:
        return is_clear_copy(tape, data, glo.header(data, 1, len(data)))
    except FrameError:
        return False
