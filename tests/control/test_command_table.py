# uMeter - the command table: who may ask, what is wrong, how it is answered
# MIT license; Copyright (c) 2026 The uMeter authors

import pytest

from firmware.control.commands import ALL, ASKERS, CRON, KEPT, MQTT, SERIAL, WEB, Commands, utf8


def table():
    ran = []

    def handler(answer):
        def handle(argument, origin):
            ran.append((argument, origin))
            return answer

        return handle

    commands = Commands()
    commands.add("quiet", handler(None), changes=True, origins=ALL)
    commands.add("text", handler("fine"), utf8)
    commands.add("bytes", handler(b""), changes=KEPT)
    commands.add("many", handler([("one", "1"), ("two", "2")]))
    return commands, ran


@pytest.mark.parametrize("origin", [MQTT, CRON, WEB, SERIAL])
def test_only_those_who_may(origin):
    commands, ran = table()
    assert commands.run("quiet", b"1", origin) == [] and ran == [(None, origin)]
    answer = commands.run("text", b"x", origin)
    assert answer == [("text", "fine" if origin & ASKERS else "error: not allowed here")]
    assert len(ran) == (2 if origin & ASKERS else 1)


def test_answers():
    commands, ran = table()
    assert commands.run("text", "blåbær".encode(), MQTT) == [("text", "fine")]
    assert ran == [("blåbær", MQTT)]
    assert commands.run("bytes", b"ignored", MQTT) == [("bytes", b"")]
    assert commands.run("many", b"", WEB) == [("one", "1"), ("two", "2")]


def test_what_is_wrong_runs_nothing():
    commands, ran = table()
    assert commands.run("text", b"\xff\xfe", MQTT) == [("text", "error: not UTF-8")]
    with pytest.raises(KeyError):
        commands.run("nothing", b"", MQTT)
    assert "nothing" not in commands and "text" in commands and not ran


def test_what_changes_and_what_keeps():
    commands, _ = table()
    assert [bool(commands.changes(name)) for name in ("quiet", "text", "bytes")] == [
        True, False, True]  # fmt: skip
    assert [commands.keeps(name) for name in ("quiet", "text", "bytes")] == [False, False, True]
