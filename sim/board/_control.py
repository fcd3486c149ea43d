# uMeter - a line to the machine's tests: they drive pins and radio, and hear of outputs
# MIT license; Copyright (c) 2026 The uMeter authors

# JSON lines. To the board: {"pin": 5, "level": 0}, {"aps": [...]}. From the board:
# {"pin": 18, "level": 1} at each change of an output.

import json
import usocket

import world

_POLL_MS = 20


class Control:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self._socket = usocket.socket()
        self._socket.connect(usocket.getaddrinfo(host, int(port))[0][-1])
        self._socket.setsockopt(6, 1, 1)
        self._socket.setblocking(False)
        self._text = b""
        self._chunk = bytearray(64)  # looks come often, and should leave no garbage

    def tell(self, pin, level):
        line = '{"pin": %d, "level": %d}\n' % (pin, level)
        try:
            self._socket.write(line)
        except OSError:
            world.on_output = None  # the test has gone

    def look(self, _):
        count = self._socket.readinto(self._chunk)
        if count == 0:
            return
        if count:
            self._text += self._chunk[:count]
            *lines, self._text = self._text.split(b"\n")
            for line in lines:
                _obey(json.loads(line))
        world.after(_POLL_MS, self.look, None)


def _obey(order):
    if "pin" in order:
        world.drive(order["pin"], order["level"])
    if "aps" in order:
        world.aps[:] = order["aps"]
        if world.sta and world.sta._current:  # the one we are on may have gone
            mine = world.sta._current
            world.sta._current = {"up": False}
            for ap in world.aps:
                if ap["ssid"] == mine["ssid"]:
                    world.sta._current = ap


def start(address):
    control = Control(address)
    world.on_output = control.tell
    world.after(_POLL_MS, control.look, None)
