# uMeter - machine.Pin and machine.Counter of the virtual board
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP32 port: interrupts are always soft, wait in the VM's queue of 8 and are dropped silently when
# it is full; irq() knows no `hard`. Counter (from 1.26 on) counts in hardware and loses nothing.

from umachine import PinBase

import world

_INPUT_ONLY = (34, 35, 36, 37, 38, 39)  # ESP32; the other chips have none


class Pin(PinBase):
    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_DOWN, PULL_UP = 1, 2
    IRQ_RISING, IRQ_FALLING = 1, 2
    WAKE_LOW, WAKE_HIGH = 4, 5
    DRIVE_0, DRIVE_1, DRIVE_2, DRIVE_3 = 0, 1, 2, 3

    def __init__(self, id, *args, **kwargs):
        if isinstance(id, Pin):
            id = id._id
        if not isinstance(id, int) or not 0 <= id < 49:
            raise ValueError("invalid pin")
        self._id = id
        self._out = False
        self.init(*args, **kwargs)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if mode in (Pin.OUT, Pin.OPEN_DRAIN):
            if world.chip == "esp32" and self._id in _INPUT_ONLY:
                raise ValueError("pin can only be input")
            self._out = True
            world.output(self._id, 1 if value else 0 if value is not None else self.value())
        elif mode == Pin.IN:
            self._out = False
        if pull in (Pin.PULL_UP, Pin.PULL_DOWN) and not self._out:
            world.levels.setdefault(self._id, int(pull == Pin.PULL_UP))

    def value(self, level=None):
        if level is None:
            return world.levels.get(self._id, 0)
        if self._out:
            world.output(self._id, 1 if level else 0)

    def __call__(self, level=None):
        return self.value(level)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(1 - self.value())

    def irq(self, handler=None, trigger=3, wake=None):
        if handler is None:
            world.irqs.pop(self._id, None)
        else:
            world.irqs[self._id] = (handler, self, trigger)


class Counter:
    """Counts edges on a pin, for ever; deleted from machine where the chip has no PCNT."""

    UP, DOWN = 1, 2
    RISING, FALLING = 1, 2
    _taken = {}

    def __new__(cls, id, *args, **kwargs):
        if id not in cls._taken:
            if not 0 <= id < (8 if world.chip == "esp32" else 4):
                raise ValueError("invalid id")
            cls._taken[id] = object.__new__(cls)
        return cls._taken[id]

    def __init__(self, id, *args, **kwargs):
        self._count = 0
        if self not in world.counters:
            world.counters.append(self)
        self.init(*args, **kwargs)

    def init(self, src=None, *, edge=1, direction=1, filter_ns=0):
        # The filter ends at 12.8 us: longer than any bounce here is short, so it changes nothing.
        if src is not None:
            self._pin = src._id
        self._edges = edge
        self._step = 1 if direction == Counter.UP else -1

    def deinit(self):
        if self in world.counters:
            world.counters.remove(self)

    def _edge(self, pin, level):
        if pin == self._pin and self._edges & (1 if level else 2):
            self._count += self._step

    def value(self, new=None):
        count = self._count
        if new is not None:
            self._count = new
        return count
