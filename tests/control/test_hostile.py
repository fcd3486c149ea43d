# uMeter - hostile messages to the whole app: none is obeyed, every honest one is, once
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import random

from firmware.crypto.keys import parse_key
from tests.chance import SEED
from tests.control import life
from tests.control.life import KEYS, SERIAL, sealed, topic_of
from tools.keys import KeyRing

MESSAGES = int(os.environ.get("UMETER_FUZZ", 2500))
HOUR_MS = 3600000
PER_LIFE = 400
STRANGER = KeyRing({"*": parse_key("ffeeddccbbaa99887766554433221100")})
COMMANDS = [
    ("open", b"1"), ("close", b"1"), ("open_until", b"57000"), ("open_until_delta", b"12"),
    ("set_ssid", b"home"), ("set_ssid_pwd", b"ssid=home&pwd=12345678"), ("off", b"1"),
    ("test", b"1"), ("pwm", b"250"), ("reconnect", b"1"), ("clear_cron", b"1"),
    ("set_cron", b"minute=0&hour=3&command=clear_cron"), ("start_ap", b"1"), ("stop_ap", b"1"),
]  # fmt: skip
FUNCTIONS = [name for name, _ in COMMANDS] + ["restart", "factory_reset", "status", "nothing"]


class Campaign:
    """A script of honest commands with many more hostile messages between them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.script = life.Script()
        self.obeyed = []  # functions that have to run, in order
        self.captured = []  # (topic, payload, when) of honest messages that were delivered
        self.hidden = []  # the same, of those that the broker kept back
        self.newest = self.at_cut = 0  # date of the newest that was delivered; before the reset
        self.sent = {}  # kind -> hostile messages
        self.lives = self.steps = 0  # resets, and times that the clock was made to lie

    # -- what an honest server does --

    def honest(self, deliver=True):
        when = max(self.script.now, self.newest + 1)
        if self.random.random() < 0.03 and when == self.script.now:
            when += self.random.randrange(300)  # its clock is ahead
        name, text = self.random.choice(COMMANDS)
        topic, payload = sealed(when, name, text)
        if not deliver:
            self.hidden.append((topic, payload, when))
            return
        self.newest = when
        self.captured.append((topic, payload, when))
        self.obeyed.append(name)
        self.script.message(topic, payload)

    # -- what a broker or a stranger does --

    def replay(self):
        return self.random.choice(self.captured)[:2]

    def last(self):
        return self.captured[-1][:2]

    def other_topic(self):
        """A sound payload under another topic: command, time, serial, direction."""
        topic, payload, when = self.random.choice(self.captured + self.hidden)
        serial, function = SERIAL, topic.rpartition("/")[2]
        kind = self.random.randrange(6)
        if kind == 0:
            function = self.random.choice([name for name in FUNCTIONS if name != function])
        elif kind == 1:
            when = self.script.now + self.random.choice([-1, 1]) * self.random.randrange(1, 99)
            when += when == int(topic.split("/")[4])
        elif kind == 2:
            serial = self.random.choice(["07210086", "7210087", "", "+"])
        elif kind == 3:
            return "/config/v2/%s/0%d/%s" % (serial, when, function), payload
        elif kind == 4:
            return topic + self.random.choice(["/", "/open", "\0", " "]), payload
        else:
            return "/%s/v2/%s/%d" % (function, serial, when), payload
        return topic_of(when, function, serial), payload

    def flipped(self):
        topic, payload, _ = self.random.choice(self.captured + self.hidden)
        topic, payload = bytearray(topic.encode()), bytearray(payload)
        target = topic if self.random.random() < 0.2 else payload
        for _ in range(self.random.choice([1, 1, 1, 2, 9])):
            target[self.random.randrange(len(target))] ^= 1 << self.random.randrange(8)
        if (bytes(topic).decode("latin-1"), bytes(payload)) in self.honest_pairs():
            return self.garbage()  # flipped back
        return bytes(topic), bytes(payload)

    def honest_pairs(self):
        return {(topic, payload) for topic, payload, _ in (self.captured + self.hidden)[-200:]}

    def cut(self):
        topic, payload, _ = self.random.choice(self.captured + self.hidden)
        kind = self.random.randrange(5)
        if kind == 0:
            return topic, payload[: self.random.randrange(len(payload))]
        if kind == 1:
            return topic[: self.random.randrange(1, len(topic))], payload
        if kind == 2:
            return topic, payload + self.random.randbytes(self.random.choice([1, 16, 32, 600]))
        if kind == 3:
            return topic, payload[:32] + payload[48:]  # without the IV
        return topic, payload[:-16]

    def old(self):
        age = self.random.choice([1802, 1900, 3600, 86400, 10**6])
        return self.fresh(self.script.now - age)

    def future(self):
        ahead = self.random.choice([1802, 3600, 86400, 2**31, 2**32])
        return self.fresh(self.script.now + ahead)

    def wrong_key(self):
        return self.fresh(self.script.now, keys=STRANGER)

    def other_serial(self):
        return self.fresh(self.script.now, serial=self.random.choice(["7210087", "0000001"]))

    def too_long(self):
        return sealed(self.script.now, "set_ssid", b"x" * self.random.randrange(463, 1900))

    def empty(self):
        """Signed with the key, but there is no ciphertext: it takes somebody who has the key."""
        topic = topic_of(self.script.now, "open")
        iv = self.random.randbytes(16)
        mac = KEYS.envelope(SERIAL)._hmac.mac(topic.encode(), iv)
        return topic, mac + iv

    def garbage(self):
        topic = topic_of(self.script.now, self.random.choice(FUNCTIONS))
        return topic, self.random.randbytes(self.random.choice([0, 1, 31, 47, 48, 64, 96, 511]))

    def fresh(self, when, **more):
        return sealed(max(when, 0), self.random.choice(FUNCTIONS), **more)

    def hostile(self, *kinds):
        kind = self.random.choice(kinds)
        topic, payload = getattr(self, kind)()
        self.sent[kind] = self.sent.get(kind, 0) + 1
        self.script.message(topic, payload)

    def kept_back(self):
        """An honest one that never arrived, older than one that did before the reset."""
        known = [m for m in self.hidden if m[2] <= self.at_cut]
        return (self.random.choice(known) if known else self.random.choice(self.captured))[:2]

    # -- lives --

    ANY = ("replay", "replay", "other_topic", "flipped", "flipped", "cut", "garbage", "wrong_key",
           "other_serial", "too_long", "empty")  # fmt: skip

    def first(self):
        script = self.script
        script.order("wire", 1)
        script.time(0, 0)
        script.order("energy", 56726, -3, "MWh")
        script.order("boot")
        script.wait(3000)
        for _ in range(5):
            self.honest()
            script.wait(1000)

    def reset(self):
        """The power is cut; what arrives before the time is known waits to be judged."""
        script = self.script
        self.lives += 1
        if self.random.random() < 0.7:
            self.honest()  # the power fails while it is still warm
        self.at_cut = self.newest
        script.order("cut")
        script.wait(self.random.choice([0, 500, 60000, 20 * HOUR_MS]))
        script.order("time")
        script.order("boot")
        script.wait(2500)
        waits = self.random.random() < 0.5
        if waits and self.newest < script.now + 60:
            self.honest()
        for _ in range(self.random.randrange(12)):
            self.hostile("last", "replay", "kept_back", "flipped", "other_topic")
        behind = self.random.choice([0, 0, 60, 900, 1700]) if not waits else 0
        script.time(-behind, -behind)  # whoever has the network may set the clock back
        script.wait(1000000)  # the tries to get the time have become rare
        for _ in range(30):
            self.hostile("last", "replay", "kept_back", "flipped", "other_topic", "wrong_key")
            script.wait(self.random.randrange(100))
        script.time(0, 0)
        script.wait(2 * HOUR_MS)

    def step(self):
        """The clock is made to lie, by two servers that agree; then it is put right."""
        script = self.script
        self.steps += 1
        ahead = self.random.choice([-1, 1]) * self.random.choice([60, 1700, 3500, 7200, 10**6])
        script.time(ahead, ahead)
        script.wait(2 * HOUR_MS)
        for _ in range(40):
            self.hostile("replay", "flipped", "other_topic", "cut", "wrong_key", "other_serial")
            script.wait(self.random.randrange(100))
        script.time(0, 0)
        script.wait(2 * HOUR_MS)

    def live(self):
        for _ in range(PER_LIFE):
            dice = self.random.random()
            if dice < 0.04:
                self.honest()
            elif dice < 0.06:
                self.honest(deliver=False)
            elif dice < 0.065:
                self.script.wait(self.random.choice([600000, HOUR_MS // 2 + 1000]))
            elif dice < 0.0655:
                for _ in range(80):  # more than the guard remembers
                    self.honest()
                    self.script.wait(1000)
            self.hostile("old", "future", *self.ANY)
            self.script.wait(self.random.randrange(300))


def test_not_one_is_obeyed(tmp_path):
    campaign = Campaign(SEED)
    campaign.first()
    while sum(campaign.sent.values()) < MESSAGES:
        campaign.live()
        (campaign.reset if campaign.random.random() < 0.6 else campaign.step)()
    campaign.script.order("state")
    told = life.run(campaign.script, tmp_path)
    assert not [entry for entry in told if entry[1] in ("lost", "failed")], SEED
    ran = [words[0] for _, kind, words in told if kind == "ran" and words[1] == "mqtt"]
    for place, (wanted, seen) in enumerate(zip(campaign.obeyed, ran)):
        assert wanted == seen, (SEED, place)
    assert len(ran) == len(campaign.obeyed), SEED
    print("seed %d: %d hostile, %d honest, %d resets, %d clock steps; %s" % (
        SEED, sum(campaign.sent.values()), len(ran), campaign.lives, campaign.steps,
        campaign.sent))  # fmt: skip


def test_the_harness_would_see_it(tmp_path):
    """An honest message is run, so silence above means refusal."""
    script = life.Script()
    script.order("wire", 1)
    script.time(0, 0)
    script.order("boot")
    script.wait(3000)
    script.message(*sealed(script.now, "open"))
    ran = [words for _, kind, words in life.run(script, tmp_path) if kind == "ran"]
    assert ran == [["open", "mqtt", ""]]
