# uMeter - make screenshots: the pages of a simulated board, as Chromium shows them, into docs/
# MIT license; Copyright (c) 2026 The uMeter authors

import shutil
import sys
import tempfile
from pathlib import Path

from sim.launch import ROOT, VirtualBoard, interpreter
from sim.meters.multical import Multical
from sim.meters.server import Server
from tools import build, mpy
from tools.config import resolve
from tools.image import make_image

OUT = ROOT / "docs" / "portal"
_NETWORKS = [
    {"ssid": "Birch Street 12", "password": "correct horse", "rssi": -52, "channel": 6},
    {"ssid": "Neighbours", "password": "not ours to know", "rssi": -69},
    {"ssid": "Library guests", "rssi": -78},
    {"ssid": "Workshop", "password": "not ours to know", "rssi": -88},
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 900, "height": 780}
# Chromium looks up its maker's hosts at every start without these.
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update")  # fmt: skip


class Camera:
    def __init__(self, playwright, board, out):
        self._rule = "--host-resolver-rules=MAP * 127.0.0.1:%d" % board.port(80)
        program = shutil.which("chromium")
        if not program:
            sys.exit("screenshots: no chromium here; `make setup` installs it on Debian")
        self._browser = playwright.chromium.launch(executable_path=program,
                                                   args=[*QUIET, self._rule])  # fmt: skip
        self._out = out

    def page(self, size, scheme="light"):
        page = self._browser.new_page(viewport=size, color_scheme=scheme)
        page.set_default_timeout(30000)
        return page

    def shoot(self, page, name):
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(250)  # what moves has come to rest
        path = self._out / (name + ".png")
        page.screenshot(path=path)
        print("%-24s %4d kB" % (path.name, path.stat().st_size // 1000))

    def close(self):
        self._browser.close()


def _set_up(camera):
    """From the list of networks to the new address."""
    page = camera.page(DESKTOP)
    page.goto("http://192.168.4.1/")
    page.get_by_role("radio", name="Birch Street 12").check()
    camera.shoot(page, "setup-desktop")
    page = camera.page(PHONE, "dark")
    page.goto("http://192.168.4.1/")
    page.get_by_role("radio", name="Birch Street 12").check()
    camera.shoot(page, "setup-phone-dark")
    page = camera.page(PHONE)
    page.goto("http://192.168.4.1/")
    page.get_by_role("radio", name="Birch Street 12").check()
    page.get_by_label("Password of the network").fill("wrong horse")
    page.get_by_label("Server", exact=True).fill("mqtt.lan")
    camera.shoot(page, "setup-phone")
    page.locator("summary").click()
    size = {"width": 390, "height": page.evaluate("document.body.scrollHeight")}
    page.set_viewport_size(size)
    camera.shoot(page, "setup-phone-whole")
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Test and save").click()
    page.get_by_role("button", name="Save anyway").wait_for()
    camera.shoot(page, "failed-phone")
    page.get_by_role("button", name="Back to the form").click()
    page.get_by_label("Password of the network").fill("correct horse")
    page.get_by_role("button", name="Test and save").click()
    page.get_by_text("http://192.168.1.77/").wait_for()
    camera.shoot(page, "saved-phone")


def _live(camera):
    for name, size in (("phone", PHONE), ("desktop", DESKTOP)):
        page = camera.page(size)
        page.goto("http://192.168.4.1/live")
        page.get_by_text("Energy e1").wait_for()
        camera.shoot(page, "live-" + name)


def main():
    from playwright.sync_api import sync_playwright

    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.mkdir(parents=True, exist_ok=True)
    core = Multical(serial=7013412, seed=1)
    with tempfile.TemporaryDirectory(prefix="shots-") as folder, \
            Server(core, tcp=("127.0.0.1", 0)) as meter:  # fmt: skip
        flags = {"KEY": "0123456789abcdef0123456789abcdef", "NTP_SERVER": "127.0.0.1:1",
                 "GIT_VERSION": "1.0"}  # fmt: skip
        tree, image = Path(folder) / "device", Path(folder) / "flash.img"
        build.build(resolve(flags, {}), mpy.host_arch(interpreter()), tree)
        make_image(tree, image)
        world = {"aps": _NETWORKS, "scan_ms": 200,
                 "uart": {"1": "tcp:127.0.0.1:%d" % meter.port}}  # fmt: skip
        with VirtualBoard(image, world, "240k", ports=(80, 53)) as board, \
                sync_playwright() as playwright:  # fmt: skip
            board.wait_line("setup: open")
            camera = Camera(playwright, board, out)
            _live(camera)
            _set_up(camera)
            camera.close()


if __name__ == "__main__":
    main()
