# uMeter - pins, counters, clock, NVS, watchdog and radio of the virtual board in real time
# MIT license; Copyright (c) 2026 The uMeter authors
# heap: 160k

import os
import time

import esp32
import machine
import network
import world

Pin = machine.Pin


def test_a_soft_interrupt_comes_and_a_full_queue_drops():
    seen = []
    pin = Pin(5, Pin.IN, Pin.PULL_UP)
    pin.irq(lambda p: seen.append(p.value()), Pin.IRQ_FALLING)
    assert pin.value() == 1
    world.drive(5, 0)
    assert seen == [0]
    world.blocked = True  # as inside a long C call
    for _ in range(12):
        world.drive(5, 1)
        world.drive(5, 0)
    assert seen == [0] and world.irq_dropped == 4
    world.blocked = False
    world.pump_irqs()
    assert len(seen) == 9
    pin.irq(None)
    world.drive(5, 1)
    world.drive(5, 0)
    assert len(seen) == 9


def test_hard_interrupts_are_refused():
    try:
        Pin(5, Pin.IN).irq(print, Pin.IRQ_FALLING, hard=True)
        assert False
    except TypeError:
        pass


def test_outputs_and_input_only_pins():
    led = Pin(2, Pin.OUT, value=1)
    assert world.outputs[2] == 1
    led.toggle()
    assert world.outputs[2] == 0 and led() == 0
    machine.Signal(led, invert=True).on()
    assert world.outputs[2] == 0
    try:
        Pin(34, Pin.OUT)
        assert False
    except ValueError:
        pass


def test_counter_counts_what_it_was_told():
    pin = Pin(4, Pin.IN, Pin.PULL_UP)
    counter = machine.Counter(0, pin, edge=machine.Counter.FALLING)
    for _ in range(70000):  # more than the hardware's 16 bits
        world.drive(4, 0)
        world.drive(4, 1)
    assert counter.value() == 70000
    assert counter.value(5) == 70000 and counter.value() == 5


def test_pulses_of_the_world_arrive_by_themselves():
    counter = machine.Counter(1, Pin(13, Pin.IN, Pin.PULL_UP), edge=machine.Counter.FALLING)
    world.config["pulses"] = {"pin": 13, "per_hour": 36000, "length_ms": 40}  # every 100 ms
    start = time.ticks_ms()
    world._pulse(0)
    while counter.value() < 5:
        time.sleep_ms(10)
        assert time.ticks_diff(time.ticks_ms(), start) < 20000
    assert time.ticks_diff(time.ticks_ms(), start) >= 390


def test_clock_starts_at_zero_and_counts_from_2000():
    assert time.time() < 60 and time.gmtime(0) == (2000, 1, 1, 0, 0, 0, 5, 1)
    machine.RTC().datetime((2026, 11, 21, 0, 12, 30, 5, 0))
    assert time.gmtime()[:4] == (2026, 11, 21, 12)
    assert time.mktime((2026, 11, 21, 12, 30, 5, 0, 0)) <= time.time()
    for moment in (0, 68169600, 856569599, 1000000000):
        assert time.mktime(time.gmtime(moment)) == moment


def test_rtc_memory_is_bounded():
    rtc = machine.RTC()
    rtc.memory(b"x" * 2048)
    assert len(rtc.memory()) == 2048
    try:
        rtc.memory(bytes(2049))
        assert False
    except ValueError:
        assert len(rtc.memory()) == 2048


def test_nvs():
    store = esp32.NVS("umeter")
    store.set_i32("count", -5)
    store.set_blob("key", b"\x00\x01")
    buf = bytearray(4)
    assert esp32.NVS("umeter").get_i32("count") == -5
    assert store.get_blob("key", buf) == 2 and buf == b"\x00\x01\x00\x00"
    store.erase_key("count")
    for wrong in (
        lambda: store.get_i32("count"),
        lambda: store.get_i32("key"),
        lambda: store.set_i32("a_key_too_long_x", 1),
        lambda: esp32.NVS("a_name_space_too_long"),
    ):
        try:
            wrong()
            assert False
        except OSError:
            pass


def test_timer():
    fired = []
    timer = machine.Timer(0, mode=machine.Timer.PERIODIC, period=20, callback=fired.append)
    start = time.ticks_ms()
    while len(fired) < 3:
        time.sleep_ms(5)
        assert time.ticks_diff(time.ticks_ms(), start) < 10000
    timer.deinit()
    count = len(fired)
    time.sleep_ms(100)
    assert len(fired) == count and fired[0] is timer


def test_reset_tells_the_world():
    causes = []
    world.on_restart = causes.append
    for restart in (machine.reset, machine.soft_reset):
        try:
            restart()
            assert False
        except SystemExit:
            pass
    assert causes == [machine.HARD_RESET, machine.SOFT_RESET]
    assert machine.reset_cause() == machine.PWRON_RESET


def test_radio():
    world.config["scan_ms"] = world.config["join_ms"] = 20
    world.aps.append({"ssid": "other", "rssi": -80, "channel": 11, "bssid": "aabbccddeeff"})
    station = network.WLAN(network.WLAN.IF_STA)
    assert station is network.WLAN(network.STA_IF)
    try:
        station.connect("umeter", "umeter-sim")
        assert False
    except OSError:
        pass  # not active
    station.active(True)
    assert (b"other", b"\xaa\xbb\xcc\xdd\xee\xff", 11, -80, 0, False) in station.scan()
    station.connect("nobody", "x")
    try:
        station.connect("umeter", "umeter-sim")
        assert False
    except OSError:
        pass  # the driver is busy connecting
    time.sleep_ms(30)
    assert station.status() == network.STAT_NO_AP_FOUND
    station.disconnect()
    station.config(reconnects=0)
    station.connect("umeter", "wrong")
    time.sleep_ms(30)
    assert station.status() == network.STAT_WRONG_PASSWORD
    station.connect("umeter", "umeter-sim")  # reconnects=0: the driver has given up, so it is free
    time.sleep_ms(30)
    assert station.isconnected() and station.ifconfig()[0] == "192.168.1.77"
    assert station.status("rssi") == -60 and station.config("mac") == machine.unique_id()
    world.aps[0]["up"] = False
    assert station.status() == network.STAT_BEACON_TIMEOUT
    time.sleep_ms(50)
    assert not station.isconnected()


def refuses(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return True
    return False


def test_what_the_radio_refuses():
    station = network.WLAN()
    station.active(True)
    for code in ("D", "DNK"):
        assert refuses(ValueError, network.country, code)
    assert refuses(ValueError, network.hostname, "h" * 33)
    network.country("DK")
    network.hostname("h" * 32)
    no_name_server = ("10.0.0.9", "255.255.255.0", "0.0.0.0", "0.0.0.0")
    assert refuses(RuntimeError, station.ifconfig, no_name_server)
    station.connect("umeter", "umeter-sim")
    assert refuses(OSError, station.config, reconnects=0)  # the driver is busy connecting
    station.disconnect()
    station.config(reconnects=0)


def test_access_point():
    ap = network.WLAN(network.WLAN.IF_AP)
    ap.active(True)
    ap.config(ssid="KAM_1234567", key="0123456789abcdef", security=network.WLAN.SEC_WPA2)
    assert ap.ifconfig()[0] == "192.168.4.1" and ap.config("ssid") == "KAM_1234567"
    assert ap.status("stations") == [] and not ap.isconnected()
    for wrong in ({"nonsense": 1},):
        try:
            ap.config(**wrong)
            assert False
        except ValueError:
            pass


def test_os_is_the_chips():
    assert os.uname().sysname == "esp32" and not hasattr(os, "system")
