# uMeter - starts that fail: what is kept of them, the safe mode after three, and the way out
# MIT license; Copyright (c) 2026 The uMeter authors

# usage: micropython _failing_starts.py TREE FUNCTION [long]; tests/e2e/test_boots.py starts it.
# Each function gets the files of a build for METER=none; a module that fails takes the place of
# a real one.

import asyncio
import json
import sys
from binascii import crc32

sys.path.pop(0)  # the script's folder: it would come before the fakes
sys.path.append(sys.argv[0].rpartition("/")[0])

import _flash
import world
from _lives import POWER, Machine, tree

HARD, WATCHDOG, SOFT = 2, 3, 5
LONG = len(sys.argv) > 3  # make soak
KEY = "00112233445566778899aabbccddeeff"  # of the build
_METER = """
import asyncio, time
from firmware.meters.counters import Counters
class SyntheticMeter:
    push = False
    def __init__(self, clock, serial):
        self.counters = Counters()
    async def read(self):
        %s
"""


def replaced(files, name, source):
    """The files with another module of that name."""
    files = {path: data for path, data in files.items() if path != name + ".mpy"}
    files[name + ".py"] = source.encode()
    return files


def machine(files, body):
    """A board; body: of its meter's read()."""
    return Machine(replaced(files, "firmware/meters/synthetic", _METER % body))


def stored(values):
    body = json.dumps(values)
    return b"umeter-settings 1 5 %08x\n%s" % (crc32(body.encode()), body.encode())


def kept(board):
    """Text of the file in its flash."""
    with _flash.mount(board.flash.reborn()).open("/data/crash", "r") as file:
        return file.read()


def dies(board, cause=POWER, times=3):
    """So many starts that end in a crash."""
    for _ in range(times):
        cause = board.live(cause, cut_ms=60000)
        assert cause == HARD, board.lines
        assert board.uptime_ms < 60000
    return cause


def is_safe(board, cause, cut_ms=20000):
    cause = board.live(cause, cut_ms=cut_ms)
    assert board.said("SAFE MODE after 3 starts that failed"), board.lines
    assert board.said("setup: open in KAM_9999999") and not board.said("meter:")
    for part in ("valve", "meter", "lamp"):
        assert not board.said("safe: no " + part), board.lines
    return cause


def test_damaged_app(files):
    for name, source in (("firmware/app/__init__", "import nothing_like_it"),
                         ("firmware/crypto/mac", "bytearray(1 << 29)"),
                         ("firmware/app/session", "class Session:\n x")):  # fmt: skip
        board = Machine(replaced(files, name, source))
        assert is_safe(board, dies(board)) == POWER
    dies(board)  # a power cycle: the count has begun anew
    assert kept(board).startswith("crash 6, after 0 s, ")


def test_safe_mode_ends_after_an_hour(files):
    board = machine(files, "raise OSError(5)")
    cause = dies(board)
    assert is_safe(board, cause, 3700 * 1000) == HARD
    assert 3600000 <= board.uptime_ms < 3610000 and board.said("the app gets another try")
    cause = dies(board, HARD)
    is_safe(board, cause)
    assert len(kept(board)) <= 1536 and kept(board).startswith("crash 6, after ")


def test_saving_on_the_pages_ends_the_safe_mode(files):
    world.aps[:] = [{"ssid": "home", "password": "home-pass"}]
    board = machine(files, "raise OSError(5)")
    cause = dies(board)

    def save(safe):
        safe.setup._load()
        safe.setup.portal.start({"ssid": "home", "password": "home-pass", "interval": 30})

    def begun(safe):
        board.after(15000, save, safe)

    assert board.live(cause, cut_ms=600000, begun=begun) == HARD
    assert board.said("setup: saved: ") and 35000 < board.uptime_ms < 60000, board.lines
    found = []
    cause = board.live(HARD, cut_ms=60000, begun=lambda app: found.append(app.settings["ssid"]))
    assert cause == HARD and found == ["home"] and not board.said("SAFE MODE")


def test_safe_mode_has_the_watchdog(files):
    """Fed while it lives, and in force."""
    board = machine(files, "raise OSError(5)")
    cause = is_safe(board, dies(board), 1000000)
    assert cause == POWER and board.uptime_ms == 1000000
    heart = replaced(files, "firmware/app/heart", """
class Heart:
    def __init__(self, *args): pass
    async def run(self): pass
""")
    board = Machine(heart)
    cause = dies(board)  # the app wants more of it
    assert board.live(cause, cut_ms=1000000) == WATCHDOG
    assert board.said("SAFE MODE") and 110000 < board.uptime_ms < 130000


def test_broken_safe_mode_gives_the_console(files):
    for name in ("firmware/safe", "firmware/app/setup"):
        broken = replaced(replaced(files, "firmware/app/__init__", "1 / 0"), name, "1 / 0")
        board = Machine(broken)
        cause = dies(board)
        board.live(cause, cut_ms=60000)
        assert board.said("Not even the safe mode works")
        assert board.said("The console is yours for an hour"), board.lines
        assert board.uptime_ms < 60000


