# uMeter - what the link layers answer when they look at a buffer
# MIT license; Copyright (c) 2026 The uMeter authors

# scan(view, pos, end) -> (state, size, start, stop, extra, reason)
#   NEED   may become a frame: come back when `size` bytes are there
#   OK     a frame of `size` bytes; its information field is view[start:stop]
#   BAD    a frame, but `reason` is wrong with it; look on behind its first byte
#   NOISE  no frame begins here
# `extra` belongs to the layer; with NEED it is SURE if the bytes so far are meant as a frame, and
# with NOISE `stop` tells how far they looked like one. A tuple per frame, not per byte: the
# caller does not come back before the bytes asked for have arrived.

from micropython import const

NEED = const(0)
OK = const(1)
BAD = const(2)
NOISE = const(3)

SURE = const(1)

# `extra` of a P1 telegram
CHECKED = const(0)
UNCHECKED = const(1)  # there is no CRC
CIPHERED = const(2)


def need(size, sure=0):
    return (0, size, 0, 0, sure, "")  # NEED
