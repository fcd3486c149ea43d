# uMeter - what a HAN meter has said so far: latest values with their age, check of the energy
# MIT license; Copyright (c) 2026 The uMeter authors

# Most meters send the powers every few seconds and the energies once an hour. A value stays what
# it was until the next one, so each has its own age.

from micropython import const

from firmware.reading import Reading, rescale

_SHORTEST_S = const(3000)  # what the energy is compared over: an hourly list may come early
_LONGEST_GAP_S = const(300)  # without power for longer, nothing is known about the energy
_LEAST_WH = const(100)  # less is mostly the counter's resolution


class Latest:
    """Merges the Readings of one meter."""

    def __init__(self):
        self.values = {}  # name -> Quantity or text
        self._uptimes = {}
        self._derived = set()
        self._check = EnergyCheck()

    def update(self, reading):
        """Takes a Reading; a diagnostic in words, "" if there is nothing to say."""
        for name in reading.values:
            self.values[name] = reading.values[name]
            self._uptimes[name] = reading.uptime
            if name in reading.derived:
                self._derived.add(name)
            else:
                self._derived.discard(name)
        return self._check.update(
            reading.uptime,
            reading.values.get("active_power_import_w"),
            reading.values.get("active_energy_import_wh"),
        )

    def whole(self, reading):
        """The Reading with all that came before it. It shares what update() changes."""
        return self._merged(reading, self.values)

    def since(self, reading, uptime):
        """The Reading with all that came at or after `uptime`."""
        values = {name: self.values[name] for name in self.values if self._uptimes[name] >= uptime}
        return self._merged(reading, values)

    def _merged(self, reading, values):
        return Reading(
            reading.kind, reading.serial, reading.uptime, values, reading.time, reading.notes,
            self._derived, self._uptimes,
        )  # fmt: skip


class EnergyCheck:
    """Tells a counter that runs ten times too fast or too slow from the power in between.

    Kamstrup's lists do not say whether they count Wh or 10 Wh.
    """

    def __init__(self):
        self._restart(0, None)
        self._power = None  # W, of the last list that had it
        self._uptime = 0

    def _restart(self, uptime, energy):
        self._energy = energy  # Wh, where the sum began; None: not yet
        self._began = uptime
        self._sum_ws = 0

    def update(self, uptime, power, energy):
        """power, energy: Quantity or None. Diagnostic in words, "" if all is well."""
        gap = uptime - self._uptime
        if self._power is not None and gap <= _LONGEST_GAP_S:
            self._sum_ws += self._power * gap
        elif self._energy is not None:
            self._restart(uptime, None)
        self._uptime = uptime
        if power is not None:
            self._power = rescale(power.mantissa, power.exponent, 0)
        if energy is None:
            return ""
        counter = rescale(energy.mantissa, energy.exponent, 0)
        if self._energy is None:
            self._restart(uptime, counter)
        elif uptime - self._began >= _SHORTEST_S:
            hint = self._compare(counter - self._energy)
            self._restart(uptime, counter)
            return hint
        return ""

    def _compare(self, counted):
        expected = self._sum_ws // 3600
        if expected < _LEAST_WH or counted < 0:
            return ""
        if 7 * expected <= counted <= 14 * expected:
            return "energy grew 10 times as much as the power says: factor kWh 0.1?"
        if 7 * counted <= expected <= 14 * counted:
            return "energy grew a tenth of what the power says: factor kWh 10?"
        return ""
