# uMeter - the world around the virtual board: wires, pins, radio, flash, power
# MIT license; Copyright (c) 2026 The uMeter authors

"""Everything that the fakes share; this module is the one `world` object.

UMETER_WORLD in the environment describes it (JSON, or the name of a file with JSON); all keys are
optional. Tests in the same process change the attributes below directly.

  chip        "esp32" | "esp32s2" | "esp32s3" | "esp32c3"
  uart        {"1": "tcp:HOST:PORT" | "pty:/dev/pts/N" | "pipe"}; other ids: an open line. How the
              far end is set may stand behind it, "pipe 2400 8E1 inverted"; else it is as the UART
  state       file that carries reset cause, clock and RTC memory over a reset, not a power cut
  nvs         file of the NVS partition
  unique_id   12 hex digits
  aps         [{"ssid", "password", "security", "rssi", "channel", "hidden", "up", "ip",
               "dhcp": false: never an address, "lease": false: the address is lost,
               "refuses": reason code}]
  join_ms     time from connect() to an address;  scan_ms: length of a scan
  napt        true: an image of MicroPython that can forward packets; the stock one cannot
  wrong_key   reason that a wrong password gives: 202 (shown by status()) or 15 (is not)
  dns         {"name" | "name:port": "IP" | "IP:PORT" | {"to", "delay_ms", "error"}}
  stations    [(address,)] of the guests in the board's own network
  ports       {"80": 18080}: where a listener is really found on 127.0.0.1
  adc_uv      {"34": microvolts} that a pin measures
  pulses      {"pin", "per_hour", "length_ms"}: falling pulses on an input
  blocks      of the flash, where the image is not made yet;  cut_at: see _flash.Flash
  control     "HOST:PORT" of a JSON line server that drives pins and radio and hears of outputs
"""

import json
import micropython
import uos
import vfs

import _events
from _events import advance, after, wait  # noqa: F401  (advance: in virtual time only)

IRQ_DEPTH = 8  # MICROPY_SCHEDULER_DEPTH of the ESP32 port; what comes later is dropped silently
host = vfs.VfsPosix()  # files of the machine, also when "/" is the board's flash


def _describe():
    text = uos.getenv("UMETER_WORLD") or "{}"
    if not text.startswith("{"):
        with host.open(text, "r") as f:
            text = f.read()
    return json.loads(text)


config = _describe()
chip = config.get("chip", "esp32")
has_pcnt = chip != "esp32c3"
uart_count = 2 if chip in ("esp32c3", "esp32s2") else 3
unique_id = bytes.fromhex(config.get("unique_id", "240ac4c0ffee"))

reset_cause = 1  # PWRON
rtc_memory = b""
on_device = False  # True: a whole board; a reset ends the process and the runner starts it again
on_restart = None  # f(cause): tests hear of a reset instead

uart_settings = {}  # id -> dict of what the firmware configured
uart_lost = {}  # id -> bytes that a full receive buffer cost
wires = {}  # id -> wire, see _wires

aps = config.get("aps", [{"ssid": "umeter", "password": "umeter-sim"}])
sta = None  # the station interface once network.WLAN() made it; then sockets need its link
ap = None
sockets = 0  # open ones; lwIP has 10

levels = {}  # pin -> level that is on it
outputs = {}  # pin -> level that the board drives
on_output = None  # f(pin, level)
counters = []
irqs = {}  # pin -> (handler, Pin, trigger)
irq_dropped = 0
blocked = False  # True: inside a long C call, soft interrupts wait
_queue = []


def pump_irqs(_=None):
    """Runs the soft interrupts that wait; on the chip the VM does it between two bytecodes."""
    while _queue and not blocked:
        handler, pin, _trigger = _queue.pop(0)
        handler(pin)


def drive(pin, level):
    """Puts `level` on a pin from outside: counters count, an interrupt is queued or dropped."""
    global irq_dropped
    level = 1 if level else 0
    if levels.get(pin, 1 - level) == level:
        return
    levels[pin] = level
    for counter in counters:
        counter._edge(pin, level)
    irq = irqs.get(pin)
    if irq is None or not irq[2] & (1 if level else 2):
        return
    if len(_queue) >= IRQ_DEPTH:
        irq_dropped += 1
        return
    _queue.append(irq)
    if not blocked:
        _kick()


def _kick():
    if _events.VIRTUAL:
        pump_irqs()
    else:  # from the hardware thread; a full VM queue already holds a call that will drain ours
        try:
            micropython.schedule(pump_irqs, None)
        except RuntimeError:
            return


def output(pin, level):
    """The board drives a pin."""
    outputs[pin] = levels[pin] = level
    if on_output:
        on_output(pin, level)


def stall(ms):
    """Virtual time: the chip sits in a C call (DNS, flash) for `ms`; soft interrupts wait."""
    global blocked
    blocked = True
    try:
        advance(ms)
    finally:
        blocked = False
    pump_irqs()


def wire(uart_id):
    """The wire on a UART; made when first asked for."""
    if uart_id not in wires:
        import _wires

        wires[uart_id] = _wires.make(config.get("uart", {}).get(str(uart_id), ""))
    return wires[uart_id]


def restart(cause, raw_repl=False):
    """The chip resets. `cause` as machine.reset_cause() tells it afterwards."""
    if on_restart:
        on_restart(cause)
    elif on_device:
        _save_state(cause, raw_repl)
        uos.system("kill -USR2 $PPID")  # the runner takes this signal for a reset
    raise SystemExit


def power_cut():
    """The supply is gone: nothing is saved."""
    uos.system("kill -KILL $PPID")


def _save_state(cause, raw_repl):
    import time

    path = config.get("state")
    if path:
        state = {"cause": cause, "raw": raw_repl, "clock": time._base, "memory": rtc_memory.hex()}
        with host.open(path, "w") as f:
            json.dump(state, f)


def load_state():
    """What a reset left for us (dict), {} after a power cut; the file goes, so it counts once."""
    global reset_cause, rtc_memory
    try:
        with host.open(config["state"], "r") as f:
            state = json.load(f)
    except (KeyError, OSError):
        return {}
    host.remove(config["state"])
    import time

    reset_cause, rtc_memory = state["cause"], bytes.fromhex(state["memory"])
    time._base = state["clock"]
    return state


def _pulse(phase):
    pulses = config["pulses"]
    period = 3600000 // pulses["per_hour"]
    length = min(pulses.get("length_ms", 100), period // 2)
    drive(pulses["pin"], phase)
    after(period - length if phase else length, _pulse, 1 - phase)


if "pulses" in config:
    after(1000, _pulse, 0)
if "control" in config:
    import _control

    _control.start(config["control"])