def test_safe_mode_without_a_crash_log(files):
    board = Machine(replaced(replaced(files, "firmware/app/__init__", "1 / 0"), "firmware/crash",
                             "1 / 0"))  # fmt: skip
    cause = dies(board)
    assert board.said("The crash is not kept: ZeroDivisionError")
    is_safe(board, cause)


def test_console_is_no_failure(files):
    board = machine(files, "await asyncio.sleep(3); raise KeyboardInterrupt")
    cause = POWER
    for _ in range(6):
        cause = board.live(cause, cut_ms=60000)
        assert cause == SOFT and board.said("The console is yours")
        cause = HARD  # a tool at the console resets like that
    assert not board.said("SAFE MODE")


def test_late_crashes_are_no_failed_starts(files):
    board = machine(files, "await asyncio.sleep(310); 1 / 0")
    cause = POWER
    for number in range(4):
        cause = board.live(cause, cut_ms=900000)
        assert cause == HARD and 310000 <= board.uptime_ms < 320000
        assert kept(board).startswith("crash %d, after 310 s, " % (number + 1))
    reasons = []
    board.live(cause, cut_ms=5000, begun=lambda app: reasons.append(app.board.reset_reason))
    assert reasons == [2]  # MeterLogger: exception


def test_ordered_restarts_are_no_failures(files):
    board = Machine(files)
    cause, reasons = POWER, []

    def begun(app):
        reasons.append(app.board.reset_reason)
        board.after(1000, lambda app: app.commands.run("restart", b"", 1), app)

    for _ in range(6):
        cause = board.live(cause, cut_ms=60000, begun=begun)
        assert cause == HARD and not board.said("SAFE MODE")
    assert reasons == [0] + [4] * 5


def test_a_long_pause_between_samples_is_no_hanging(files):
    files = dict(files)
    files["data/settings"] = stored({"interval": 1200})
    board = Machine(files)
    assert board.live(POWER, cut_ms=1300000) == POWER and board.uptime_ms == 1300000
    assert board.said("meter: reading") and not board.said("is stuck")


def test_hung_task_is_named_and_reset(files):
    board = machine(files, "await asyncio.Event().wait()")
    cause = board.live(POWER, cut_ms=3600 * 1000)
    assert cause == WATCHDOG and 700000 < board.uptime_ms < 740000
    assert board.said("the task meter is stuck")
    assert "the task meter is stuck" in kept(board)
    reasons = []
    board.live(cause, cut_ms=5000, begun=lambda app: reasons.append(app.board.reset_reason))
    assert reasons == [1]


def test_hung_loop_leads_to_the_safe_mode(files):
    board = machine(files, "time.sleep(10000)")
    cause = POWER
    for _ in range(3):
        cause = board.live(cause, cut_ms=3600 * 1000)
        assert cause == WATCHDOG and 110000 < board.uptime_ms < 130000
    is_safe(board, cause)


class Hang:
    """Takes the place of one task of the app."""

    def __init__(self, name):
        self.name = name

    def __call__(self, app):
        if self.name == "time":
            app._keep_time = self.run
        else:
            getattr(app, self.name).run = self.run
        if self.name == "cron":
            app.run_cron()  # else the first job would begin it

    async def run(self):
        await asyncio.Event().wait()


def misses(files, name, most_s):
    board = Machine(files)
    assert board.live(POWER, cut_ms=3 * 3600 * 1000, begun=Hang(name)) == WATCHDOG, name
    assert board.said("the task %s is stuck" % name), board.lines
    assert most_s <= board.uptime_ms // 1000 <= most_s + 130, (name, board.uptime_ms)


def test_each_task_is_missed(files):
    for name in ("wifi", "setup", "lifeline", "settings", "state", "valve", "cron"):
        misses(files, name, 600)


def test_the_clocks_task_is_missed(files):
    if LONG:
        misses(files, "time", 7200)


def test_nothing_is_stuck(files):
    world.aps[:] = [{"ssid": "umeter", "password": ""}]
    board = Machine(files)
    assert board.live(POWER, cut_ms=(24 if LONG else 1) * 3600 * 1000) == POWER
    assert not board.said("stuck") and not board.said("Traceback"), board.lines


def test_task_that_fails_is_kept_and_the_app_goes_on(files):
    board = Machine(files)
    replies = []

    def begun(app):
        async def fails(i):
            raise RuntimeError("number %d with the key %s" % (i, KEY))

        for i in range(9):
            board.after(1000 + i * 1000, lambda i: asyncio.create_task(fails(i)), i)
        board.after(15000, lambda _: replies.extend(app.commands.run("stack_trace", b"1", 1)))

    assert board.live(POWER, cut_ms=20000, begun=begun) == POWER
    (function, text), = replies
    assert function == "stack_trace" and text.startswith("enabled\ncrash 4, after 4 s, "), text
    assert "RuntimeError: number 3 with the key ***" in text and KEY[16:] not in text
    assert len(text) < 1900 and "in fails" in text
    assert board.said("meter: reading")


