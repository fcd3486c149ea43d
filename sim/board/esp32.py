# uMeter - module esp32 of the virtual board: NVS, the running partition, chip temperature
# MIT license; Copyright (c) 2026 The uMeter authors

import json as _json

import world as _world

HEAP_EXEC, HEAP_DATA = 1, 4


def raw_temperature():
    return 128  # Fahrenheit


def idf_heap_info(capabilities):
    """Regions as (total, free, largest free block, least free ever); figures of a chip at rest."""
    return [(7288, 0, 0, 0), (15912, 1008, 944, 1008), (113840, 70000, 65536, 60000)]


class NVS:
    """One name space. What was not committed is lost with a reset."""

    _all = None  # name space -> {key: value}

    def __init__(self, namespace):
        if len(namespace) > 15:
            raise OSError(-0x1109)  # ESP_ERR_NVS_KEY_TOO_LONG
        if NVS._all is None:
            NVS._all = _load()
        self._values = NVS._all.setdefault(namespace, {})

    def _get(self, key, kind):
        value = self._values.get(key)
        if not isinstance(value, kind):
            raise OSError(-0x1102)  # ESP_ERR_NVS_NOT_FOUND
        return value

    def _put(self, key, value):
        if len(key) > 15:
            raise OSError(-0x1109)
        self._values[key] = value

    def get_i32(self, key):
        return self._get(key, int)

    def set_i32(self, key, value):
        self._put(key, (value + 0x80000000 & 0xFFFFFFFF) - 0x80000000)

    def get_blob(self, key, buf):
        value = bytes.fromhex(self._get(key, str))
        if len(value) > len(buf):
            raise OSError(-0x110C)  # ESP_ERR_NVS_INVALID_LENGTH
        buf[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        self._put(key, bytes(value).hex())

    def erase_key(self, key):
        self._get(key, (int, str))
        del self._values[key]

    def commit(self):
        path = _world.config.get("nvs")
        if path:
            with _world.host.open(path + ".new", "w") as f:
                _json.dump(NVS._all, f)
            _world.host.rename(path + ".new", path)


def _load():
    try:
        with _world.host.open(_world.config["nvs"], "r") as f:
            return _json.load(f)
    except (KeyError, OSError):
        return {}


class Partition:
    BOOT, RUNNING, TYPE_APP, TYPE_DATA = 0, 1, 0, 1

    def __init__(self, id):
        self._data = id == "vfs"

    @staticmethod
    def find(type=0, subtype=255, label=None, block_size=4096):
        return [Partition("vfs" if type else "factory")]

    def info(self):
        if self._data:
            return (1, 129, 0x200000, 0x200000, "vfs", False)
        return (0, 0, 0x10000, 0x1F0000, "factory", False)

    @staticmethod
    def mark_app_valid_cancel_rollback():
        """Nothing to cancel: the generic image has one partition for the app."""
