# uMeter - named values that survive a power cut
# MIT license; Copyright (c) 2026 The uMeter authors

# A save writes the new generation under another name, reads it back, and only then renames:
# <path> to <path>.old, <path>.new to <path>. Whatever moment the power fails, one whole
# generation is found, and its CRC tells that it is whole. Only what differs from the default
# is written, so a build with other flags changes what nobody has set.

import asyncio
import json
import os
from binascii import crc32
from micropython import const

_VERSION = const(1)
_DEFER_S = const(2)  # between two looks: several changes in a row cost one write
_AGAIN_S = const(60)  # to the next try when the flash did not take it
_MOST = const(16384)  # bytes of a file; what is longer is not ours
_MAGIC = "umeter-settings"


class Settings:
    """settings["name"] -> value; update() changes, save() keeps.

    path: of the file, its folder is made. rows: f() -> [(name, check, default, secret)], see
    schema.py; called when something has to be checked, for the checks take much room and are
    seldom needed. Without a check a value has to be of the default's type.
    migrations: {version: f(values)} that turn an older file's values into the next version's.
    """

    def __init__(self, path, rows, log, migrations=None):
        self._path = path
        self._area = path.rpartition("/")[2]  # in the log: one state for each file
        self._log = log
        self._rows = rows
        self._migrations = migrations or {}
        self._values = {}
        self._checks = None  # {name: check} while in use
        self._defaults, self._secrets = {}, []
        for name, _, default, secret in rows():
            self._defaults[name] = default
            if secret:
                self._secrets.append(name)
        self.pending = False  # something is not saved yet
        self.on_flash_error = None  # f(calculated crc, saved crc)
        self.generation = 0
        make_folder(path)
        self._load()
        self.forget_checks()

    def __getitem__(self, name):
        """KeyError: no setting of that name."""
        if name in self._values:
            return self._values[name]
        return self._defaults[name]

    def __contains__(self, name):
        return name in self._defaults

    def is_secret(self, name):
        return name in self._secrets

    def secrets(self):
        """Values that nobody outside shall see."""
        return [self[name] for name in self._secrets]

    def check(self, name, value):
        """The value as it would be stored. ValueError names the setting and what is wrong."""
        if name not in self._defaults:
            raise ValueError("%s: no such setting" % name)
        if self._checks is None:
            self._checks = {row[0]: row[1] for row in self._rows()}
        check = self._checks[name]
        if check is None:
            if type(value) is not type(self._defaults[name]):
                raise ValueError("%s: not of its type" % name)
            return value
        try:
            return check(value)
        except ValueError as error:
            raise ValueError("%s: %s" % (name, error.args[0])) from None

    def forget_checks(self):
        """They are not needed for a while; run() does so all the time."""
        self._checks = None

    def update(self, changes):
        """All of {name: value} or, with a ValueError, none. True if something is new."""
        checked = {name: self.check(name, value) for name, value in changes.items()}
        new = [name for name in checked if checked[name] != self[name]]
        for name in new:
            if checked[name] == self._defaults[name]:
                del self._values[name]
            else:
                self._values[name] = checked[name]
        self.pending = self.pending or bool(new)
        return bool(new)

    def keep(self, changes):
        """update() and save(). False: the flash did not take it, and nothing has changed."""
        old = {name: self[name] for name in changes}
        self.update(changes)
        kept = self.save()
        if not kept:
            self.update(old)
        return kept

    def reset(self):
        """Factory settings; the files are gone when this returns."""
        self._values = {}
        self.pending = False
        for end in (".new", ".old", ""):  # the newest last: it counts while it is there
            _remove(self._path + end)

    def save(self):
        """Keeps what changed. True: it is in the flash; nothing is written if nothing changed."""
        if not self.pending:
            return True
        new = self._path + ".new"
        try:
            body = json.dumps(self._values)
            check = crc32(body.encode())
            head = "%s %d %d %08x\n" % (_MAGIC, _VERSION, self.generation + 1, check)
            with open(new, "w") as file:
                file.write(head)
                file.write(body)
            found = self._read(new)
            if found is None or found[1] != self.generation + 1 or found[2] != self._values:
                self._report(check, new)
                return False
            _replace(self._path, self._path + ".old")
            os.rename(new, self._path)
        except (OSError, MemoryError) as error:
            self._log.state(self._area, "cannot save %s: %s" % (self._path, error))
            return False
        self.generation += 1
        self.pending = False
        self._log.state(self._area, "saved")
        return True

    async def run(self):
        """For ever: saves what changed, a moment later."""
        while True:
            await asyncio.sleep(_DEFER_S)
            self.forget_checks()
            if not self.save():
                await asyncio.sleep(_AGAIN_S)

    def _report(self, check, path):
        self._log.state(self._area, "%s does not read back as written" % path)
        if self.on_flash_error:
            self.on_flash_error(check, _crc_of(path))

    def _load(self):
        for end in ("", ".new", ".old"):
            found = self._read(self._path + end)
            if found is None:
                continue
            version, self.generation, values = found
            if end:
                self._log.event(self._area, "%s comes from %s" % (self._path, end))
                self.pending = True
            self._take(version, values)
            return

    def _take(self, version, values):
        while version < _VERSION:
            migrate = self._migrations.get(version)
            if migrate:
                migrate(values)
            version += 1
            self.pending = True
        for name, value in values.items():
            try:
                self._values[name] = self.check(name, value)
            except ValueError as error:
                self._log.event(self._area, "dropped: %s" % error)

    def _read(self, path):
        """(version, generation, values) of a whole file; None: there is none."""
        try:
            if os.stat(path)[6] > _MOST:
                raise ValueError("too long")
            with open(path) as file:
                magic, version, generation, check = file.readline().split()
                body = file.read()
            if magic != _MAGIC or int(check, 16) != crc32(body.encode()):
                raise ValueError("check")
            values = json.loads(body)
            if not isinstance(values, dict):
                raise ValueError("form")
            return int(version), int(generation), values
        except OSError:
            return None
        except ValueError as error:  # UnicodeError, too
            self._log.event(self._area, "%s is damaged: %s" % (path, str(error) or "no text"))
            return None


def state_rows():
    """What the device itself remembers: changed by commands, written before they are answered."""
    return [
        ("valve", None, False, False),  # open
        ("limit", None, -1, False),  # Wh or litres; -1: never set
        ("high_water", None, 0, False),  # newest unix time that an accepted command was dated
        ("clock_floor", None, 0, False),  # the clock was that far when it came
        # the network behind which the broker answered last, [ssid, password]
        ("joined", None, [], True),
        ("cron_done", None, 0, False),  # due time of the last job that was begun
    ]


def make_folder(path):
    """The folder that the file of that path lies in."""
    folder = path.rpartition("/")[0]
    try:
        os.stat(folder)
    except OSError:
        os.mkdir(folder)


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        return  # there was none


def _replace(path, to):
    try:
        os.stat(path)
    except OSError:
        return
    os.rename(path, to)  # littlefs replaces in one step


def _crc_of(path):
    try:
        with open(path, "rb") as file:
            file.readline()
            return crc32(file.read())
    except OSError:
        return 0
