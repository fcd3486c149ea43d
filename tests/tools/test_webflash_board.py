# uMeter - the page of make webflash flashes a board: Chromium, ESP Web Tools, a scripted loader
# MIT license; Copyright (c) 2026 The uMeter authors

# Chromium has no serial port here. In its place the page gets an object with the same members,
# whose bytes go to the scripted boot loader (rom_loader) and come from there.

import base64
import select
import socket
import threading

import pytest

from tests.tools.firmware_images import firmware
from tests.tools.rom_loader import RomLoader
from tools.build import Manifest, manifest_path
from tools.image import make_flash_image, read_image
from tools.webflash import images, server
from tools.webflash.package import PackageError, package

SMALL = ((b"nvs", 1, 2, 0x9000, 0x6000), (b"factory", 0, 0, 0x10000, 0x10000),
         (b"vfs", 1, 0x81, 0x20000, 0x20000))  # fmt: skip
PORT = """
class Port extends EventTarget {
  constructor() { super(); this.readable = this.writable = null; }
  getInfo() { return {usbVendorId: 0x10c4, usbProductId: 0xea60}; }
  async open() {
    let open = true;
    this.stop = () => { open = false; };
    this.readable = new ReadableStream({
      async pull(controller) {
        while (open) {
          const text = await receive();
          if (text) {
            controller.enqueue(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)));
            return;
          }
          await new Promise(done => setTimeout(done, 10));
        }
        controller.close();
      },
    });
    this.writable = new WritableStream({
      write: chunk => send(btoa(Array.from(chunk, byte => String.fromCharCode(byte)).join(""))),
    });
  }
  async close() { this.stop(); this.readable = this.writable = null; }
  async setSignals() {}
  async getSignals() { return {}; }
}
navigator.serial.requestPort = async () => new Port();
"""


@pytest.fixture
def page(browser):
    return browser.new_page()


@pytest.fixture
def modules():
    try:
        return package()
    except PackageError as error:
        pytest.skip("ESP Web Tools is not here: %s" % error)


def plug_in(page, rom):
    """The loader's line becomes the page's port."""
    host, number = rom.port.rpartition("/")[2].split(":")
    line = socket.create_connection((host, int(number)))

    def receive():
        ready = select.select([line], [], [], 0.02)[0]
        return base64.b64encode(line.recv(65536)).decode() if ready else ""

    def send(text):
        line.sendall(base64.b64decode(text))

    page.expose_function("receive", receive)
    page.expose_function("send", send)
    page.add_init_script(PORT)
    return line


def test_a_board_is_flashed_from_the_page(page, modules, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "main.py").write_text("print('main')\n")
    Manifest("bytecode", "kmp", "esp32", "v1", []).write(manifest_path(tree))
    image = tmp_path / "image.bin"
    make_flash_image(tree, firmware(entries=SMALL, size=8000), image)
    httpd = server.listen(images.offers([image]), modules)
    threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True).start()
    try:
        with RomLoader() as rom, plug_in(page, rom):
            flash(page, "http://localhost:%d/" % httpd.server_address[1])
            assert rom.flash[0x1000:0x40000] == image.read_bytes()
            (tmp_path / "files").write_bytes(rom.flash[0x20000:0x40000])
    finally:
        httpd.shutdown()
        httpd.server_close()
    assert read_image(tmp_path / "files") == {"main.py": b"print('main')\n"}


def flash(page, address):
    page.goto(address)
    page.get_by_role("button", name="Connect a board").click()
    for name in ("Install uMeter", "Next", "Install"):
        page.get_by_text(name, exact=True).last.click(timeout=60000)
    page.get_by_text("Next", exact=True).last.wait_for(timeout=60000)  # installed
