# uMeter - which time to believe
# MIT license; Copyright (c) 2026 The uMeter authors

# Who can forge the time can make old commands young again. So the clock never goes below what
# is certain (the build, the last accepted command), and a jump takes two servers.

from micropython import const

_JUMP_S = const(3600)  # farther than this is a jump
_AGREE_S = const(10)  # two servers that say so much the same agree

ACCEPT = const(0)
REFUSE = const(1)
DOUBT = const(2)


class TimeKeeper:
    def __init__(self, floor):
        """floor: unix seconds that are certainly past, those of the build."""
        self._floor = floor
        self._doubted = None  # (server, how far ahead of the clock it was)
        # For who asks: else the first one would be asked for ever, and alone could lead the clock.
        self.turn = 0
        self.banned = {}  # server -> uptime until which it is not asked

    def raise_floor(self, unix):
        """It was this late already: time of an accepted command, or of one before the reset."""
        self._floor = max(self._floor, unix)

    def judge(self, server, unix, now):
        """What to do if `server` says that it is `unix`, while the clock says `now` (0: unknown).

        ACCEPT; REFUSE: that time is past; DOUBT: a jump, another server has to say the same.
        """
        if unix < self._floor:
            return REFUSE
        ahead = unix - now
        doubted = self._doubted
        if now == 0 or -_JUMP_S <= ahead <= _JUMP_S:
            self._doubted = None
            return ACCEPT
        if doubted and doubted[0] != server and -_AGREE_S <= ahead - doubted[1] <= _AGREE_S:
            self._doubted = None
            return ACCEPT
        self._doubted = (server, ahead)
        return DOUBT
