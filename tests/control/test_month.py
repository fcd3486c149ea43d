# uMeter - a month in virtual time: the valve does what an independent model of the spec does
# MIT license; Copyright (c) 2026 The uMeter authors

import random

from tests.chance import SEED, SOAK
from tests.control import life
from tests.control.life import KEYS, START, sealed
from tests.control.valve_model import Job, Model
from tools.meterctl.messages import open_message

DAYS = 30 if SOAK else 2
HOUR, DAY = 3600, 86400
AC1 = "25"
CALM_H = 240 if DAYS > 2 else 12  # hours without a reset at the end: the heap is watched
HEAP_FLAT = 1024  # bytes
LOOKS = 6  # of these the least counts: the command table may be loaded, or not
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
UNITS = [("MWh", -3, 1), ("kWh", 0, 1), ("GJ", -2, 1), ("Gcal", -3, 2)]  # name, exponent, pace


class Month:
    def __init__(self, seed, days):
        self.random = random.Random(seed)
        self.script = life.Script()
        self.end = START + days * DAY
        self.messages = {}  # start of the payload -> (identity, when, function, text)
        self.old = []  # (topic, payload)
        self.unit, self.exponent, self.pace = self.random.choice(UNITS)
        self.energy = self.random.randrange(10**5)
        self.kinds = {}

    # -- one event each --

    def send(self, function, text, shown=None):
        when = self.script.now + self.random.choice([0, 0, 0, -30, 40])
        topic, payload = sealed(when, function, str(text).encode())
        self.messages[payload[:32].hex()] = payload[:32], when, function, shown or text
        self.old.append((topic, payload))
        self.script.message(topic, payload)

    def command(self):
        kwh = self.kwh()
        function, text = self.random.choice([
            ("open", "1"), ("close", "1"), ("off", "1"), ("open", "1"),
            ("open_until", kwh + self.random.randrange(-5, 60)),
            ("open_until_delta", self.random.randrange(20)),
        ])  # fmt: skip
        self.send(function, max(text, 0) if isinstance(text, int) else text)

    def kwh(self):
        factor = {"MWh": 1000, "kWh": 1, "GJ": 277, "Gcal": 1163}[self.unit]
        return self.energy * factor // 10**-self.exponent

    def job(self):
        if self.random.random() < 0.1:
            self.send("clear_cron", "1")
            return
        job = self.make_job()
        self.send("set_cron", job.text, job)

    def make_job(self):
        minute = self.random.randrange(60)
        minutes, text = self.random.choice([
            ({minute}, str(minute)), (range(0, 60, 20), "*/20"),
            ({minute, 7}, "7,%d" % minute)])  # fmt: skip
        text = "minute=%s" % text
        first = self.random.randrange(20)
        hours, words = self.random.choice([
            (range(24), ""), ({first}, "&hour=%d" % first), ({2}, "&hour=2"),
            (range(first, first + 4), "&hour=%d-%d" % (first, first + 3))])  # fmt: skip
        text += words
        days = range(7)
        if self.random.random() < 0.5:
            day = self.random.randrange(5)
            days = range(day, day + 3)
            text += "&day_of_week=%s-%s" % (WEEK[day], WEEK[day + 2])
        name, argument = self.random.choice([
            ("open", None), ("close", None), ("off", None),
            ("open_until", str(self.kwh() + self.random.randrange(99))),
            ("open_until_delta", str(self.random.randrange(1, 9)))])  # fmt: skip
        text += "&command=%s" % name + ("=" + argument if argument else "")
        return Job(text, minutes, hours, days, name, argument)

    def replay(self):
        if self.old:
            self.script.message(*self.random.choice(self.old[-20:]))

    def consume(self):
        self.energy += self.random.randrange(4) * self.pace
        self.script.order("energy", self.energy, self.exponent, self.unit)

    def reset(self):
        self.script.order("cut")
        self.wait(self.random.choice([0, 1, 60, 2 * HOUR]))
        self.script.order("boot")
        if self.random.random() < 0.5:  # what comes before the time is known
            self.wait(2)
            self.command()

    def outage(self):
        """Of the network, the meter or both."""
        parts = self.random.choice([["wire"], ["meter"], ["wire", "meter"]])
        for part in parts:
            self.script.order(part, 0)
        for _ in range(self.random.randrange(6)):
            self.wait(self.random.randrange(HOUR))
            self.consume()
        if self.random.random() < 0.3:
            self.reset()
            self.wait(self.random.randrange(HOUR))
        for part in parts:
            self.script.order(part, 1)

    def jump(self):
        """The time servers lie, one of them or both, and put it right again."""
        lie = self.random.choice([-1, 1]) * self.random.choice([20, 900, 3000, 5 * HOUR, 2 * DAY])
        self.script.time(lie, self.random.choice([lie, 0]))
        self.wait(self.random.randrange(3 * HOUR))
        if self.random.random() < 0.3:
            self.reset()
            self.wait(self.random.randrange(HOUR))
        self.script.time(0, 0)

    def wait(self, seconds):
        self.script.wait(seconds * 1000 + self.random.randrange(1000))

    def look(self):
        """Heap and clock, when neither a job nor a command is in hand."""
        rest = (55 - self.script.now) % 60
        self.wait(rest + 60 if rest < 45 else rest)
        self.script.order("heap")
        self.script.order("state")

    def write(self):
        script = self.script
        script.order("wire", 1)
        script.time(0, 0)
        self.consume()
        script.order("boot")
        self.wait(5)
        events = [self.command] * 30 + [self.job] * 8 + [self.replay] * 10 + [self.reset] * 3
        events += [self.outage, self.jump] * 2 + [self.look] * 12 + [self.consume] * 60
        while script.now < self.end:
            event = self.random.choice(events)
            event()
            self.kinds[event.__name__] = self.kinds.get(event.__name__, 0) + 1
            self.wait(self.random.choice([1, 20, 300, 900]))
        self.calm()
        return script

    def calm(self):
        self.script.order("cut")
        self.script.order("boot")
        self.wait(5)
        self.send("clear_cron", "1")
        for _ in range(3):
            job = self.make_job()
            self.send("set_cron", job.text, job)
        end = self.script.now + CALM_H * HOUR
        while self.script.now < end:
            for event in (self.command, self.replay, self.consume, self.look):
                self.wait(self.random.randrange(1200))
                event()


