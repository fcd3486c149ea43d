# uMeter - the power fails at random moments of boot and set-up: always boots, old or new settings
# MIT license; Copyright (c) 2026 The uMeter authors

# usage: micropython _power_cycles.py TREE COUNT SEED; tests/e2e/test_boots.py starts it. A heat
# meter is at the optical head; builds for other meters do not listen there.

import json
import random
import sys

sys.path.pop(0)  # the script's folder: it would come before the fakes
sys.path.append(sys.argv[0].rpartition("/")[0])
with open(sys.argv[1] + ".json") as manifest:
    NAMES = json.load(manifest)["names"].get("firmware.store.settings.Settings", {})

import world
from _lives import POWER, Machine, tree

_MQTT = 1
_READ_MS = 5000  # of a life in which a reading is there for sure
_REPLIES = {
    0x01: bytes.fromhex("403f0100041bf90126990d"),  # GetType
    0x02: bytes.fromhex("403f0200692d32cd5d0d"),  # GetSerialNo
    0x10: bytes.fromhex(
        "403f10003c0304430000dd9600442804420002041f03ec2e040000011e6f0056250442000009390057250442"
        "000008ab00592604420000008e004a2904000000000000501604410000000005cc0d"
    ),  # GetRegister
}
_NETWORKS = (("home", "home-pass"), ("home", "not-the-one"), ("barn", "barn-pass"), ("gone", ""))
_COMMANDS = (
    ("set_ssid_pwd", b"ssid=barn&pwd=barn-pass"), ("set_ssid", b"home"), ("set_pwd", b"home-pass"),
    ("set_ap_mesh_pwd", b"another-one"), ("start_ap", b""), ("stop_ap", b""), ("open", b""),
    ("close", b""), ("open_until", b"1234"), ("set_cron", b"minute=%d&command=open"),
    ("clear_cron", b""), ("factory_reset", b""), ("restart", b""), ("reconnect", b""),
)  # fmt: skip


def values_of(store):
    """What it would write: nothing else tells what was set from what is so by default."""
    short = [short for short in NAMES if NAMES[short] == "_values"] or ["_values"]
    return json.loads(json.dumps(getattr(store, short[0])))


class HeatMeter:
    """The far end of the optical head: each sort of request has its reply."""

    def feed(self, data, now_ms):
        return [(60, _REPLIES[data[2]])]


class Kept:
    """What a store may hold after the next boot, whenever the power fails."""

    def __init__(self, name):
        self.name = name
        self.states = [{}]  # the one that is in the flash for sure, then the newer ones

    def begin(self, store):
        found = values_of(store)
        assert found in self.states, "%s: %s, none of %s" % (self.name, found, self.states)
        self.states = [found]
        update, save, reset = store.update, store.save, store.reset

        def watched_update(changes):
            news = update(changes)
            self.states.append(values_of(store))
            return news

        def watched_save():
            done = save()
            if done:
                self.states = [values_of(store)]
            return done

        def watched_reset():
            self.states.append({})
            reset()
            self.states = [{}]

        store.update, store.save, store.reset = watched_update, watched_save, watched_reset


class Cycles:
    def __init__(self, files, seed):
        random.seed(seed)
        self.machine = Machine(files)
        self.kept = Kept("settings"), Kept("state")
        self.built = self.read = self.acts = self.cuts = 0
        world.aps[:] = [{"ssid": "home", "password": "home-pass"},
                        {"ssid": "barn", "password": "barn-pass", "rssi": -80}]  # fmt: skip
        world.config["dns"] = {"pool": {"error": -202}}

    def run(self, count):
        cause = POWER
        for _ in range(count):
            cut = self._cut()
            self.until = cut["cut_ms"]
            cause = self.machine.live(cause, begun=self._begun, **cut)
            self._judge()
        self.until = 20000
        self.machine.live(POWER, cut_ms=self.until, begun=self._begun)
        self._judge()
        assert self.machine.said("meter: reading")
        return "%d lives: %d to the app, %d to a reading; %d acts, %d torn writes, %d resets" % (
            self.machine.lives, self.built, self.read, self.acts, self.cuts,
            len(self.machine.resets))  # fmt: skip

    def _cut(self):
        """Where this life ends: at a moment, or earlier in the middle of a write or at a read."""
        kind = random.getrandbits(2)
        cut = {"cut_ms": random.randrange(2500 if kind == 0 else 60000)}
        if kind == 2:
            cut["cut_write"] = 1 + random.randrange(15)
        elif kind == 3:
            cut["cut_read"] = 1 + random.randrange(24000)
        return cut

    def _begun(self, app):
        self.built += 1
        world.wires[1].attach(HeatMeter())
        for kept, store in zip(self.kept, (app.settings, app.state)):
            kept.begin(store)
        for _ in range(random.randrange(4)):
            self.machine.after(random.randrange(self.until + 1), self._act, app)

    def _judge(self):
        machine = self.machine
        self.cuts += machine.flash.count == machine.flash.cut_at > 0
        self.read += machine.said("meter: reading")
        text = "\n".join(machine.lines)
        assert "Traceback" not in text and "SAFE MODE" not in text, text
        if machine.uptime_ms > _READ_MS:
            assert machine.said("meter: reading"), text

    def _act(self, app):
        """What people do to it: by the pages, or from the broker."""
        self.acts += 1
        if random.getrandbits(1):
            self._set_up(app)
            return
        name, text = _COMMANDS[random.randrange(len(_COMMANDS))]
        if "%d" in text:
            text = text % random.randrange(60)
        app.clock.set(1800000000 + random.randrange(100000))
        app.state.update({"high_water": app.clock.now()})
        app.state.save()
        if name in app.commands:  # a meter of pulses has no valve
            app.commands.run(name, text, _MQTT)

    def _set_up(self, app):
        app.setup.start(60)
        if not app.setup.portal:
            app.setup._load()
        ssid, password = _NETWORKS[random.randrange(len(_NETWORKS))]
        portal = app.setup.portal
        portal.start({"ssid": ssid, "password": password, "broker_host": "broker%d" %
                     random.randrange(9), "hostname": "h" * random.randrange(30)})  # fmt: skip
        self.machine.after(31000, lambda portal: portal.save_anyway(), portal)


print(Cycles(tree(sys.argv[1]), int(sys.argv[3])).run(int(sys.argv[2])))
