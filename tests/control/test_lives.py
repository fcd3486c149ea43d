# uMeter - the whole app in virtual time: bad flash, a clock set back, commands said twice
# MIT license; Copyright (c) 2026 The uMeter authors

import json

import pytest

from tests.control import life
from tests.control.life import KEYS, sealed
from tools.meterctl.messages import open_message

AC1 = "25"


@pytest.fixture
def script():
    script = life.Script()
    script.order("wire", 1)
    script.time(0, 0)
    script.order("energy", 56726, -3, "MWh")
    script.order("boot")
    script.wait(3000)
    return script


def send(script, function, text=b"1", when=None):
    script.message(*sealed(script.now if when is None else when, function, text))
    script.wait(1000)


def start_without_reading(script):
    """It has started anew and knows its meter, which has told no value yet."""
    script.order("meter", 0)
    script.order("cut")
    script.order("boot")
    script.wait(3000)
    script.order("identify")


def said(told):
    """[(function, text)] of what was published."""
    messages = [open_message(words[0], bytes.fromhex(words[1]), KEYS)
                for _, kind, words in told if kind == "sent"]  # fmt: skip
    return [(message.function, message.text) for message in messages]


def ran(told):
    return [words[0] for _, kind, words in told if kind == "ran"]


def level(told):
    return [words[1] for _, kind, words in told if kind == "pin" and words[0] == AC1][-1]


def states(told):
    return [json.loads(" ".join(words)) for _, kind, words in told if kind == "state"]


def test_nothing_is_obeyed_that_cannot_be_kept(script, tmp_path):
    script.order("flash", 0)
    send(script, "open")
    send(script, "open_until", b"90000")
    send(script, "set_cron", b"minute=1&command=open")
    script.order("flash", 1)
    script.order("state")
    told = life.run(script, tmp_path)
    assert level(told) == "0" and not states(told)[0]["valve"]
    assert said(told) == [(name, "error: the flash did not take it") for name in
                          ("open", "open_until", "set_cron")]  # fmt: skip
    assert states(told)[0]["limit"] == -1 and states(told)[0]["jobs"] == []
    script.wait(1000)
    send(script, "open")
    told = life.run(script, tmp_path)
    assert ran(told)[-1] == "open" and level(told) == "1"


def test_the_clock_does_not_go_below_the_last_command(script, tmp_path):
    script.wait(3600000)
    send(script, "open", when=script.now + 1000)  # the server's clock is fast
    script.order("cut")
    script.wait(500)
    script.time(-600, -600)  # more than the wait: it stays below
    script.order("boot")
    script.wait(60000)
    script.order("state")
    script.time(0, 0)
    script.wait(900000)  # the tries have become rare
    script.order("state")
    before, after = states(life.run(script, tmp_path))
    assert before["now"] == 0 and abs(after["now"] - script.now) <= 1


def test_nor_does_it_without_a_reset(script, tmp_path):
    script.wait(3500000)
    send(script, "open")
    script.time(-3000, -3000)  # no jump, but the command was later
    script.wait(900000)
    script.order("state")
    now = states(life.run(script, tmp_path))[0]["now"]
    assert abs(now - script.now) <= 1


def test_a_delta_before_the_first_reading(script, tmp_path):
    send(script, "open")
    start_without_reading(script)
    send(script, "open_until_delta", b"10000000000")  # the most there is
    script.order("meter", 1)
    script.wait(120000)
    send(script, "open_until_delta", b"5")
    told = life.run(script, tmp_path)
    deltas = [text for function, text in said(told) if function == "open_until_delta"]
    assert deltas == ["10000000000", "5"]
    assert not [entry for entry in told if entry[1] == "failed"]


def test_what_comes_later_ends_a_delta_that_waits(script, tmp_path):
    start_without_reading(script)
    send(script, "open_until_delta", b"10")
    send(script, "close")
    script.order("meter", 1)
    script.wait(120000)
    told = life.run(script, tmp_path)
    assert ran(told) == ["open_until_delta", "close"] and level(told) == "0"


