# uMeter - the files of the device's web pages: packed small, and microdot's code for them
# MIT license; Copyright (c) 2026 The uMeter authors

import gzip
import importlib.util
import re
from pathlib import Path

from tools.slim import slim

PAGES = "firmware/web"
STATIC = PAGES + "/static"
_PACKED = (".css", ".js")  # sent as they are; pages are filled in on the device


def microdot_source():
    """Path of microdot.py as installed in this Python."""
    return Path(importlib.util.find_spec("microdot").origin).with_name("microdot.py")


def microdot_for(root):
    """Source of microdot with what the pages below root use of it."""
    modules = [path.read_text(encoding="utf-8") for path in (root / PAGES).glob("*.py")]
    users = [text for text in modules if "microdot" in text]
    return slim(microdot_source().read_text(encoding="utf-8"), users)[0]


def pack(name, text):
    """(name on the device, bytes) of a file: without comments and indents, gzip where it helps."""
    if name.endswith(".html"):
        text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    else:
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    if name.endswith(".js"):
        text = re.sub(r"^\s*//.*$", "", text, flags=re.M)
    lines = [line.strip() for line in text.splitlines()]
    data = "\n".join(line for line in lines if line).encode() + b"\n"
    if name.endswith(_PACKED):
        return name + ".gz", gzip.compress(data, 9, mtime=0)
    return name, data


def assets(root):
    """{path on the device: bytes} of all files of the pages below root."""
    files = {}
    for path in sorted((root / STATIC).glob("*.*")):
        name, data = pack(path.name, path.read_text(encoding="utf-8"))
        files[STATIC + "/" + name] = data
    return files


def page_bytes(root):
    """{what a browser asks for: bytes} of all the pages there are, compressed."""
    files = assets(root)
    sizes = {}
    for path, data in files.items():
        name = path.rsplit("/", 1)[1]
        if name.endswith(".gz"):
            sizes["/" + name[:-3]] = len(data)
        elif name != "frame.html":  # comes with each page
            parts = files[STATIC + "/frame.html"] + data
            sizes["/" + name.split(".")[0]] = len(gzip.compress(parts, 9, mtime=0))
    return sizes
