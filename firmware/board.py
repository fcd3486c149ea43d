# uMeter - the chip and the board: the only module that imports machine and network
# MIT license; Copyright (c) 2026 The uMeter authors

import gc
import sys
import time
from binascii import crc32, hexlify
from micropython import const

import esp
import machine
import network

_EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0  # of the port, in unix seconds
_WATCHDOG_MS = 120000  # longer than any meter's worst exchange, and than a TLS handshake
_SPIKE_NS = 12000  # pulses that the counter's hardware may pass over; it can do 12787
_TURN_MS = 500  # MeterLogger turns its chip (MCP1316) each second [its section 9.2]
_RXBUF = 1024  # bytes, of a meter that is asked: the longest reply

_SEAL = const(0x754D)  # no other program's marks are ours
STARTED, EXCEPTION, ORDERED, OFFLINE = 0, 2, 4, 7  # why restart(); numbers as below

# machine.reset_cause() -> the number that servers of MeterLogger know (its README, reset_reason)
_REASONS = {
    machine.PWRON_RESET: 0,
    machine.HARD_RESET: 6,
    machine.WDT_RESET: 1,
    machine.DEEPSLEEP_RESET: 5,
    machine.SOFT_RESET: 4,
}


class _PinCounter:
    """For chips without a counter. Interrupts are soft, eight may wait: more pulses in one stall
    of the loop are lost."""

    def __init__(self, pin):
        self._count = 0
        pin.irq(self._edge, machine.Pin.IRQ_FALLING)

    def _edge(self, pin):
        self._count += 1

    def value(self):
        return self._count


