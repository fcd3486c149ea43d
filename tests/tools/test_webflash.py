# uMeter - make webflash: the manifest, the server, and the page in a real browser
# MIT license; Copyright (c) 2026 The uMeter authors

import base64
import hashlib
import http.client
import io
import json
import shutil
import subprocess
import sys
import tarfile
import threading

import pytest

from tests.sources import ROOT
from tests.tools.firmware_images import firmware
from tools.build import Manifest, manifest_path
from tools.image import make_flash_image, make_image
from tools.webflash import images, server
from tools.webflash import package as packages
from tools.webflash.package import PackageError, package, unpack


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    tree = tmp_path_factory.mktemp("webflash") / "tree"
    tree.mkdir()
    (tree / "main.py").write_text("print('main')\n")
    return tree


@pytest.fixture(scope="module")
def made(tree):
    """[path of an image], for two chips."""
    paths = []
    for board, chip in (("esp32", "esp32"), ("esp32c3", "esp32c3")):
        Manifest("bytecode", "kmp", board, "v1.2-<b>", []).write(manifest_path(tree))
        paths.append(tree.with_name("image-%s.bin" % chip))
        make_flash_image(tree, firmware(chip), paths[-1])
    return paths


@pytest.fixture
def serve():
    """Runs a server; gives its port."""
    running = []

    def start(shown, modules):
        httpd = server.listen(shown, modules)
        threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True).start()
        running.append(httpd)
        return httpd.server_address[1]

    yield start
    for httpd in running:
        httpd.shutdown()
        httpd.server_close()


def get(port, path, host=None):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("GET", path, headers={"Host": host} if host else {})
    answer = line.getresponse()
    body = answer.read()
    line.close()
    return answer.status, answer.headers, body


def test_manifest(made):
    found = json.loads(images.manifest(images.offers(made)))
    assert found["name"] == "uMeter" and found["version"] == "v1.2-<b>"
    assert found["builds"] == [
        {"chipFamily": "ESP32", "parts": [{"path": "images/esp32.bin", "offset": 0x1000}]},
        {"chipFamily": "ESP32-C3", "parts": [{"path": "images/esp32c3.bin", "offset": 0}]},
    ]


def test_nothing_to_offer(made, tree, tmp_path):
    make_image(tree, tmp_path / "files.bin")
    (tmp_path / "stock.bin").write_bytes(firmware())
    Manifest("bytecode", "kmp", "esp32", "", []).write(manifest_path(tmp_path / "stock.bin"))
    for paths in ([], [tmp_path / "files.bin"], [tmp_path / "stock.bin"]):
        with pytest.raises(images.WebflashError, match="give FIRMWARE="):
            images.offers(paths)
    with pytest.raises(images.WebflashError, match="both for esp32;"):
        images.offers([made[0], made[0]])
    with pytest.raises(images.WebflashError, match="No such file"):
        images.offers([tmp_path / "none"])


def test_only_this_computer_by_its_own_name(made, serve, tmp_path):
    (tmp_path / "install-button.js").write_text("let a")
    (tmp_path / "secret.txt").write_text("no module")
    port = serve(images.offers(made), tmp_path)
    for host in (None, "localhost:%d" % port):
        status, headers, body = get(port, "/images/esp32.bin", host)
        assert status == 200 and body == made[0].read_bytes()
        assert headers["Cache-Control"] == "no-store"
    for host in ("evil.example", "127.0.0.1", "localhost:%d" % (port + 1), ""):
        status, _, body = get(port, "/images/esp32.bin", host or "x")
        assert status == 403 and len(body) < 1000
    assert get(port, "/esp-web-tools/install-button.js")[2] == b"let a"
    status, headers, body = get(port, "/?again")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert b"v1.2-&lt;b&gt;" in body and b"$" not in body
    for path in ("/esp-web-tools/secret.txt", "/images/../main.py", "/none", "/images/"):
        assert get(port, path)[0] == 404
    assert serve(images.offers(made), tmp_path) != port, "a second one takes another port"


