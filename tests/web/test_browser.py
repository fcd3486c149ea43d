# uMeter - a real browser sets up the board: from the captive redirect to the first sample
# MIT license; Copyright (c) 2026 The uMeter authors

import time

import pytest

from firmware.crypto.keys import parse_key
from sim.launch import VirtualBoard
from tests.web.conftest import KEY, NEIGHBOUR, NETWORKS, axe
from tools.image import make_image
from tools.keys import KeyRing
from tools.meterctl.link import Link
from tools.meterctl.messages import open_message

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
SIGN_IN = "http://connectivitycheck.example/generate_204"


def opened(browser, scheme="light", size=PHONE, **options):
    """A page that reports what goes wrong in it."""
    page = browser.new_page(viewport=size, color_scheme=scheme, **options)
    page.set_default_timeout(20000)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda line: line.type == "error" and page.faults.append(line.text))
    return page


def violations(page):
    """What axe-core finds serious or worse."""
    page.evaluate(axe() + ";0")
    found = page.evaluate("axe.run()")["violations"]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found
            if rule["impact"] in ("serious", "critical")]  # fmt: skip


def sample(link, seconds):
    keys = KeyRing({"*": parse_key(KEY)})
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        received = link.receive(0.5)
        message = received and open_message(received[0], received[1], keys)
        if message and message.verified and message.is_sample:
            return message
    return None


def test_from_the_sign_in_sheet_to_the_first_sample(board, chromium, multical, broker, clock):
    device = board(world=multical, METER="kmp", NTP_SERVER=clock)
    device.wait_line("setup: open in KAM_7013412")
    page = opened(chromium(device))
    page.goto(SIGN_IN)
    assert page.url == "http://192.168.4.1/"
    page.get_by_role("radio", name="Home").check()
    assert page.get_by_text(NEIGHBOUR).count() == 1 and page.locator("b").count() == 0
    assert violations(page) == []
    page.get_by_label("Password of the network").fill("wrong horse")
    page.get_by_role("button", name="Show").click()
    assert page.get_by_label("Password of the network").get_attribute("type") == "text"
    page.get_by_label("Server", exact=True).fill("127.0.0.1")
    page.get_by_label("Port", exact=True).fill("70000")
    page.get_by_role("button", name="Test and save").click()
    page.get_by_text("1 to 65535").wait_for()
    assert page.evaluate("document.activeElement.id") == "broker_port"
    page.get_by_label("Port", exact=True).fill(str(broker))
    page.get_by_role("button", name="Test and save").click()
    page.get_by_text("the password seems to be wrong (auth_fail)").wait_for(timeout=45000)
    assert violations(page) == []
    page.get_by_role("button", name="Back to the form").click()
    page.get_by_label("Password of the network").fill("correct horse")
    page.get_by_role("button", name="Test and save").click()
    page.get_by_text("http://192.168.1.77/").wait_for(timeout=45000)
    assert violations(page) == []
    faults = [fault for fault in page.faults if "422" not in fault]
    assert faults == [] and "MemoryError" not in "\n".join(device.lines)
    with Link("127.0.0.1", broker, ["/+/v2/+/+"]) as link:
        device.wait_line("setup: closed")
        assert sample(link, 40)
    text = "\n".join(device.lines)
    assert "correct horse" not in text and KEY not in text


@pytest.fixture(scope="module")
def browser(trees, tmp_path_factory, chromium):
    """A browser at a board on which nothing is changed."""
    image = tmp_path_factory.mktemp("viewed") / "flash.img"
    make_image(trees(METER="none", NTP_SERVER="127.0.0.1:1"), image)
    with VirtualBoard(image, {"aps": NETWORKS, "scan_ms": 200}, "180k", ports=(80,)) as device:
        device.wait_line("setup: open")
        yield chromium(device)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_serious_for_axe(browser, scheme, size):
    page = opened(browser, scheme, size)
    for path in ("/setup", "/live", "/progress"):
        page.goto("http://192.168.4.1" + path)
        if path == "/setup":
            page.get_by_role("radio", name="Home").wait_for()
            page.locator("summary").click()
        assert violations(page) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, path + " is wider than the screen"
    assert page.faults == []
    page.close()


