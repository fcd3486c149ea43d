# uMeter - a few numbers that survive a power cut
# MIT license; Copyright (c) 2026 The uMeter authors

# Two files take turns, each with a CRC: whatever moment the power fails, the other one is whole.
# The first number in them counts the saves, so the newer one is known whatever the others are.

from binascii import crc32

from firmware.store.settings import make_folder


class Tally:
    """load() and save() of whole numbers in <path>.a and <path>.b."""

    def __init__(self, path, log):
        self._paths = (path + ".a", path + ".b")
        self._log = log
        self._turn = self._saves = 0
        make_folder(path)

    def load(self):
        """Tuple of the numbers saved last, () if there are none."""
        best = (0,)
        for i, path in enumerate(self._paths):
            found = self._read(path)
            if found and found[0] > best[0]:
                best = found
                self._turn = 1 - i  # the other one is overwritten next
        self._saves = best[0]
        return best[1:]

    def _read(self, path):
        try:
            with open(path) as file:
                numbers, _, check = file.read().rpartition(" ")
            if int(check) != crc32(numbers.encode()):
                raise ValueError("check")
            return tuple([int(number) for number in numbers.split(" ")])
        except OSError:
            return None  # not there yet
        except ValueError as error:
            self._log.event("store", "%s is damaged: %s" % (path, error))
            return None

    def save(self, *numbers):
        """True; False when the flash is full or broken, which the log says once."""
        text = " ".join([str(number) for number in (self._saves + 1,) + numbers])
        try:
            with open(self._paths[self._turn], "w") as file:
                file.write("%s %d" % (text, crc32(text.encode())))
        except OSError as error:
            self._log.state("store", "cannot save", ": %s" % error)
            return False
        self._turn = 1 - self._turn
        self._saves += 1
        self._log.state("store", "saved")
        return True