class Board:
    """Pins, UART, radio, watchdog and facts of the chip, as the configuration wires them."""

    def __init__(self, config):
        self._config = config
        self._watchdog = None
        self._turning = None  # timer of the watchdog chip
        self._level = 0  # of the pin to it
        cause = machine.reset_cause()
        self.reset_reason = _REASONS.get(cause, -1)
        self.failures = 0  # starts before this one that came to nothing, in a row
        marks = machine.RTC().memory()  # survives a reset, and the loss of power as noise
        if cause in (machine.HARD_RESET, machine.WDT_RESET) and marks == _sealed(marks[:2]):
            self.failures = marks[1]
            if marks[0] and cause == machine.HARD_RESET:
                self.reset_reason = marks[0]

    @property
    def uart_invert(self):
        """The UART's mask of lines that the board's circuit turns over."""
        invert = 0
        if "rx" in self._config.INVERTED:
            invert |= machine.UART.INV_RX
        if "tx" in self._config.INVERTED:
            invert |= machine.UART.INV_TX
        return invert

    def uart(self, baudrate, bits, parity, stop, rxbuf=_RXBUF):
        """The meter's UART; parity None, 0 (even) or 1 (odd). Reads never wait."""
        pins = self._config.PINS
        return machine.UART(
            self._config.UART_ID,
            baudrate=baudrate,
            bits=bits,
            parity=parity,
            stop=stop,
            tx=pins["tx"],
            rx=pins["rx"],
            rxbuf=rxbuf,
            txbuf=256,
            timeout=0,
            timeout_char=0,
            invert=self.uart_invert,
        )

    def _pulse_pin(self):
        return machine.Pin(self._config.PINS["pulse"], machine.Pin.IN, machine.Pin.PULL_UP)

    def pulse_counter(self, at_end=False):
        """Object whose value() grows by one with each low pulse, at its first edge.

        at_end: at its second one; None on a chip without a counter.
        """
        pin = self._pulse_pin()
        if hasattr(machine, "Counter"):  # a peripheral: counts through every stall
            edge = machine.Counter.RISING if at_end else machine.Counter.FALLING
            return machine.Counter(0, pin, edge=edge, filter_ns=_SPIKE_NS)
        return None if at_end else _PinCounter(pin)

    def on_pulse_edges(self, call):
        """call(level) in a soft interrupt at each edge of the pulse pin -> f() that tells it."""
        pin = self._pulse_pin()
        pin.irq(lambda pin: call(pin.value()), machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING)
        return pin.value

    def output(self, role):
        """f(level) of an output pin, low from now on; None if the board has none of that role.

        Level 1 lets current flow, whatever the pin's own sense.
        """
        gpio = self._config.PINS.get(role)
        if gpio is None:
            return None
        inverted = role in self._config.INVERTED
        pin = machine.Pin(gpio, machine.Pin.OUT, value=int(inverted))
        return lambda level: pin.value(1 - level if inverted else level)

    def button(self):
        """f() -> True while it is pressed; None if the board has none."""
        gpio = self._config.PINS.get("button")
        if gpio is None:
            return None
        pressed = int("button" in self._config.INVERTED)
        pull = machine.Pin.PULL_DOWN if pressed else machine.Pin.PULL_UP
        pin = machine.Pin(gpio, machine.Pin.IN, pull)
        return lambda: pin.value() == pressed

    def flash_size(self):
        """Bytes."""
        return esp.flash_size()

    def supply_mv(self):
        """Supply voltage where it is wired to a pin (vdd), in mV; None where it is not."""
        gpio = self._config.PINS.get("vdd")
        if gpio is None:
            return None
        adc = machine.ADC(machine.Pin(gpio), atten=machine.ADC.ATTN_11DB)  # up to 2.4 V at least
        return adc.read_uv() // 1000 * self._config.VDD_SCALE // 100

    def slow_down(self):
        """The lowest clock that the radio works with: half the current of the processor."""
        machine.freq(80000000)

    def station(self):
        """The radio as a client of an access point."""
        return network.WLAN(network.WLAN.IF_STA)

    def access_point(self):
        """The radio as an access point."""
        return network.WLAN(network.WLAN.IF_AP)

    def set_hostname(self, name):
        """At most 32 bytes. DHCP and mDNS tell it from the next connection on."""
        network.hostname(name)

    def set_country(self, code):
        """Two letters. The ESP32 port of MicroPython takes it, and does nothing with it."""
        network.country(code)

    def set_dns(self, address):
        if network.ipconfig("dns") != address:
            network.ipconfig(dns=address)

    def start_watchdog(self, timeout_ms=_WATCHDOG_MS):
        """It cannot be stopped; started again it takes the new timeout."""
        self._watchdog = machine.WDT(timeout=timeout_ms)
        self._patience_ms = timeout_ms
        self._fed = time.ticks_ms()
        if self._config.PINS.get("watchdog") is not None and self._turning is None:
            turn = self.output("watchdog")
            self._turning = machine.Timer(1)
            self._turning.init(period=_TURN_MS, callback=lambda timer: self._turn(turn))

    def feed_watchdog(self):
        if self._watchdog:
            self._watchdog.feed()
            self._fed = time.ticks_ms()

    def _turn(self, turn):
        """A chip beside ours wants to see edges; it sees them while the other watchdog is fed."""
        if time.ticks_diff(time.ticks_ms(), self._fed) < self._patience_ms:
            self._level = 1 - self._level
            turn(self._level)

    def set_clock(self, unix):
        """Sets the chip's clock, which TLS and the file system look at."""
        year, month, day, hour, minute, second, weekday, _ = time.gmtime(unix - _EPOCH)
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))

    def free_heap(self):
        return gc.mem_free()

    def chip_id(self):
        return hexlify(machine.unique_id()[-3:]).decode()

    def platform(self):
        """ "1.26.1": the version of MicroPython."""
        return ".".join(str(part) for part in sys.implementation[1][:3])

    def begin(self):
        """From now on a reset that nobody has ordered is a failure, until settle()."""
        self.failures += 1
        self._mark(STARTED)

    def settle(self):
        """This start is a good one."""
        self.failures = 0
        self._mark(STARTED)

    def restart(self, reason=ORDERED):
        """reason: what reset_reason tells afterwards."""
        if reason != EXCEPTION:
            self.failures = 0
        self._mark(reason)
        machine.reset()

    def _mark(self, reason):
        machine.RTC().memory(_sealed(bytes((reason, min(self.failures, 255)))))


def _sealed(marks):
    return marks + crc32(marks, _SEAL).to_bytes(4, "big")
