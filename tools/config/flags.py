# uMeter - the one table of all build flags
# MIT license; Copyright (c) 2026 The uMeter authors

# Names, defaults and meanings of MeterLogger's flags are those of its Makefile.

from collections import namedtuple

from tools import boards
from tools.config import checks

# name     as given to make; most are also the name of a constant in the device's config module
# check    function of tools.config.checks: text -> value
# default  text that counts if the flag is not given, or is empty; "": the value is ""
# meaning  one line for `make config-help`; example: what one types
Flag = namedtuple("Flag", "group name check default meaning example secret")

METERS = ("kmp", "mc66c", "mc66b", "impulse", "han", "p1", "none")
OTHER_NAMES = {"en61107": "mc66c"}  # METER=en61107 like EN61107=1

# Flag that is short for METER=...; MeterLogger's way to choose
SHORT = {"EN61107": "mc66c", "MC_66B": "mc66b", "IMPULSE": "impulse",
         "IMPULSE_DEV_BOARD": "impulse", "DEBUG_NO_METER": "none"}  # fmt: skip


def _group(title, *rows):
    return [Flag(title, *row, secret=row[0] in _SECRET) for row in rows]


_SECRET = ("KEY", "WIFI_PASSWORD", "SETUP_PASSWORD", "MQTT_PASSWORD", "HAN_ENCRYPTION_KEY",
           "HAN_AUTHENTICATION_KEY")  # fmt: skip
_ON = checks.switch

FLAGS = [
    *_group(
        "Identity",
        ("KEY", checks.master_key, "", "master key, 32 hex digits; needed, and kept secret",
         "KEY=$(openssl rand -hex 16)"),
        ("SERIAL", checks.serial, "9999999", "serial until the meter has told its own",
         "SERIAL=7013412"),
        ("GIT_VERSION", checks.credential, "", "version text instead of the one that git tells",
         "GIT_VERSION=1.0"),
    ),
    *_group(
        "Meter",
        ("METER", checks.one_of(*METERS, *OTHER_NAMES), "kmp", "one of " + " ".join(METERS),
         "METER=han"),
        ("EN61107", _ON, "0", "Multical 66C: METER=mc66c", "EN61107=1"),
        ("MC_66B", _ON, "0", "Multical 66B: METER=mc66b", "MC_66B=1"),
        ("IMPULSE", _ON, "0", "pulses on an input: METER=impulse", "IMPULSE=1"),
        ("IMPULSE_DEV_BOARD", _ON, "0", "impulse meter whose input is the boot button",
         "IMPULSE_DEV_BOARD=1"),
        ("DEBUG_NO_METER", _ON, "0", "no meter, invented values: METER=none",
         "DEBUG_NO_METER=1"),
        ("FLOW_METER", _ON, "0", "volume only; limits in m3 instead of kWh", "FLOW_METER=1"),
        ("REGISTERS", checks.registers, "",
         "KMP: further registers to read, by their numbers (docs/kmp.md)", "REGISTERS=155,72"),
        ("INTERVAL", checks.number(1, 3600), "",
         "seconds between two samples; default 60, for han and p1 10", "INTERVAL=30"),
        ("PULSES_PER_UNIT", checks.number(1, 100000), "1000",
         "impulse meter: pulses per kWh or m3", "PULSES_PER_UNIT=100"),
        ("PULSE_MS", checks.pulse_length, "",
         "impulse meter: shortest and longest pulse that counts; without it any",
         "PULSE_MS=80-120"),
        ("READING", checks.number(0, 99999999), "0",
         "impulse meter: kWh or m3 on its display when counting begins", "READING=12345"),
        ("HAN_ENCRYPTION_KEY", checks.key, "", "key of a ciphered HAN or P1 meter, 32 hex digits",
         "HAN_ENCRYPTION_KEY=..."),
        ("HAN_AUTHENTICATION_KEY", checks.key, "", "its authentication key, 32 hex digits",
         "HAN_AUTHENTICATION_KEY=..."),
    ),
    *_group(
        "Actuator",
        ("THERMO_NO", _ON, "0", "the actuator is open without current (default: closed)",
         "THERMO_NO=1"),
        ("THERMO_ON_AC_2", _ON, "0", "AC 2 does what AC 1 does", "THERMO_ON_AC_2=1"),
        ("AUTO_CLOSE", _ON, "1", "close when the limit is reached", "AUTO_CLOSE=0"),
        ("AUTO_CLOSE_AT_ZERO", _ON, "0",
         "a limit that was never set counts as 0, as in MeterLogger", "AUTO_CLOSE_AT_ZERO=1"),
        ("NO_CRON", _ON, "0", "no timed jobs; for han and p1 the default", "NO_CRON=1"),
        ("LED_ON_AC", _ON, "0", "the LED shows the actuator: fast open, slow closed",
         "LED_ON_AC=1"),
        ("AC_TEST", _ON, "0", "AC 1 on and off every 12 s for ever; with LED_ON_AC",
         "AC_TEST=1"),
    ),
    *_group(
        "Network",
        ("WIFI_SSID", checks.ssid, "", "Wi-Fi network, for bench builds", "WIFI_SSID=bench"),
        ("WIFI_PASSWORD", checks.passphrase, "", "its password; none: an open network",
         "WIFI_PASSWORD=..."),
        ("SETUP_PASSWORD", checks.passphrase, "",
         "password of the set-up network; default: the first 16 digits of KEY",
         "SETUP_PASSWORD=..."),
        ("AP", _ON, "0", "access point for further devices, see docs/wifi.md for what it can do",
         "AP=1"),
        ("BROKER", checks.address, "",
         "MQTT broker, host[:port]; default: set in the set-up page", "BROKER=mqtt.lan:1883"),
        ("MQTT_USER", checks.credential, "", "user name at the broker", "MQTT_USER=meter"),
        ("MQTT_PASSWORD", checks.credential, "", "password at the broker", "MQTT_PASSWORD=..."),
        ("MQTT_CA", checks.certificate, "",
         "file with the CA of the broker (DER or PEM): TLS, port 8883 by default",
         "MQTT_CA=ca.pem"),
        ("NTP_SERVER", checks.servers, "dk.pool.ntp.org,us.pool.ntp.org",
         "time servers, separated by commas",
         "NTP_SERVER=ntp.lan"),
        ("TIMEZONE", checks.timezone, "CET-1CEST,M3.5.0,M10.5.0/3",
         "time zone of cron jobs, a name or POSIX TZ; default: Copenhagen's",
         "TIMEZONE=Europe/London"),
    ),
    *_group(
        "Board",
        ("BOARD", checks.one_of(*boards.BOARDS), "esp32", "one of " + " ".join(boards.BOARDS),
         "BOARD=esp32c3"),
        ("UART_ID", checks.number(1, 2), "", "UART of the meter; default: the board's",
         "UART_ID=2"),
        *[("PIN_" + role.upper(), checks.pin, "", "GPIO, %s; none: not wired" % what,
           "PIN_%s=4" % role.upper()) for role, (_, what) in boards.ROLES.items()],
        ("VDD_SCALE", checks.number(100, 10000), "",
         "supply voltage in percent of that on PIN_VDD; default: the board's, 200 if it has none",
         "VDD_SCALE=100"),
        ("POWER_SAVE", _ON, "0",
         "the meter's line feeds the board: 80 MHz, radio on for uploads only", "POWER_SAVE=1"),
        ("INVERT", checks.list_of(*boards.ROLES), "",
         "pins of the opposite sense, separated by commas; default: the board's", "INVERT=rx,led"),
    ),
    *_group(
        "Debug",
        ("DEBUG", _ON, "0", "more text on the console", "DEBUG=1"),
        ("DEBUG_SHORT_WEB_CONFIG_TIME", _ON, "0", "set-up page for 2 s only, not 120",
         "DEBUG_SHORT_WEB_CONFIG_TIME=1"),
        ("DEBUG_STACK_TRACE", _ON, "1", "command stack_trace", "DEBUG_STACK_TRACE=0"),
        ("ECHO_SECRETS", _ON, "0", "replies repeat passwords, as old servers expect",
         "ECHO_SECRETS=1"),
    ),
]  # fmt: skip