def test_stack_trace_without_a_crash(files):
    board = Machine(files)
    replies = []

    def begun(app):
        board.after(5000, lambda _: replies.extend(app.commands.run("stack_trace", b"", 8)))

    board.live(POWER, cut_ms=6000, begun=begun)
    assert replies == [("stack_trace", "enabled")]


def test_secrets_stay(files):
    wifi, mqtt = "a \"secret' word", "tellnobody"
    values = {"password": wifi, "mqtt_password": mqtt, "networks": [["other", "elsewhere"]]}
    shown = "it was %r and %s in %r, %s" % (wifi, mqtt, values["networks"], KEY.upper())
    source = "raise RuntimeError(%r)" % shown
    for name in ("app/meter", "app/__init__", "store/settings"):
        broken = replaced(files, "firmware/" + name, source)
        broken["data/settings"] = stored(values)
        board = Machine(broken)
        cause, said = POWER, []
        for _ in range(4):
            cause = board.live(cause, cut_ms=60000)
            said += board.lines
        for text in (kept(board), "\n".join(said)):
            assert "RuntimeError: it was" in text, text
            for secret in (wifi, "secret", mqtt, "elsewhere", KEY[:16], KEY[16:], "AABBCCDDEEFF"):
                assert secret not in text, (secret, text)


def test_crash_is_old_or_new_at_every_cut(files):
    broken = replaced(files, "firmware/app/__init__", "raise ValueError('a crash' * 9)")
    board = Machine(broken)
    board.live(POWER, cut_ms=60000)
    number = cuts = 0
    while True:
        before = kept(board)
        number += 1
        board.live(POWER, cut_ms=60000, cut_write=number)
        done = board.flash.count < number
        now = kept(board)
        if done:
            break
        cuts += 1
        assert now == before or now.split("\n", 1)[0] > before.split("\n", 1)[0], (number, now)
        assert now.startswith("crash ") and now.endswith("a crash\n")
    assert cuts >= 4, cuts
    assert now != before


def test_damaged_settings_are_set_aside_in_the_safe_mode(files):
    store = "class Settings:\n    def __init__(self, path, *_):\n"
    store += "        open(path).close()\n        raise TypeError\nstate_rows = None\n"
    broken = replaced(files, "firmware/store/settings", store)
    broken["data/settings"] = broken["data/state"] = b"x"
    board = Machine(broken)
    cause = dies(board)
    board.live(cause, cut_ms=60000)
    assert board.said("/data/settings is set aside: TypeError"), board.lines
    with _flash.mount(board.flash.reborn()).open("/data/settings.bad", "r") as file:
        assert file.read() == "x"  # for somebody who looks into it


def impulse_safe_mode_goes_on_counting(files):
    name = "firmware/app/session"
    board = Machine(replaced(files, name, "1 / 0"))
    cause = dies(board)
    edges = [(60000 + 250 * i, lambda level: world.drive(27, level), i % 2) for i in range(40)]
    assert board.live(cause, cut_ms=3700000, at=edges) == HARD
    assert board.said("SAFE MODE"), board.lines
    board.put(name + ".mpy", files[name + ".mpy"], name + ".py")
    totals = []
    board.live(HARD, cut_ms=9000, begun=lambda app: totals.append(app.meter.meter.count))
    assert totals == [20], (totals, board.lines)


def impulse_what_the_pages_change_costs_no_pulse(files):
    """They restart the device in order: it is no power cut, which may cost ten seconds."""
    world.aps[:] = [{"ssid": "home", "password": "home-pass"}]
    board = Machine(files)
    edges = [(15000 + 250 * i, lambda level: world.drive(27, level), i % 2) for i in range(240)]
    totals = []

    def save(app):
        app.setup._load()
        app.setup.portal.start({"ssid": "home", "password": "home-pass", "hostname": "cellar"})

    def begun(app):
        restart = app.board.restart

        def watched(*reason):
            totals.append(app.meter.meter.count)
            restart(*reason)

        app.board.restart = watched
        board.after(16000, save, app)

    assert board.live(POWER, cut_ms=600000, begun=begun, at=edges) == HARD
    assert 35000 < board.uptime_ms < 60000 and totals[0] > 30, (board.uptime_ms, board.lines)
    board.live(HARD, cut_ms=9000, begun=lambda app: totals.append(app.meter.meter.count))
    assert totals[1] == totals[0], (totals, board.lines)


world.config["dns"] = {"pool": {"error": -202}}
globals()[sys.argv[2]](tree(sys.argv[1]))
