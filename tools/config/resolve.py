# uMeter - makes the constants of the config module out of the flags that were given
# MIT license; Copyright (c) 2026 The uMeter authors

from firmware.meters.kmp_registers import SAMPLE, VOLUME
from tools import boards, version
from tools.config.checks import ConfigError
from tools.config.collect import collect
from tools.config.flags import BY_NAME, OTHER_NAMES, SHORT

_CA_FILE = "ca.der"  # name on the device
_PACES = {"han": 10, "p1": 10}  # seconds between samples; others 60
_MODELS = {"kmp": "KMP", "mc66c": "MC", "mc66b": "MC_B", "impulse": "IMPULSE", "han": "HAN",
           "p1": "P1", "none": "NO_METER"}  # fmt: skip

# Flags that are constants of the same name and value.
_SAME = ("KEY", "SERIAL", "FLOW_METER", "AUTO_CLOSE", "AUTO_CLOSE_AT_ZERO", "NO_CRON",
         "THERMO_NO", "THERMO_ON_AC_2", "AC_TEST", "DEBUG", "DEBUG_SHORT_WEB_CONFIG_TIME",
         "DEBUG_STACK_TRACE", "ECHO_SECRETS", "AP", "BOARD", "MQTT_USER", "MQTT_PASSWORD",
         "WIFI_SSID", "WIFI_PASSWORD", "TIMEZONE", "PULSES_PER_UNIT", "PULSE_MS",
         "READING")  # fmt: skip


class Values(dict):
    """Constants of the config module; `files` holds what goes along, {name: bytes}."""

    def __init__(self):
        super().__init__()
        self.files = {}


def resolve(overrides, environ):
    """Flags -> Values. ConfigError names the flag that is missing, unknown or wrong.

    overrides: {name: text} of make's command line, where every name must be known;
    environ: {name: text}, where flags are looked for and all else is passed over.
    """
    given = collect(overrides, environ)
    if "KEY" not in given:
        raise ConfigError("KEY: is missing; 32 hex digits, such as " + BY_NAME["KEY"].example)
    flags = {name: flag.default and flag.check(flag.default) for name, flag in BY_NAME.items()}
    flags.update(given)
    values = Values()
    values["METER"] = meter = _meter(given)
    _check_together(flags, meter)
    for name in _SAME:
        values[name] = flags[name]
    if meter in ("han", "p1") and "NO_CRON" not in given:
        values["NO_CRON"] = True  # their decoders and the jobs together leave too little heap
    values["LED_ON_AC"] = flags["LED_ON_AC"] or flags["AC_TEST"]
    values["INTERVAL"] = flags["INTERVAL"] or _PACES.get(meter, 60)
    values["SETUP_PASSWORD"] = flags["SETUP_PASSWORD"] or flags["KEY"][:16]
    _network(values, flags)
    for name in ("HAN_ENCRYPTION_KEY", "HAN_AUTHENTICATION_KEY"):
        values[name] = flags[name] if meter in ("han", "p1") else ""
    _board(values, flags, given)
    if meter == "kmp":
        values["REGISTERS"] = flags["REGISTERS"] or ()
    values["MODEL"] = _model(values, flags)
    values["VERSION"] = flags["GIT_VERSION"] or version.text()
    values["BUILD_TIME"] = version.time(environ)
    return values


def _meter(given):
    """The one meter that METER and the short flags name."""
    named = {SHORT[name]: name for name in SHORT if given.get(name)}
    if "METER" in given:
        meter = OTHER_NAMES.get(given["METER"], given["METER"])
        named.setdefault(meter, "METER=" + given["METER"])
    if "mc66b" in named and named.get("mc66c") in ("EN61107", "METER=en61107"):
        del named["mc66c"]  # MeterLogger takes EN61107=1 MC_66B=1 for a 66B
    if len(named) > 1:
        raise ConfigError("%s: two meters at once; choose one" % " and ".join(named.values()))
    return next(iter(named), BY_NAME["METER"].default)