def test_without_scripts(board, chromium):
    device = board(METER="none", NTP_SERVER="127.0.0.1:1")
    device.wait_line("setup: open")
    page = opened(chromium(device), java_script_enabled=False)
    page.goto(SIGN_IN)
    page.wait_for_timeout(1500)
    page.goto("http://192.168.4.1/setup")
    page.get_by_role("radio", name="Home").check()
    page.get_by_label("Password of the network").fill("correct horse")
    page.get_by_role("button", name="Test and save").click()
    page.wait_for_url("**/progress")
    page.get_by_text("Address in Home: 192.168.1.77").wait_for(timeout=45000)


def test_by_keyboard_alone(board, chromium):
    device = board(METER="none", NTP_SERVER="127.0.0.1:1")
    device.wait_line("setup: open")
    page = opened(chromium(device), size=DESKTOP)
    page.goto(SIGN_IN)
    page.get_by_role("radio", name="Home").wait_for()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.id || document.activeElement.name")
        reached.append(focused)
        if focused == "ssid":
            page.keyboard.press("Space")
        elif focused == "password":
            page.keyboard.type("correct horse")
        elif focused == "submit":
            page.keyboard.press("Enter")
            break
    assert reached[-1] == "submit" and {"ssid", "password", "show", "broker_host"} <= set(reached)
    page.get_by_text("http://192.168.1.77/").wait_for(timeout=45000)


def test_a_phone_that_loses_the_network(board, chromium):
    """The radio moves to the channel of the new network; the phone may be late, or elsewhere."""
    device = board(METER="none", NTP_SERVER="127.0.0.1:1")
    device.wait_line("setup: open")
    page = opened(chromium(device))
    page.clock.install()
    page.goto(SIGN_IN)
    page.get_by_role("radio", name="Home").check()
    page.get_by_label("Password of the network").fill("wrong horse")
    page.route("**/status.json", lambda route: route.abort())
    page.get_by_role("button", name="Test and save").click()
    page.get_by_text("comes back by itself").wait_for()
    page.clock.fast_forward(31000)
    page.get_by_text("may be part of Home by now").wait_for()
    page.goto(SIGN_IN)  # a new sheet
    page.get_by_text("the password seems to be wrong (auth_fail)").wait_for(timeout=45000)
    page.get_by_role("link", name="Back to the form").click()
    page.get_by_role("button", name="Test and save").wait_for()


def test_from_the_local_network(board, chromium, broker):
    """Behind the password: live values, and another broker for the next session."""
    device = board(METER="none", NTP_SERVER="127.0.0.1:1", WIFI_SSID="Home", SERIAL="7013412",
                   WIFI_PASSWORD="correct horse", SETUP_PASSWORD="open sesame",
                   DEBUG_SHORT_WEB_CONFIG_TIME="1")  # fmt: skip
    device.wait_line("setup: closed")
    device.wait_line("wifi: connected")
    page = opened(chromium(device))
    page.goto("http://192.168.1.77/")
    assert page.url == "http://192.168.1.77/login"
    assert violations(page) == []
    page.get_by_label("Password of these pages").fill("open barley")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("This is not the password.").wait_for()
    page.get_by_label("Password of these pages").fill("open sesame")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Live").wait_for()
    page.locator(".tiles dd").first.wait_for()
    kinds = "ask('/data.json').then((d) => Object.values(d.values).map((v) => typeof v.value))"
    assert set(page.evaluate(kinds)) == {"string"}  # as numbers they would lose zeros and digits
    assert violations(page) == []
    page.get_by_role("link", name="Set up").click()
    page.get_by_role("radio", name="Home").wait_for()
    page.get_by_label("Server", exact=True).fill("127.0.0.1")
    page.get_by_label("Port", exact=True).fill(str(broker))
    page.get_by_role("button", name="Test and save").click()
    page.get_by_role("heading", name="Saved").wait_for()
    device.wait_line("mqtt: connected")
    assert [fault for fault in page.faults if "403" not in fault] == []