def test_the_limit_closes_without_time_and_network(script, tmp_path):
    send(script, "open_until", b"56730")
    script.order("wire", 0)
    script.time()
    script.order("cut")
    script.order("boot")
    script.wait(60000)
    script.order("state")
    script.order("energy", 56730, -3, "MWh")
    script.wait(65000)
    script.order("state")
    told = life.run(script, tmp_path)
    before, after = states(told)
    assert before["now"] == 0 == after["now"] and before["valve"] and not after["valve"]
    assert level(told) == "0"


def test_the_limit_closes_although_the_flash_is_broken(script, tmp_path):
    send(script, "open_until", b"56730")
    script.order("flash", 0)
    script.order("energy", 56730, -3, "MWh")
    script.wait(65000)
    told = life.run(script, tmp_path)
    assert level(told) == "0" and ("status", "close") in said(told)
    assert not [entry for entry in told if entry[1] == "failed"]


def test_jobs_go_on_although_the_flash_is_broken(script, tmp_path):
    send(script, "set_cron", b"minute=*&command=open")
    script.order("flash", 0)
    script.wait(65000)
    told = life.run(script, tmp_path)
    assert ran(told)[:2] == ["set_cron", "open"] and level(told) == "1"


def test_missed_jobs_are_reported(script, tmp_path):
    jobs = ["minute=*&command=open", "minute=*/5&command=close", "minute=7&command=off"]
    for job in jobs:
        send(script, "set_cron", job.encode())
    script.order("cut")
    script.wait(600000)
    script.order("boot")
    script.wait(7000)
    script.order("cut")
    script.order("meter", 0)  # nobody knows whose report it would be
    script.order("boot")
    script.wait(7000)
    script.order("meter", 1)
    script.wait(58000)
    script.order("greet")
    told = life.run(script, tmp_path)
    reports = [text for function, text in said(told) if function == "cron_missed"]
    first = life.START
    wanted = ["count=10&since=%d&" % (first + 60) + jobs[0],
              "count=2&since=%d&" % (first + 300) + jobs[1],
              "count=1&since=%d&" % (first + 420) + jobs[2]]  # fmt: skip
    assert reports == wanted * 2


def test_what_was_obeyed_before_a_reset_is_not_obeyed_after(script, tmp_path):
    names = "open", "set_ssid", "off"
    old = [sealed(script.now + n, name) for n, name in enumerate(names)]
    for topic, payload in old:
        script.message(topic, payload)
        script.wait(2000)
    script.order("cut")
    script.order("boot")
    script.wait(5000)
    for topic, payload in old:
        script.message(topic, payload)
    send(script, "close")
    for topic, payload in old:
        script.message(topic, payload)
    script.order("state")
    told = life.run(script, tmp_path)
    assert ran(told) == ["open", "set_ssid", "off", "close"]
    assert states(told)[0]["rejected"] == {"replay floor": 6}


def test_an_older_message_does_not_make_a_newer_one_new_again(script, tmp_path):
    newer = sealed(script.now + 100, "open")
    script.message(*newer)
    script.wait(2000)
    send(script, "close")
    script.order("cut")
    script.order("boot")
    script.wait(5000)
    script.message(*newer)
    script.wait(1000)
    told = life.run(script, tmp_path)
    assert ran(told) == ["open", "close"] and level(told) == "0"


def test_a_job_that_fails_on_the_way_is_not_begun_again(script, tmp_path):
    send(script, "set_cron", b"minute=1&command=open")
    send(script, "set_cron", b"minute=2&command=off")
    script.order("broken")
    script.wait(150000)
    told = life.run(script, tmp_path)
    assert [entry[1] for entry in told if entry[1] in ("tried", "noted")] == ["tried", "noted"]
    assert ran(told)[2:] == ["open", "off"]


