# uMeter - a few numbers that survive a power cut
# MIT license; Copyright (c) 2026 The uMeter authors

# Two files take turns, each with a CRC: whatever moment the power fails, the other one is whole.
# The first number in them counts the saves, so the newer one is known whatever the others are.

from binascii import crc32

from firmware.store.settings import make_folder


class Tally:
    """load() and save() of whole numbers in <path>.a and <path>.b.

    on_flash_error: f(calculated crc, saved crc), once each time that a save begins to fail so.
    """

    def __init__(self, path, log, on_flash_error=None):
        self._paths = (path + ".a", path + ".b")
        self._log = log
        self._on_flash_error = on_flash_error
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
        text = " ".join([str(number) for number in (self._saves + 1,) + numbers]).encode()
        check = crc32(text)
        path = self._paths[self._turn]
        try:
            with open(path, "wb") as file:
                file.write(b"%s %d" % (text, check))
            with open(path, "rb") as file:
                found, _, found_check = file.read().rpartition(b" ")
        except OSError as error:
            self._log.state("store", "cannot save", ": %s" % error)
            return False
        if found != text or found_check != b"%d" % check:
            news = self._log.state("store", "%s does not read back as written" % path)
            if news and self._on_flash_error:
                self._on_flash_error(check, crc32(found))
            return False
        self._turn = 1 - self._turn
        self._saves += 1
        self._log.state("store", "saved")
        return True
