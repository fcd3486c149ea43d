# uMeter - the whole firmware in a radio that comes and goes: on line again, no sample lost
# MIT license; Copyright (c) 2026 The uMeter authors

import contextlib
import time

import pytest

from tests.e2e.test_commands import Device
from tools.meterctl.link import Link, parse_broker

HOME = {"ssid": "virtual", "password": "", "rssi": -61, "channel": 6}
SPARE = {"ssid": "spare", "password": "spare-pass", "rssi": -80, "channel": 1}
BACK_S = 60


class Radio(Device):
    """order(aps): what is in the air from now on."""

    @contextlib.contextmanager
    def board(self):
        with super().board() as board:
            self.order = lambda *aps: board.order(aps=list(aps))
            self.resets = lambda: board.resets
            yield board

    def on_line(self, ssid):
        """Once it says that it is in this network, and answers."""
        end = time.monotonic() + BACK_S
        while not self.is_in(ssid) or not self.answers():
            assert time.monotonic() < end, "\n".join(self.lines[-40:])

    def is_lost(self):
        end = time.monotonic() + BACK_S
        while "connected" in self.last():
            assert time.monotonic() < end, "it does not see that its network is gone"
            time.sleep(0.1)

    def is_in(self, ssid):
        time.sleep(0.1)
        return "connected to %s as" % ssid in self.last()

    def answers(self):
        """What was said while it had no link is lost: servers repeat it, too."""
        self.send("ping")
        got = self.receive(2)
        while got and got[0] != "ping":
            got = self.receive(2)
        return bool(got)

    def last(self):
        """What the station said last."""
        said = [line for line in self.lines if "wifi: " in line and "network" not in line]
        return (said or [""])[-1]


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    with Radio(tmp_path_factory.mktemp("radio")).running() as running:
        yield running


def test_radio(device):
    """Vanishes and moves its channel; another password, so the fallback serves; all is well."""
    with Link(*parse_broker(device.link.name), ["/sample/v2/+/+"]) as samples:
        device.ask("set_fallback", b"ssid=spare&pwd=spare-pass")
        device.on_line("virtual")
        device.order(dict(HOME, up=False))
        device.is_lost()
        device.order(dict(HOME, channel=11))
        device.on_line("virtual")
        device.order(dict(HOME, up=False))
        time.sleep(1)
        device.order(dict(HOME, password="changed-it"), SPARE)
        device.on_line("spare")
        device.order(dict(HOME, password="changed-it"))
        time.sleep(2)
        device.order(HOME, SPARE)
        device.on_line("virtual")
        time.sleep(3)
        times = []
        while True:
            got = samples.receive(1)
            if got is None or len(times) > 500:
                break
            times.append(int(got[0].rsplit("/", 1)[1]))
    times = sorted(set(times))
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    # The pace is 2 s, and later where the machine is slow; each outage lasted for longer.
    assert len(times) > 5 and max(gaps) < 8, gaps
    assert device.resets() == 0 and int(device.ask("disconnect_count")) >= 3