def test_what_the_limit_closed_is_closed_after_a_power_cut(script, tmp_path):
    send(script, "open_until", b"56730")
    script.order("energy", 56730, -3, "MWh")
    script.order("cut")
    script.order("boot")
    boot = script.ms
    script.wait(1300)  # the first reading is there
    script.order("cut")
    script.wait(5000)
    script.order("meter", 0)
    script.order("boot")
    script.wait(1000)
    told = life.run(script, tmp_path)
    levels = {ms - boot: words[1] for ms, kind, words in told
              if kind == "pin" and words[0] == AC1 and ms >= boot}  # fmt: skip
    assert levels == {0: "1", 1200: "0", 6300: "0"}


def test_limits_of_nothing_and_less(script, tmp_path):
    texts = ((b"57000", "57000", "open"), (b"-1", "57000", "open"), (b"0", "0", "close"))
    for text, _, _ in texts:
        send(script, "open_until", text)
    deltas = ((b"10", "10", "open"), (b"-3", "10", "open"), (b"0", "0", "close"))
    for text, _, _ in deltas:
        send(script, "open_until_delta", text)
    told = [entry for entry in said(life.run(script, tmp_path)) if entry[0] != "status_cause"]
    answers = [told[i : i + 2] for i, entry in enumerate(told) if entry[0] != "status"]
    assert answers == [[("open_until", text), ("status", status)] for _, text, status in texts] + [
        [("open_until_delta", text), ("status", status)] for _, text, status in deltas]


def test_a_full_heap_keeps_no_limit_from_closing(script, tmp_path):
    send(script, "open_until", b"56730")
    start_without_reading(script)
    send(script, "open_until_delta", b"7")
    script.wait(50000)  # the table of commands is not in the heap any more
    script.order("no_module", "valve_commands")
    script.order("energy", 56730, -3, "MWh")
    script.order("meter", 1)
    script.wait(10000)
    script.order("state")
    script.order("module_again", "valve_commands")
    script.wait(60000)
    script.order("state")
    closed, opened = states(life.run(script, tmp_path))
    assert not closed["valve"] and opened["valve"] and opened["limit"] == 56737000


@pytest.mark.parametrize("text, answer", [(b"0", ["0"]), (b"-1", []), (b"7", ["7"])])
def test_which_deltas_wait_for_the_first_reading(script, tmp_path, text, answer):
    send(script, "open")
    start_without_reading(script)
    send(script, "open_until_delta", text)
    script.order("meter", 1)
    script.wait(70000)
    told = life.run(script, tmp_path)
    assert [text for function, text in said(told) if function == "open_until_delta"] == answer
    assert level(told) == ("0" if answer == ["0"] else "1")


def test_jobs_wait_for_room_in_the_heap(script, tmp_path):
    send(script, "set_cron", b"hour=*&minute=1&command=open")
    script.wait(48000)  # the table of commands is not in the heap any more
    script.order("no_module", "commands")
    script.wait(60000)
    script.order("state")
    script.order("module_again", "commands")
    script.wait(10000)
    told = life.run(script, tmp_path)
    tries = [words[0] for _, kind, words in told if kind == "ran" and words[1] == "cron"]
    assert len(tries) > 5 and level(told) == "1" and not states(told)[0]["valve"]
    assert [text for function, text in said(told) if function == "status_cause"] == ["cron"]
    assert not [entry for entry in told if entry[1] in ("noted", "failed")]


WRITES = 12  # more than a command takes


