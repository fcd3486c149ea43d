# uMeter - build flags: what is accepted, what is refused and in which words
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools import boards
from tools.config import ConfigError, near_misses, render, resolve, run_variable
from tools.config.checks import address, passphrase, switch, timezone
from tools.config.flags import BY_NAME, FLAGS, METERS, RUN, SHORT, WITHOUT_MEANING

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "0123456789abcdeffedcba9876543210"


def config(environ=None, **flags):
    return resolve({"KEY": KEY, **flags}, environ or {})


def refused(environ=None, **flags):
    """Message of the error; KEY is given unless the flags say otherwise."""
    with pytest.raises(ConfigError) as error:
        config(environ, **flags)
    return str(error.value)


# -- MeterLogger's lines --


def test_meterlogger_line():
    values = resolve({}, {"EN61107": "1", "KEY": KEY, "AP": "1", "PATH": "/bin", "HOME": "/root"})
    assert values["METER"] == "mc66c" and values["AP"] and values["KEY"] == KEY


@pytest.mark.parametrize("line, meter, model", [
    ("", "kmp", "KMP-THERMO_NC-DEBUG_STACK_TRACE"),
    ("EN61107=1", "mc66c", "MC-THERMO_NC-DEBUG_STACK_TRACE"),
    ("MC_66B=1 THERMO_NO=1", "mc66b", "MC_B-THERMO_NO-DEBUG_STACK_TRACE"),
    ("EN61107=1 MC_66B=1 DEBUG_STACK_TRACE=0", "mc66b", "MC_B-THERMO_NC"),
    ("METER=mc66b EN61107=1 AUTO_CLOSE=0 DEBUG_STACK_TRACE=0", "mc66b",
     "MC_B-THERMO_NC-NO_AUTO_CLOSE"),
    ("IMPULSE=1 SERIAL=9999998 FLOW_METER=1", "impulse", "IMPULSE-FLOW-DEBUG_STACK_TRACE"),
    ("IMPULSE=1 IMPULSE_DEV_BOARD=1", "impulse", "IMPULSE_DEV_BOARD-DEBUG_STACK_TRACE"),
    ("DEBUG_NO_METER=1 DEBUG=1", "none", "NO_METER-DEBUG_STACK_TRACE"),
    ("FLOW_METER=1 THERMO_ON_AC_2=1 NO_CRON=1", "kmp",
     "KMP-FLOW-THERMO_NC-THERMO_ON_AC_2-DEBUG_STACK_TRACE-NO_CRON"),
    ("METER=en61107", "mc66c", "MC-THERMO_NC-DEBUG_STACK_TRACE"),
    ("METER=en61107 MC_66B=1", "mc66b", "MC_B-THERMO_NC-DEBUG_STACK_TRACE"),
    ("EN61107=0 METER=p1", "p1", "P1-THERMO_NC-DEBUG_STACK_TRACE-NO_CRON"),
])  # fmt: skip
def test_meter_and_model(line, meter, model):
    values = config(**dict(word.split("=") for word in line.split()))
    assert (values["METER"], values["MODEL"]) == (meter, model)


def test_no_effect_and_run_variables_are_known():
    for name in (*RUN, *WITHOUT_MEANING):
        config(**{name: "whatever"})


# -- refused, by name --


@pytest.mark.parametrize("key", [None, "", "  ", KEY[:-1], KEY + "0", "g" * 32, "0" * 32])
def test_key_is_needed_and_checked(key):
    with pytest.raises(ConfigError) as error:
        resolve({} if key is None else {"KEY": key}, {})
    assert str(error.value).startswith("KEY")
    assert not (key or "").strip() or key not in str(error.value), "the secret is in the message"


@pytest.mark.parametrize("name, hint", [
    ("EN6110", "EN61107"), ("THERMO_ON_AC2", "THERMO_ON_AC_2"), ("NTP", "no such flag"),
    ("wifi_ssid", "WIFI_SSID"), ("XYZZY", "make config-help"),
])  # fmt: skip
def test_unknown_flag_on_the_command_line(name, hint):
    message = refused(**{name: "1"})
    assert message.startswith(name + ":") and hint in message


def test_misspelt_names_in_the_environment_are_said():
    usual = dict.fromkeys("PATH HOME TERM LANG LC_ALL SHELL MAIL LOGNAME DISPLAY HOSTNAME TZ CI"
                          " MAKEFLAGS MAKELEVEL PYTHONPATH TMPDIR DEBIAN_FRONTEND".split(), "x")
    assert not near_misses({**usual, **dict.fromkeys([*BY_NAME, *RUN, *WITHOUT_MEANING], "1")})
    for name, flag in (("BRKER", "BROKER"), ("EN6110", "EN61107"), ("WIFI_SID", "WIFI_SSID")):
        (line,) = near_misses({**usual, name: "secret"})
        assert name in line and flag in line and "secret" not in line


