# uMeter - fixtures for the tests of the host tools
# MIT license; Copyright (c) 2026 The uMeter authors

import shutil

import pytest

from tests.sources import ROOT
from tools.config import resolve

# Else it looks up its maker's hosts at every start.
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
KEY = "0123456789abcdeffedcba9876543210"

# Says what it is, and then lives on as an app does.
MAIN = """
import asyncio
import config
from firmware.crypto import crc

print("up", config.METER, crc.xmodem(b"123456789"))

async def main():
    while True:
        await asyncio.sleep(1)

if config.DEBUG:
    asyncio.run(main())
"""


@pytest.fixture
def source(tmp_path):
    """A small checkout: the real crypto folder, and a main.py that uses it."""
    root = tmp_path / "source"
    for name in ("crypto", "meters"):
        (root / "firmware" / name).mkdir(parents=True)
        shutil.copy(ROOT / "firmware" / name / "__init__.py", root / "firmware" / name)
    shutil.copy(ROOT / "firmware" / "__init__.py", root / "firmware")
    for name in ("crc", "_crc_fast", "_crc_slow"):
        shutil.copy(ROOT / "firmware" / "crypto" / (name + ".py"), root / "firmware" / "crypto")
    for name in ("kmp", "han", "errors"):
        (root / "firmware" / "meters" / (name + ".py")).write_text("NAME = %r\n" % name)
    (root / "boot.py").write_text("print('boot')\n")
    (root / "main.py").write_text(MAIN)
    return root


def flags(**given):
    return resolve({"KEY": KEY, **given}, {"SOURCE_DATE_EPOCH": "1790000000"})


@pytest.fixture
def browser():
    """Chromium; closed afterwards."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("there is no chromium")
    with playwright.sync_playwright() as p:
        launched = p.chromium.launch(executable_path=chromium, args=QUIET)
        yield launched
        launched.close()