@pytest.mark.parametrize("function, text", [("open", b"1"), ("open_until_delta", b"100")])
def test_a_power_cut_at_every_write_of_a_command(script, tmp_path, function, text):
    """Obeyed or not, never half, never twice: the broker delivers it again."""
    for n in range(1, WRITES):
        send(script, "close")
        script.wait(3000)
        topic, payload = sealed(script.now, function, text)
        script.order("cut_at", n)
        script.message(topic, payload)
        script.order("cut")
        script.wait(500)
        script.order("boot")
        script.wait(3000)
        script.order("state")
        script.message(topic, payload)
        script.wait(1000)
        script.order("state")
        script.order("energy", 56726 + n, -3, "MWh")
        script.wait(65000)
    told = life.run(script, tmp_path)
    lives, moved = [], False  # level 1 before the cut; stored then, stored after the repetition
    for _, kind, words in told:
        if kind == "cut":
            lives.append([moved])
        elif kind == "pin" and words[0] == AC1:
            moved = words[1] == "1"
        elif kind == "state":
            state = json.loads(" ".join(words))
            lives[-1].append((state["valve"], state["limit"], state["rejected"]))
    assert len(lives) == WRITES - 1
    limit = -1
    for n, (moved, (valve, kept, _), (again, new, rejected)) in enumerate(lives):
        more = (56726 + n) * 1000 + 100000 if text == b"100" else -1
        assert (valve, kept) in ((False, limit), (True, more)) and again and new == more, n
        assert rejected == ({"replay floor": 1} if valve else {}) and moved <= valve, n
        limit = more
    assert [entry[1] for entry in lives if not entry[1][0]] and lives[-1][1][0]


def test_one_waiting_command_without_memory_leaves_the_others(script, tmp_path):
    script.order("cut")
    script.time()
    script.order("boot")
    script.wait(3000)
    script.order("no_room", "set_ssid")
    for function, text in (("open", b"1"), ("set_ssid", b"x"), ("open_until", b"60000")):
        send(script, function, text)
    script.time(0, 0)
    script.wait(900000)
    told = life.run(script, tmp_path)
    assert ran(told) == ["open", "open_until"] and level(told) == "1"
    assert [entry[1] for entry in told if entry[1] in ("noted", "failed")] == ["noted"]


ZEROS = "&exccause=0&epc1=0x00000000&epc2=0x00000000&epc3=0x00000000&excvaddr=0x00000000"
FACTS = {"pings": 400, "pongs": 397, "ping_us": 12045, "supply_mv": 3312, "reset_reason": 7,
         "disconnects": 12, "rejected": {"hmac": 3, "replay floor": 2}}  # fmt: skip
ANSWERS = {
    "network_quality": "ping_response_time=12.045 mS&ping_average_packet_loss=0.75%"
                       "&disconnect_count=12",
    "vdd": "3.312",
    "reset_reason": "reason=7" + ZEROS + "&depc=0x00000000",
    "disconnect_count": "12",
    "rejected": "hmac=3&replay_floor=2",
    "ping": "",
    "ssid": "a&b=c",
    "status": "open",
    "cron": "0",
    "clear_cron": "",
}  # fmt: skip


def test_answers_byte_for_byte(script, tmp_path):
    send(script, "set_ssid", b"a&b=c")
    send(script, "open")
    script.order("facts", json.dumps(FACTS))
    for name in ANSWERS:
        send(script, name)
    told = said(life.run(script, tmp_path))[3:]
    assert dict(told) == ANSWERS


def test_the_quality_of_a_network_without_an_answer(script, tmp_path):
    script.order("facts", json.dumps(dict(FACTS, pongs=0, supply_mv=None)))
    send(script, "network_quality")
    send(script, "vdd")
    unknown = "ping_response_time=unknown&ping_average_packet_loss=unknown&disconnect_count=12"
    assert said(life.run(script, tmp_path)) == [("network_quality", unknown), ("vdd", "65.535")]


def test_an_address_without_a_gateway_is_refused(script, tmp_path):
    for text in (b"ip=10.0.0.2", b"gateway=10.0.0.1&ip=10.0.0.2", b"gateway=", b"ip=&gateway=",
                 b"ip=10.0.0.2"):  # fmt: skip
        send(script, "set_wifi", text)
    answers = [text[:6] for name, text in said(life.run(script, tmp_path)) if name == "set_wifi"]
    assert answers == ["error:", "hostna", "error:", "hostna", "error:"]