def test_unknown_names_in_the_environment_are_passed_over():
    config(environ={"EN6110": "1", "LANG": "C"})


@pytest.mark.parametrize("line", [
    "EN61107=1 IMPULSE=1", "METER=kmp EN61107=1", "METER=mc66c MC_66B=1", "IMPULSE=1 MC_66B=1",
    "DEBUG_NO_METER=1 EN61107=1", "METER=han IMPULSE_DEV_BOARD=1",
])  # fmt: skip
def test_two_meters_at_once(line):
    message = refused(**dict(word.split("=") for word in line.split()))
    for word in line.split():
        assert word.removesuffix("=1") in message
    assert "two meters" in message


@pytest.mark.parametrize("name, text", [
    ("AUTO_CLOSE", "yes"), ("METER", "water"), ("SERIAL", "12 34"), ("INTERVAL", "0"),
    ("INTERVAL", "1.5"), ("BROKER", "mqtt://host"), ("BROKER", "host:0"), ("BROKER", "a b"),
    ("WIFI_SSID", "x" * 33), ("NTP_SERVER", "a,,b"), ("TIMEZONE", "Mars/Base"),
    ("TIMEZONE", "../../etc/passwd"), ("TIMEZONE", "CET-1CEST,M3.5.0,J400"),
    ("BOARD", "esp8266"), ("PIN_RX", "GPIO4"),
    ("MQTT_CA", "/nonexistent"), ("INVERT", "rx,sound"), ("UART_ID", "0"),
])  # fmt: skip
def test_malformed_value_is_named(name, text):
    assert refused(**{name: text}).startswith("%s=%s: " % (name, text))
    assert "environment" in refused(environ={name: text})


@pytest.mark.parametrize("name", [flag.name for flag in FLAGS if flag.secret])
def test_secrets_stay_out_of_messages(name):
    for text in ("hunter2", "x" * 200):
        with pytest.raises(ConfigError) as error:
            resolve({"KEY": KEY, "WIFI_SSID": "a", name: text}, {})
        assert str(error.value).startswith(name) and text not in str(error.value)


def test_flags_that_belong_together():
    assert refused(WIFI_PASSWORD="longenough").startswith("WIFI_PASSWORD")
    assert refused(MQTT_PASSWORD="x").startswith("MQTT_PASSWORD")
    assert refused(POWER_SAVE="1", AP="1").startswith("POWER_SAVE: not with AP=1")
    assert refused(METER="han", HAN_AUTHENTICATION_KEY=KEY).startswith("HAN_AUTHENTICATION_KEY")
    assert refused(METER="p1", FLOW_METER="1").startswith("FLOW_METER")


# -- values --


def test_the_module_is_literal_constants():
    values = config(WIFI_SSID="bl\u00e5b\u00e6r 'n' \"x\"\\", BROKER="[::1]:1884", MQTT_USER="u")
    module = {}
    exec(render(values), {"__builtins__": {}}, module)
    assert module == dict(values)
    assert values["BROKER_HOST"] == "::1" and values["BROKER_PORT"] == 1884


def test_every_flag_reaches_the_module():
    names = set(config())
    renamed = {"BROKER": "BROKER_HOST", "NTP_SERVER": "NTP_SERVERS", "GIT_VERSION": "VERSION",
               "INVERT": "INVERTED", **dict.fromkeys(SHORT, "METER")}  # fmt: skip
    for flag in FLAGS:
        name = "PINS" if flag.name.startswith("PIN_") else renamed.get(flag.name, flag.name)
        assert name in names, flag.name


def test_defaults():
    values = config()
    assert values["AUTO_CLOSE"] and not values["AUTO_CLOSE_AT_ZERO"] and not values["AP"]
    assert values["BROKER_HOST"] == values["WIFI_SSID"] == values["WIFI_PASSWORD"] == ""
    assert values["SETUP_PASSWORD"] == KEY[:16]
    assert values["INTERVAL"] == 60 and config(METER="han")["INTERVAL"] == 10
    assert values["NTP_SERVERS"] == ("dk.pool.ntp.org", "us.pool.ntp.org")
    assert config(AC_TEST="1")["LED_ON_AC"]
    assert config(KEY=KEY.upper())["KEY"] == KEY


def test_an_empty_flag_is_as_if_absent():
    empty = {name: "" for name in BY_NAME if name != "KEY"}
    assert config(**empty) == config()