# -- ESP Web Tools --


def archive(path, names):
    with tarfile.open(path, "w:gz") as files:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 2
            files.addfile(member, io.BytesIO(b"ok"))
    return path


def test_only_modules_are_unpacked(tmp_path):
    inside = ["package/dist/web/install-button.js", "package/dist/web/a.js"]
    outside = ["package/dist/flash.js", "package/dist/web/../../../x.js", "/etc/x.js",
               "package/dist/web/deep/x.js", "package/dist/web/readme.md"]
    unpack(archive(tmp_path / "a.tgz", inside + outside), tmp_path / "modules")
    assert {p.name for p in tmp_path.rglob("*.js")} == {"install-button.js", "a.js"}
    with pytest.raises(PackageError, match="no install-button"):
        unpack(archive(tmp_path / "b.tgz", outside), tmp_path / "other")


def test_what_is_not_the_package_is_refused(tmp_path, monkeypatch):
    other = archive(tmp_path / "other.tgz", ["package/dist/web/install-button.js"])
    monkeypatch.setattr(packages, "_fetch", lambda folder: other)
    with pytest.raises(PackageError, match="its hash is"):
        package(tmp_path / "build")
    assert list((tmp_path / "build").iterdir()) == []


def test_two_fetch_at_once(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.tgz", ["package/dist/web/install-button.js"])
    digest = hashlib.sha512(path.read_bytes()).digest()
    monkeypatch.setattr(packages, "_INTEGRITY", base64.b64encode(digest).decode())
    build, found = tmp_path / "build", []

    def overtaken(folder):
        monkeypatch.setattr(packages, "_fetch", lambda folder: path)
        found.append(package(build))
        return path

    monkeypatch.setattr(packages, "_fetch", overtaken)
    assert package(build) == found[0]
    assert list(build.iterdir()) == found and (found[0] / "install-button.js").exists()


def test_without_npm(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("npm_config_registry", raising=False)
    with pytest.raises(PackageError, match="no npm"):
        package(tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(PackageError, match="does not come from the registry"):
        package(tmp_path)


def modules():
    try:
        return package()
    except PackageError as error:
        pytest.skip("ESP Web Tools is not here: %s" % error)


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 390)])
def test_page_in_a_browser(made, serve, browser, scheme, width):
    port = serve(images.offers(made), modules())
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    # Without a head nobody can choose a port.
    page.add_init_script("""navigator.serial.requestPort = async () => {
        throw new DOMException("nobody chose", "NotFoundError"); }""")
    troubles, asked = [], []
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto("http://localhost:%d/" % port)
    page.wait_for_selector("esp-web-install-button[install-supported]")
    assert page.get_by_role("button", name="Connect a board").is_visible()
    assert page.locator("tbody tr").count() == 2
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "the page is wider than the screen"
    # What flashing asks for: the manifest and its images, from where the page came.
    sizes = page.evaluate("""async () => {
        const manifest = await (await fetch("manifest.json")).json();
        const parts = manifest.builds.flatMap(build => build.parts);
        const got = await Promise.all(parts.map(part => fetch(part.path)));
        return Promise.all(got.map(async answer => (await answer.blob()).size));
    }""")
    assert sizes == [path.stat().st_size for path in made]
    own = "http://localhost:%d/" % port
    assert all(url.startswith((own, "data:")) for url in asked) and not troubles
    # The dialogue's own modules and styles come with the first click.
    page.get_by_role("button", name="Connect a board").click()
    page.get_by_text("No port selected").wait_for(timeout=10000)
    assert all(url.startswith((own, "data:")) for url in asked) and not troubles
    browser.close()


def test_command_without_an_image(tmp_path):
    done = subprocess.run([sys.executable, "-m", "tools.webflash",
                           "--override=IMAGE=%s" % (tmp_path / "none.bin")],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("webflash: "), done.stderr