# MeterLogger's flags that say nothing about this hardware; accepted so that its lines work.
WITHOUT_MEANING = {
    "EXT_SPI_RAM_IS_NAND": "MeterLogger's external memory",
    "FLAVOR": "MeterLogger's tool chain",
}

# Variables of one run, for the tools; no part of the device's configuration.
RUN = {
    "ARCH": "machine code: xtensawin, rv32imc, bytecode; x86, x64 for the simulator; "
            "default: the board's",
    "PORT": "board to flash: /dev/ttyUSB0, socket://host:port, whatever mpremote takes",
    "ESPPORT": "the same as PORT",
    "BAUDRATE": "of MeterLogger's flash tool; the console's is always 115200",
    "OUT": "folder of the build, build/device by default",
    "IMAGE": "file that make image writes, build/image.bin by default",
    "FIRMWARE": "MicroPython image: make flash writes it first, make image joins the files to it",
    "FLASH_SIZE": "make image: flash memory of the board, as 8M; default: as FIRMWARE says",
    "ERASE": "make flash: 1 erases all of the flash memory before FIRMWARE is written",
    "MONITOR": "make flash: 1 shows the console afterwards",
    "SECONDS": "how long make sim runs",
    "UART": "make sim: tcp:host:port of an outside meter",
    "FRAMES": "make sim: file of captured frames to replay",
    "SIM_DIR": "make sim: folder that keeps the flash between runs",
    "ARGS": "arguments for pytest and the bench",
    "MICROPYTHON": "host MicroPython to use instead of build/micropython",
    "PYTHON": "python3 for make setup",
    "SUITE": "make setup: Debian suite of MicroPython's source",
    "CC32": "make setup: compiler for 32 bits",
    "DEBIAN_MIRROR": "make setup: mirror to use",
    "UMETER_FUZZ": "make soak: examples per test",
    "V": "a switch of MeterLogger's make for more output",
}  # fmt: skip

BY_NAME = {flag.name: flag for flag in FLAGS}
