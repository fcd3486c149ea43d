# uMeter - what each chip can do with its pins, and the boards that the firmware knows
# MIT license; Copyright (c) 2026 The uMeter authors

# Espressif's datasheets: ESP32 section 2.2 and 2.4, ESP32-S2 2.3 and 2.6, ESP32-S3 2.3 and 2.6,
# ESP32-C3 2.2 and 2.6 (pins, strapping pins); technical reference manuals, chapter PCNT.

from collections import namedtuple

# gpios       pins that exist
# flash       pins that the module's flash memory sits on
# input_only  no output driver, no pull-up
# console     pins of UART 0 or of the USB port, where the REPL is
# strapping   pin -> what a wrong level there does at reset
# uarts       with UART 0, which is the console's
# pcnt        has a pulse counter
# adc         pins of ADC 1; ADC 2 and Wi-Fi do not go together
Chip = namedtuple("Chip", "gpios flash input_only console strapping uarts pcnt adc arch")

# vdd_scale   supply voltage in percent of that on the pin vdd
Board = namedtuple("Board", "chip uart_id pins inverted meaning vdd_scale", defaults=(200,))

_DOWNLOAD = "low at reset: the chip waits for a download instead of starting"

CHIPS = {
    "esp32": Chip(
        gpios={*range(0, 20), 21, 22, 23, 25, 26, 27, *range(32, 40)},
        flash=set(range(6, 12)),
        input_only=set(range(34, 40)),
        console={1, 3},
        strapping={
            0: _DOWNLOAD,
            2: "high at reset: the chip cannot be flashed",
            5: "decides at reset about timing, and puts out pulses then",
            12: "high at reset: the flash gets 1.8 V and the chip does not start",
            15: "is pulled up at reset, and low silences the boot messages",
        },
        uarts=3,
        pcnt=True,
        adc=set(range(32, 40)),
        arch="xtensawin",
    ),
    "esp32s2": Chip(
        gpios={*range(0, 22), *range(26, 47)},
        flash=set(range(26, 33)),
        input_only={46},
        console={19, 20, 43, 44},
        strapping={
            0: _DOWNLOAD,
            45: "high at reset: the flash gets 1.8 V and the chip does not start",
            46: "high at reset: the chip cannot be flashed",
        },
        uarts=2,
        pcnt=True,
        adc=set(range(1, 11)),
        arch="xtensawin",
    ),
    "esp32s3": Chip(
        gpios={*range(0, 22), *range(26, 49)},
        flash=set(range(26, 33)),
        input_only=set(),
        console={19, 20, 43, 44},
        strapping={
            0: _DOWNLOAD,
            3: "decides at reset where JTAG is",
            45: "high at reset: the flash gets 1.8 V and the chip does not start",
            46: "high at reset: the chip cannot be flashed",
        },
        uarts=3,
        pcnt=True,
        adc=set(range(1, 11)),
        arch="xtensawin",
    ),
    "esp32c3": Chip(
        gpios=set(range(0, 22)),
        flash=set(range(11, 18)),
        input_only=set(),
        console={18, 19, 20, 21},
        strapping={
            2: "low at reset: the chip may not start",
            8: "low at reset: the chip cannot be flashed",
            9: _DOWNLOAD,
        },
        uarts=2,
        pcnt=False,
        adc=set(range(0, 5)),
        arch="rv32imc",
    ),
}

# What may be wired where: True for what the board drives.
ROLES = {
    "rx": (False, "from the meter"),
    "tx": (True, "to the meter"),
    "led": (True, "light"),
    "led_red": (True, "light for errors; without it the other one shows them"),
    "ac1": (True, "actuator, AC 1"),
    "ac2": (True, "second actuator, AC 2"),
    "pulse": (False, "pulse input"),
    "button": (False, "push button to ground"),
    "watchdog": (True, "trigger of a watchdog chip"),
    "vdd": (False, "supply voltage, through a divider"),
}

# Nothing outside drives these at reset: they may share a strapping pin, and often do.
_HARMLESS = ("led", "led_red", "button")

# Boards for HAN and P1 with an ESP32-S2 and a lamp of two colours to 3.3 V
_POW = {"rx": 16, "tx": 17, "led": 14, "led_red": 13, "button": 0, "vdd": 10}
_POW_DIVIDER = 250  # 33 kOhm above, 22 kOhm below