def settled(levels):
    """The last level of each millisecond, without repetitions."""
    last = dict(levels)
    changes, before = [], None
    for ms in sorted(last):
        if last[ms] != before:
            before = last[ms]
            changes.append((ms, before))
    return changes


class Comparison:
    """Gives the model what the device heard, and compares."""

    def __init__(self, month, told):
        self.month = month
        self.model = Model(life.BUILD)
        self.levels, self.causes, self.ran, self.heap = [], [], [], []
        for ms, kind, words in told:
            truth = START + ms // 1000
            self.model.check_jobs(truth)
            handler = getattr(self, "on_" + kind, None)
            if handler:
                handler(ms, truth, *words)

    def on_cut(self, ms, truth):
        self.model.cut()

    def on_boot(self, ms, truth):
        self.model.boot(ms)
        self.heap.append([])

    def on_asked(self, ms, truth, server, unix):
        self.model.hear_time(ms, server, int(unix), truth)

    def on_arrived(self, ms, truth, topic, start):
        self.model.hear(ms, truth, self.month.messages[start])

    def on_reading(self, ms, truth, mantissa, exponent, unit):
        self.model.read(ms, int(mantissa), int(exponent), unit)

    def on_ran(self, ms, truth, name, origin, text):
        if origin == "cron":
            self.model.run_job(ms, truth, name, text)
        else:
            self.ran.append(name)

    def on_pin(self, ms, truth, pin, level):
        if pin == AC1:
            self.levels.append((ms, int(level)))

    def on_sent(self, ms, truth, topic, payload):
        message = open_message(topic, bytes.fromhex(payload), KEYS)
        assert message.verified, message.reason
        assert not message.text.startswith("error: ") or "16 jobs at most" in message.text
        if message.function == "status" and abs(message.time - self.model.now(truth)) < 2:
            # Commands that waited for the time are obeyed one by one, in no time.
            now = {text for when, text in self.model.positions if when > ms - 2000}
            assert message.text in now | {"open" if self.model.valve else "close"}, ms
        if message.function == "status_cause":
            self.causes.append(message.text)

    def on_heap(self, ms, truth, used):
        self.heap[-1].append(int(used))

    def on_state(self, ms, truth, *words):
        now = int(dict(w.split(":") for w in "".join(words)[1:-1].replace('"', "").split(",")
                       if w.count(":") == 1)["now"])  # fmt: skip
        assert abs(now - (self.model.now(truth) or 0)) <= 1, ms

    def on_failed(self, ms, truth, *words):
        raise AssertionError(words)


def test_the_valve_follows_the_model(tmp_path):
    print("seed %d" % SEED)
    month = Month(SEED, DAYS)
    told = life.run(month.write(), tmp_path)
    seen = Comparison(month, told)
    model = seen.model
    assert settled(seen.levels) == settled(model.levels), SEED
    assert seen.ran == model.obeyed, SEED
    assert seen.causes == [cause for _, cause in model.told], SEED
    calm = seen.heap[-1]
    least = [min(calm[i : i + LOOKS]) for i in range(0, len(calm) - LOOKS + 1, LOOKS)]
    growth = max(least[1:]) - least[0]
    assert growth < HEAP_FLAT, (SEED, least)
    jobs = len([words for _, kind, words in told if kind == "ran" and words[1] == "cron"])
    text = "%d days in %s: %d moves, %d commands, %d jobs run, %d lives, heap %+d; %s"
    moves = len(settled(seen.levels))
    days = DAYS + CALM_H // 24
    print(text % (days, month.unit, moves, len(seen.ran), jobs, len(seen.heap),
                  growth, month.kinds))  # fmt: skip
    assert len(seen.ran) > 20
