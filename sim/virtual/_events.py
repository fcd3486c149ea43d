# uMeter - the hardware beside the processor, in virtual time
# MIT license; Copyright (c) 2026 The uMeter authors

from _threads import wait  # noqa: F401
from time import _advance as advance, _after as after  # noqa: F401

VIRTUAL = True
TX_CHUNK = 64  # a request arrives at the far end in one go, when its last byte has left