def test_command_line_beats_environment():
    assert config(environ={"SERIAL": "1"}, SERIAL="2")["SERIAL"] == "2"
    assert config(environ={"SERIAL": "1"}, SERIAL="")["SERIAL"] == "9999999"
    assert run_variable("ARCH", {"ARCH": "x86"}, {"ARCH": "x64"}, "bytecode") == "x86"
    assert run_variable("ARCH", {}, {}, "bytecode") == "bytecode"


def test_han_keys_only_where_they_are_used():
    keys = {"HAN_ENCRYPTION_KEY": KEY, "HAN_AUTHENTICATION_KEY": KEY[::-1]}
    assert config(METER="han", **keys)["HAN_AUTHENTICATION_KEY"] == KEY[::-1]
    assert config(environ=keys)["HAN_ENCRYPTION_KEY"] == ""


def test_certificate(tmp_path):
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test CA")])
    private = ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime(2026, 1, 1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
            .public_key(private.public_key()).not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(30)).sign(private, hashes.SHA256()))
    der = made.public_bytes(serialization.Encoding.DER)
    for form in (serialization.Encoding.DER, serialization.Encoding.PEM):
        path = tmp_path / "ca"
        path.write_bytes(made.public_bytes(form))
        values = config(MQTT_CA=str(path), BROKER="mqtt.lan")
        assert values["MQTT_CA"] == "ca.der" and values.files == {"ca.der": der}
        assert values["BROKER_PORT"] == 8883
    (tmp_path / "no").write_text("no certificate")
    assert "no certificate" in refused(MQTT_CA=str(tmp_path / "no"))


def test_time_zone():
    for text in ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC0", "<+0330>-3:30", "EST5EDT,M3.2.0,M11.1.0"):
        assert timezone(text) == text
    if not Path("/usr/share/zoneinfo/Europe/Copenhagen").exists():
        pytest.importorskip("tzdata", reason="no zone files on this machine")
    assert timezone("Europe/Copenhagen") == BY_NAME["TIMEZONE"].default
    assert timezone("America/New_York") == "EST5EDT,M3.2.0,M11.1.0"
    assert timezone("Asia/Kolkata") == "IST-5:30"


@given(st.text(max_size=80))
@settings(max_examples=300)
def test_checks_answer_or_say_no(text):
    for flag in FLAGS:
        if flag.name == "MQTT_CA" or not text.strip():
            continue
        try:
            flag.check(text)
        except ValueError as error:
            assert str(error)


@given(st.text(st.characters(codec="ascii"), max_size=70))
def test_passphrase(text):
    good = 8 <= len(text) <= 63 and text.isprintable() or (
        len(text) == 64 and all(c in "0123456789abcdefABCDEF" for c in text))
    try:
        assert passphrase(text) == text and good
    except ValueError:
        assert not good


@pytest.mark.parametrize("text, expected", [
    ("host", ("host", 0)), ("host:1", ("host", 1)), ("10.0.0.1:65535", ("10.0.0.1", 65535)),
    ("[fe80::1]", ("fe80::1", 0)), ("a-b.c_d.", ("a-b.c_d.", 0)),
])  # fmt: skip
def test_address(text, expected):
    assert address(text) == expected


# -- the table itself --


def test_defaults_and_examples_pass_their_own_check():
    for flag in FLAGS:
        if flag.default:
            flag.check(flag.default)
        name, _, text = flag.example.partition("=")
        assert name == flag.name
        if not text.startswith(("$", "...")) and name != "MQTT_CA":
            value = flag.check(text)
            assert flag.check is not switch or value != flag.check(flag.default), flag.name
    assert len(BY_NAME) == len(FLAGS) and not set(BY_NAME) & set(RUN)
    assert set(SHORT.values()) <= set(METERS)