def test_a_reconnect_said_again_is_one(script, tmp_path):
    for _ in range(4):
        send(script, "reconnect")
        script.wait(9000)
    send(script, "set_ssid", b"another")
    send(script, "reconnect")  # now it means something else
    script.wait(70000)
    send(script, "reconnect")
    told = life.run(script, tmp_path)
    assert len([entry for entry in told if entry[1] == "reconnect"]) == 3


@pytest.mark.parametrize("function, text", [
    ("open", b"1"), ("close", b"1"), ("open_until", b"60000"), ("open_until_delta", b"12"),
])  # fmt: skip
def test_a_valve_command_is_one_write(script, tmp_path, function, text):
    """The flash wears, and a save takes a tenth of a second on a chip."""
    send(script, "open" if function == "close" else "close")
    script.order("writes")
    send(script, function, text)
    script.order("writes")
    before, after = writes(life.run(script, tmp_path))
    assert after - before == 1


def test_a_job_of_the_valve_is_one_write(script, tmp_path):
    send(script, "set_cron", b"minute=*&command=open")
    script.wait(3000)
    script.order("writes")
    script.wait(60000)
    script.order("writes")
    told = life.run(script, tmp_path)
    before, after = writes(told)
    assert ran(told) == ["set_cron", "open"] and level(told) == "1" and after - before == 1


def writes(told):
    return [int(words[0]) for _, kind, words in told if kind == "writes"]


JOB = b"minute=0&hour=3&command=open"
OTHER_JOB = b"minute=0&hour=4&command=close"
ERRORS = 30  # more than any of these commands writes


@pytest.mark.parametrize("function, text", [
    ("set_cron", OTHER_JOB), ("clear_cron", b"1"), ("set_ssid", b"barn"), ("start_ap", b"1"),
    ("set_fallback", b"ssid=spare&pwd=12345678"), ("set_network", b"ssid=more&pwd=12345678"),
    ("open_until", b"60000"),
])  # fmt: skip
def test_what_is_refused_has_no_effect(script, tmp_path, function, text):
    """The flash fails from any write of the command on: memory, answer and flash agree."""
    send(script, "set_cron", JOB)
    script.wait(3000)
    names = "valve", "limit", "ssid", "jobs", "listed", "other"
    for n in range(ERRORS):
        script.order("cut")
        script.order("boot")
        script.wait(3000)
        script.order("state")
        script.order("flash_left", n)
        send(script, function, text)
        script.order("state")
        script.order("cut")
        script.order("flash", 1)
        script.order("boot")
        script.wait(3000)
        script.order("state")
    told = life.run(script, tmp_path)
    error = (function, "error: the flash did not take it")
    facts = [[found[name] for name in names] for found in states(told)]
    refused = said(told).count(error)
    assert 0 < refused < ERRORS
    for n in range(ERRORS):
        before, now, later = facts[3 * n : 3 * n + 3]
        assert now == later and (n >= refused or now == before), (n, before, now, later)
    assert facts[-1] != facts[0]


def test_what_was_erased_does_not_come_back_with_a_new_job(script, tmp_path):
    send(script, "set_cron", JOB)
    send(script, "factory_reset")
    send(script, "set_cron", OTHER_JOB)
    script.order("state")
    (found,) = states(life.run(script, tmp_path))
    assert found["jobs"] == found["listed"] == [OTHER_JOB.decode()]


def test_a_thermostat_is_never_refused(script, tmp_path):
    """Slow PWM, told anew every 20 s for two hours: more than the guard can remember."""
    for n in range(360):
        script.message(*sealed(script.now - n % 7, "pwm", b"%d" % (n * 7 % 1000)))
        script.wait(20000)
        if n == 200:  # the power fails: what is dated later is new
            script.order("cut")
            script.order("boot")
            script.wait(10000)
    script.order("state")
    told = life.run(script, tmp_path)
    assert states(told)[0]["rejected"] == {} and len(ran(told)) == 360