BOARDS = {
    "esp32": Board(
        "esp32",
        1,
        {"rx": 16, "tx": 17, "led": 2, "ac1": 25, "ac2": 26, "pulse": 27, "button": 0},
        (),
        "any board with an ESP32-WROOM-32 module",
    ),
    "esp32s2": Board(
        "esp32s2",
        1,
        {"rx": 18, "tx": 17, "led": 15, "ac1": 5, "ac2": 6, "pulse": 7, "button": 0},
        (),
        "any board with an ESP32-S2",
    ),
    "esp32s3": Board(
        "esp32s3",
        1,
        {"rx": 18, "tx": 17, "led": 2, "ac1": 5, "ac2": 6, "pulse": 7, "button": 0},
        (),
        "any board with an ESP32-S3",
    ),
    "esp32c3": Board(
        "esp32c3",
        1,
        {"rx": 4, "tx": 5, "led": 8, "ac1": 6, "ac2": 7, "pulse": 10, "button": 9},
        ("led",),
        "any board with an ESP32-C3; no pulse counter, short pulses may be lost",
    ),
    "meterlogger": Board(
        "esp32",
        1,
        {"rx": 22, "tx": 23, "led": 2, "ac1": 14, "ac2": 15, "pulse": 5, "watchdog": 16},
        ("led",),
        "an ESP32 in MeterLogger's place: its pins where the ESP32 has them, LED to 3.3 V",
    ),
    "m5atom": Board(
        "esp32",
        1,
        {"rx": 32, "tx": 26, "ac1": 22, "ac2": 19, "pulse": 23, "button": 39},
        (),
        "M5Stack ATOM Lite: meter at the Grove port; its lamp needs another protocol",
    ),
    "m5atoms3": Board(
        "esp32s3",
        1,
        {"rx": 1, "tx": 2, "ac1": 5, "ac2": 6, "pulse": 7, "button": 41},
        (),
        "M5Stack AtomS3 Lite: meter at the Grove port; its lamp needs another protocol",
    ),
    "olimex": Board(
        "esp32",
        1,
        {"rx": 36, "tx": 4, "ac1": 13, "ac2": 32, "pulse": 14, "button": 34},
        (),
        "Olimex ESP32-POE: meter at the UEXT connector; PoE feeds it, its Ethernet stays unused",
    ),
    "pow-k": Board("esp32s2", 1, _POW, ("led", "led_red"),
                   "Pow-K+ and alike: HAN by M-Bus, fed by the meter", _POW_DIVIDER),
    "pow-u": Board("esp32s2", 1, _POW, ("led", "led_red"),
                   "Pow-U+ and alike: HAN by M-Bus, fed by the meter", _POW_DIVIDER),
    "pow-p1": Board("esp32s2", 1, _POW, ("led", "led_red"),
                    "Pow-P1 and alike: P1 by RJ12, fed by the meter", _POW_DIVIDER),
}  # fmt: skip


def chip_of(board):
    """The Chip on a board of that name."""
    return CHIPS[BOARDS[board].chip]


def check_pin(chip_name, role, gpio):
    """ValueError says why this role cannot be on this pin of this chip."""
    chip = CHIPS[chip_name]
    drives, _ = ROLES[role]
    if gpio not in chip.gpios:
        raise ValueError("%s has no GPIO%d" % (chip_name, gpio))
    if gpio in chip.flash:
        raise ValueError("GPIO%d of %s belongs to its flash memory" % (gpio, chip_name))
    if gpio in chip.console:
        raise ValueError("GPIO%d of %s carries the console" % (gpio, chip_name))
    if drives and gpio in chip.input_only:
        raise ValueError("GPIO%d of %s is an input only" % (gpio, chip_name))
    if gpio in chip.strapping and role not in _HARMLESS:
        raise ValueError(
            "GPIO%d of %s is a strapping pin: %s" % (gpio, chip_name, chip.strapping[gpio])
        )
    if role == "vdd" and gpio not in chip.adc:
        raise ValueError("GPIO%d of %s cannot measure while the radio is on" % (gpio, chip_name))
    if role == "button" and gpio in chip.input_only:
        raise ValueError("GPIO%d of %s has no pull-up for a button" % (gpio, chip_name))