def test_config_help_prints_all():
    done = subprocess.run([sys.executable, "-m", "tools.config"], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    words = done.stdout.split()
    for flag in FLAGS:
        assert flag.name in words
    for name in (*RUN, *WITHOUT_MEANING, *boards.BOARDS):
        assert name in words


# -- boards --


@pytest.mark.parametrize("name", boards.BOARDS)
def test_pins_of_the_board_can_do_it(name):
    board, chip = boards.BOARDS[name], boards.chip_of(name)
    strapped = {role for role, gpio in board.pins.items() if gpio in chip.strapping}
    for role, gpio in board.pins.items():
        if role == "button" and gpio in chip.input_only:
            continue  # these boards have a resistor there
        if role not in strapped or role in ("led", "led_red", "button"):
            boards.check_pin(board.chip, role, gpio)
    # MeterLogger's places, kept as they are
    assert strapped - {"led", "button"} == ({"ac2", "pulse"} if name == "meterlogger" else set())
    assert len(set(board.pins.values())) == len(board.pins)
    assert 1 <= board.uart_id < chip.uarts
    assert set(board.inverted) <= set(board.pins) <= set(boards.ROLES)
    assert config(BOARD=name)["VDD_SCALE"] == board.vdd_scale
    for meter in METERS:
        if meter == "impulse" and "pulse" not in board.pins:
            assert refused(BOARD=name, METER=meter).startswith("PIN_PULSE: METER=impulse needs")
            assert config(BOARD=name, METER=meter, PIN_PULSE="5")["PINS"]["pulse"] == 5
        else:
            assert config(BOARD=name, METER=meter)["PINS"]


def test_pins_that_the_meter_needs():
    assert refused(PIN_RX="none").startswith("PIN_RX: METER=kmp needs one")
    assert refused(METER="p1", PIN_TX="none").startswith("PIN_TX: METER=p1")
    assert "rx" not in config(METER="none", PIN_RX="none")["PINS"]


@pytest.mark.parametrize("board, pin, gpio, word", [
    ("esp32", "PIN_RX", 6, "flash"), ("esp32", "PIN_TX", 34, "input only"),
    ("esp32", "PIN_AC1", 12, "strapping"), ("esp32", "PIN_RX", 3, "console"),
    ("esp32", "PIN_RX", 24, "no GPIO24"), ("esp32", "PIN_BUTTON", 35, "pull-up"),
    ("esp32c3", "PIN_RX", 30, "no GPIO30"), ("esp32c3", "PIN_AC1", 9, "strapping"),
    ("esp32s3", "PIN_TX", 28, "flash"), ("esp32s2", "PIN_AC2", 46, "input only"),
    ("esp32", "PIN_RX", 25, "PIN_AC1"), ("esp32", "PIN_VDD", 27, "cannot measure"),
])  # fmt: skip
def test_pins_that_cannot_be(board, pin, gpio, word):
    message = refused(BOARD=board, **{pin: str(gpio)})
    assert message.startswith("%s=%d: " % (pin, gpio)) and word in message


def test_pins_that_can_be():
    pins = config(PIN_RX="34", PIN_TX="4", PIN_AC2="none", PIN_LED="2")["PINS"]
    assert pins == {"rx": 34, "tx": 4, "led": 2, "ac1": 25, "button": 0}
    assert config(IMPULSE_DEV_BOARD="1")["PINS"]["pulse"] == 0
    assert config(BOARD="esp32c3", IMPULSE_DEV_BOARD="1")["PINS"]["pulse"] == 9
    assert config(METER="p1", INVERT="rx")["INVERTED"] == ("rx",)
    assert config(PIN_VDD="35", VDD_SCALE="150")["PINS"]["vdd"] == 35
    assert refused(BOARD="esp32c3", UART_ID="2").startswith("UART_ID=2")


# -- make --


@pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")
def test_make_hands_over_what_it_was_given():
    ssid = "it's $HOME \"x\""
    env = {**os.environ, "KEY": KEY}
    env.pop("MAKEFLAGS", None)
    done = subprocess.run(["make", "-n", "build", "EN61107=1", "WIFI_SSID=" + ssid],
                          cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    words = shlex.split(next(line for line in done.stdout.splitlines() if "tools.build" in line))
    given = [words[i + 1] for i, word in enumerate(words) if word == "--override"]
    assert sorted(given) == ["EN61107=1", "WIFI_SSID=" + ssid]


def test_further_registers():
    assert config(REGISTERS="155, 72")["REGISTERS"] == (155, 72)
    assert config()["REGISTERS"] == () == config(REGISTERS="")["REGISTERS"]
    assert config(REGISTERS="86", FLOW_METER="0")["REGISTERS"] == (86,)
    assert "REGISTERS" not in config(METER="none")


@pytest.mark.parametrize("more", [
    {"REGISTERS": "0"}, {"REGISTERS": "65536"}, {"REGISTERS": "155,"}, {"REGISTERS": "155 72"},
    {"REGISTERS": "155,155"}, {"REGISTERS": "e1"}, {"REGISTERS": "155", "METER": "mc66c"},
    {"REGISTERS": ",".join(str(i) for i in range(300, 317))},
    {"REGISTERS": "86", "FLOW_METER": "1"},
])  # fmt: skip
def test_registers_that_nobody_can_read(more):
    assert refused(**more).startswith("REGISTERS")
