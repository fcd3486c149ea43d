# uMeter - the images that the page offers, and their manifest for ESP Web Tools
# MIT license; Copyright (c) 2026 The uMeter authors

import json
from pathlib import Path
from typing import NamedTuple

from tools import partitions
from tools.build import Manifest, manifest_path

# tools.boards.CHIPS -> chipFamily, as ESP Web Tools' documentation names them
_FAMILIES = {"esp32": "ESP32", "esp32s2": "ESP32-S2", "esp32s3": "ESP32-S3",
             "esp32c3": "ESP32-C3"}  # fmt: skip


class WebflashError(Exception):
    """Why there is nothing to serve."""


class Offer(NamedTuple):
    path: Path
    chip: str
    at: int  # flash address
    megabytes: int  # of flash memory that it is made for
    tree: Manifest  # what it was made of

    @property
    def url(self):
        return "images/%s.bin" % self.chip


def offers(paths):
    """[Offer] of the images with MicroPython among paths, one for each chip."""
    found = {}
    for path in paths:
        try:
            image = partitions.read(Path(path).read_bytes())
            tree = Manifest.read(manifest_path(Path(path)))
        except OSError as error:
            raise WebflashError("%s: %s" % (path, error.strerror)) from None
        except ValueError:
            continue  # files only, as `make image` without FIRMWARE makes it
        if not image.holds_files:
            continue
        if image.chip in found:
            raise WebflashError("%s and %s are both for %s; remove one" % (
                found[image.chip].path, path, image.chip))  # fmt: skip
        found[image.chip] = Offer(Path(path), image.chip, image.base, image.end >> 20, tree)
    if not found:
        raise WebflashError("there is no image with MicroPython: give FIRMWARE=")
    return list(found.values())


def manifest(shown):
    """manifest.json of [Offer]."""
    versions = sorted({offer.tree.version for offer in shown})
    return json.dumps({
        "name": "uMeter",
        "version": ", ".join(versions),
        "new_install_prompt_erase": True,
        "new_install_improv_wait_time": 0,
        "builds": [{"chipFamily": _FAMILIES[offer.chip],
                    "parts": [{"path": offer.url, "offset": offer.at}]} for offer in shown],
    }, indent=1)  # fmt: skip
