# uMeter - line detection of push meters: pure core, against a line that is computed bit by bit
# MIT license; Copyright (c) 2026 The uMeter authors

import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.meters.autobaud import PROOF, LineSearch, candidates, parse, text_of
from firmware.meters.han import HanDecoder
from firmware.store import checks
from sim.board import _serial
from sim.meters import pusher

LIST = pusher.han_list(7210086, 1)
TELEGRAM = pusher.p1_telegram(7210086, 1)
LOOK_MS = 20
PAUSE = 1000  # ms


class Bench:
    """A search at one end of a line, a meter at the other; time passes in steps."""

    def __init__(self, sender, push, search):
        self.sender = sender
        self.push = push
        self.search = search
        self.decoder = HanDecoder()
        self.changes = []
        self._tune()

    def _tune(self):
        self._ears = _serial.Resampler(_serial.parse(self.sender), self.search.setting)
        self.decoder.idle(10000)

    def look(self, data, passed_ms):
        if data:
            self.decoder.feed(data)
        else:
            self.decoder.idle(200)
        if self.search.found:
            return
        if self.search.take(len(data), self.decoder.proofs, self.decoder.damaged, passed_ms):
            self.changes.append(text_of(self.search.setting))
            if not self.search.found:
                self._tune()

    def quiet(self, ms):
        for _ in range(ms // 100):
            self.look(self._ears.idle(100000), 100)

    def talk(self, data):
        """data on the line; the receiver looks every few milliseconds."""
        step = max(1, LOOK_MS * 1000 // _serial.byte_us(_serial.parse(self.sender)))
        for i in range(0, len(data), step):
            self.look(self._ears.feed(data[i : i + step]), LOOK_MS)

    def run(self, pushes, every_ms):
        """-> how many pushes it took until the line was found."""
        for n in range(pushes):
            self.talk(self.push)
            self.quiet(every_ms)
            if self.search.found:
                return n + 1
        return None


def works(sender, receiver, push):
    """Whether a UART set to `receiver` hears the push."""
    ears = _serial.Resampler(_serial.parse(sender), receiver)
    decoder = HanDecoder()
    found = list(decoder.feed(ears.feed(push) + ears.idle(100000)))
    return any(telegram.result == "values" for telegram in found)


EVERY = [
    "%d %s%s" % (rate, frame, word)
    for rate, frame, word in itertools.product(
        (2400, 9600, 115200, 38400, 19200), ("8N1", "8E1", "8N2", "7E1"), ("", " inverted")
    )
]


@pytest.mark.parametrize("sender", EVERY)
def test_every_line_is_found(sender):
    push = TELEGRAM if "7E1" in sender else LIST
    search = LineSearch(fast=sender.startswith("115200"))
    bench = Bench(sender, push, search)
    took = bench.run(60, PAUSE)
    assert took and works(sender, search.setting, push)
    likely = [text_of(each) for each in itertools.islice(candidates(search._fast, False), 5)]
    # One push for each setting, and the first, which may have begun before.
    assert sender not in likely or took <= likely.index(sender) + 2
    # The same text finds it at once.
    again = Bench(sender, push, LineSearch(search.text()))
    assert again.run(1, PAUSE) == 1 and again.changes == [search.text()]


def test_how_soon():
    """The table in docs/han.md."""
    text = (Path(__file__).parents[2] / "docs" / "han.md").read_text()
    rows = text.partition("| pushes until it is found |")[2].split("\n\n")[0].splitlines()[2:]
    assert len(rows) == 7
    for row in rows:
        sender, *took = [cell.strip() for cell in row.strip("| ").split("|")]
        for fast in (False, True):
            push = TELEGRAM if fast or "7E1" in sender else LIST
            bench = Bench(sender, push, LineSearch(fast=fast))
            bench.quiet(PAUSE)
            assert str(bench.run(60, PAUSE)) == took[fast], sender


def test_candidates():
    for fast, inverted in itertools.product((False, True), repeat=2):
        every = list(candidates(fast, inverted))
        assert len(every) == len(set(every)) == 7 * 4 * 2
        assert every[0] == (115200 if fast else 2400, 8, None, 1, inverted)
        assert all(parse(text_of(each)) == each for each in every)
    assert text_of(list(candidates(False, False))[1]) == "2400 8E1"


def test_ciphered_push_without_a_key():
    push = pusher.han_list(7210086, 1, bytes(16), bytes(16))
    bench = Bench("2400 8E1 inverted", push, LineSearch())
    assert bench.run(60, PAUSE)


def test_begun_in_the_middle_of_a_push():
    """The tail of a push says nothing against the first setting."""
    bench = Bench("2400 8N1", LIST, LineSearch())
    bench.talk(LIST[100:])
    bench.quiet(PAUSE)
    assert bench.changes == [] and bench.run(1, PAUSE) == 1


def test_damage_gives_another_chance():
    bench = Bench("2400 8N1", LIST, LineSearch())
    bench.quiet(PAUSE)
    bench.talk(LIST[:50] + b"\x55" + LIST[51:])
    bench.quiet(PAUSE)
    assert bench.run(1, PAUSE) == 1 and bench.changes == ["2400 8N1"]


def test_telegrams_without_a_checksum_prove_less():
    push = TELEGRAM[: TELEGRAM.index(b"!") + 1] + b"\r\n"
    bench = Bench("115200 8N1", push, LineSearch(fast=True))
    assert bench.run(5, PAUSE) == 2


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_noise_without_end_never_hangs(seed):
    """Every setting gets its turn, whatever comes, or does not."""
    rng = random.Random(seed)
    search = LineSearch()
    seen = set()
    damaged = 0
    for _ in range(12000):
        way = rng.randrange(4)
        damaged += way == 0
        passed_ms = rng.choice((5, 100, 1500, 30000))
        search.take(0 if way == 1 else rng.randrange(1, 200), 0, damaged, passed_ms)
        seen.add(search.setting)
        assert not search.found
    assert len(seen) == 56


def test_silence_never_hangs():
    search = LineSearch()
    seen = set()
    for _ in range(60 * 1300):
        search.take(0, 0, 0, 100)
        seen.add(search.setting)
    assert len(seen) == 56


def test_ceaseless_pushes():
    """Not a pause to tell where one begins."""
    search = LineSearch()
    looks = 0
    while not search.found:
        looks += 1
        assert looks < 10000
        search.take(57, looks // 20 * PROOF if search.setting[0] == 115200 else 0, 0, 5)


@pytest.mark.parametrize(
    "text", ["x", "2400", "2400 8N", "2400 9N1", "2400 8X1", "2400 8N3", "1 8N1", "2400 8N1 u", ""]
)
def test_wrong_text(text):
    with pytest.raises(ValueError):
        parse(text)


@given(
    st.sampled_from(["300", "2400", "921600", "921601", "299", "", "0x9"]),
    st.sampled_from(["8N1", "7E1", "8O2", "9N1", "8", "8E11"]),
    st.sampled_from(["", " inverted", " ", " x", " inverted inverted"]),
)
def test_what_the_settings_take_can_be_used(rate, frame, word):
    text = rate + " " + frame + word
    try:
        checks.serial_line(text)
    except ValueError:
        with pytest.raises(ValueError):
            parse(text)
    else:
        assert text_of(parse(text)) == text
