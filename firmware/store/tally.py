# uMeter - two numbers that survive a power cut
# MIT license; Copyright (c) 2026 The uMeter authors

# Two files take turns, each with a CRC: whatever moment the power fails, the other one is
# whole, and the higher count is the newer one.

import os
from binascii import crc32


class Tally:
    """load() and save() of (count, seconds) in <path>.a and <path>.b."""

    def __init__(self, path, log):
        self._paths = (path + ".a", path + ".b")
        self._log = log
        self._turn = 0
        folder = path.rpartition("/")[0]
        try:
            os.stat(folder)
        except OSError:
            os.mkdir(folder)

    def load(self):
        """The newest that is whole, (0, 0) if there is none."""
        best = (0, 0)
        for i, path in enumerate(self._paths):
            found = self._read(path)
            if found and found >= best:
                best = found
                self._turn = 1 - i  # the other one is overwritten next
        return best

    def _read(self, path):
        try:
            with open(path) as file:
                count, seconds, check = file.read().split(" ")
            if int(check) != crc32(("%s %s" % (count, seconds)).encode()):
                raise ValueError("check")
            return int(count), int(seconds)
        except OSError:
            return None  # not there yet
        except ValueError as error:
            self._log.event("store", "%s is damaged: %s" % (path, error))
            return None

    def save(self, count, seconds):
        """Full flash and the like: said once in the log; the numbers stay in memory."""
        text = "%d %d" % (count, seconds)
        try:
            with open(self._paths[self._turn], "w") as file:
                file.write("%s %d" % (text, crc32(text.encode())))
        except OSError as error:
            self._log.state("store", "cannot save: %s" % error)
            return
        self._turn = 1 - self._turn
        self._log.state("store", "saved")