def _check_together(flags, meter):
    if flags["FLOW_METER"] and meter in ("han", "p1"):
        raise ConfigError("FLOW_METER: not for METER=%s, which measures electricity" % meter)
    if flags["REGISTERS"]:
        if meter != "kmp":
            raise ConfigError("REGISTERS: only for METER=kmp")
        if flags["FLOW_METER"] and set(flags["REGISTERS"]) & set(SAMPLE) - set(VOLUME):
            raise ConfigError("REGISTERS: a sample of FLOW_METER=1 has none of %s"
                              % ", ".join(str(rid) for rid in sorted(set(SAMPLE) - set(VOLUME))))
    if flags["WIFI_PASSWORD"] and not flags["WIFI_SSID"]:
        raise ConfigError("WIFI_PASSWORD: is given without WIFI_SSID")
    if flags["POWER_SAVE"] and flags["AP"]:
        raise ConfigError("POWER_SAVE: not with AP=1, whose radio is always on")
    if flags["MQTT_PASSWORD"] and not flags["MQTT_USER"]:
        raise ConfigError("MQTT_PASSWORD: is given without MQTT_USER")
    if flags["HAN_AUTHENTICATION_KEY"] and not flags["HAN_ENCRYPTION_KEY"]:
        raise ConfigError("HAN_AUTHENTICATION_KEY: is given without HAN_ENCRYPTION_KEY")


def _network(values, flags):
    host, port = flags["BROKER"] or ("", 0)
    values["BROKER_HOST"] = host
    values["BROKER_PORT"] = port or (8883 if flags["MQTT_CA"] else 1883)
    values["MQTT_CA"] = _CA_FILE if flags["MQTT_CA"] else ""
    if flags["MQTT_CA"]:
        values.files[_CA_FILE] = flags["MQTT_CA"]
    values["NTP_SERVERS"] = flags["NTP_SERVER"]


def _board(values, flags, given):
    board = boards.BOARDS[flags["BOARD"]]
    chip = boards.CHIPS[board.chip]
    uart = flags["UART_ID"] or board.uart_id
    if uart >= chip.uarts:
        raise ConfigError("UART_ID=%d: %s has UART 1 only to give" % (uart, board.chip))
    values["UART_ID"] = uart
    values["POWER_SAVE"] = flags["POWER_SAVE"]
    values["VDD_SCALE"] = flags["VDD_SCALE"] or board.vdd_scale
    values["PINS"] = _pins(board, flags, given, values["METER"])
    inverted = given.get("INVERT", board.inverted)
    values["INVERTED"] = tuple(role for role in inverted if role in values["PINS"])


def _pins(board, flags, given, meter):
    """{role: GPIO}: the board's for what this meter needs, and those that were given."""
    idle = {"impulse": ("rx", "tx"), "none": ("rx", "tx", "pulse")}.get(meter, ("pulse",))
    pins = {role: gpio for role, gpio in board.pins.items() if role not in idle}
    if flags["IMPULSE_DEV_BOARD"] and "button" in pins:
        pins["pulse"] = pins.pop("button")
    for role in boards.ROLES:
        name = "PIN_" + role.upper()
        if name not in given:
            continue
        gpio = given[name]
        if gpio is None:
            pins.pop(role, None)
            continue
        try:
            boards.check_pin(board.chip, role, gpio)
        except ValueError as error:
            raise ConfigError("%s=%d: %s" % (name, gpio, error)) from None
        pins[role] = gpio
    for role in {"impulse": ("pulse",), "none": ()}.get(meter, ("rx", "tx")):
        if role not in pins:
            raise ConfigError("PIN_%s: METER=%s needs one, BOARD=%s has none of its own"
                              % (role.upper(), meter, flags["BOARD"]))  # fmt: skip
    _check_shared(pins, given)
    return pins


def _check_shared(pins, given):
    owners = {}
    for role, gpio in pins.items():
        other = owners.setdefault(gpio, role)
        if other != role:
            names = ["PIN_" + r.upper() for r in (other, role)]
            names.sort(key=lambda name: name not in given)
            raise ConfigError("%s=%d: is %s, too; give another pin, or %s=none"
                              % (names[0], gpio, names[1], names[1]))


def _model(values, flags):
    """MeterLogger's name of the variant, as servers know it."""
    model = "IMPULSE_DEV_BOARD" if flags["IMPULSE_DEV_BOARD"] else _MODELS[values["METER"]]
    model += "-FLOW" if flags["FLOW_METER"] else ""
    if values["METER"] not in ("impulse", "none"):
        model += "-THERMO_NO" if flags["THERMO_NO"] else "-THERMO_NC"
    for on, token in (
        (flags["THERMO_ON_AC_2"], "-THERMO_ON_AC_2"),
        (not flags["AUTO_CLOSE"], "-NO_AUTO_CLOSE"),
        (flags["DEBUG_STACK_TRACE"], "-DEBUG_STACK_TRACE"),
        (values["NO_CRON"], "-NO_CRON"),
    ):
        model += token if on else ""
    return model
