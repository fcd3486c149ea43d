# uMeter - the radio's way into a network: scan, one try after the other, an address
# MIT license; Copyright (c) 2026 The uMeter authors

# MicroPython's ESP32 port, network_wlan.c. Its own endless tries are off (reconnects=0): they
# would fight with ours, and with the access point for the channel. status() may still tell the
# reason of a try before; so a try has failed when the reason changes, or when its time is over
# without an association, which status("rssi") tells. Scanning blocks two seconds: a thread does
# it, without the GIL; one, however long it hangs.

import _thread
import asyncio
from micropython import const

from firmware.net import wifi_words

_LOOK_MS = const(100)
_CALM_MS = const(100)  # disconnect() ends in the driver's task
_JOIN_MS = const(8000)  # the network is found, and takes us
_ADDRESS_MS = const(12000)  # DHCP
_SCAN_MS = const(15000)
_LEAST_DBM = const(2)  # less is an error to the driver
_ROUND_S = const(12)
_CONNECTING = const(1001)
_IDLE = const(1000)
_NOWHERE = "0.0.0.0"
_NO_RSSI = const(31)
_NOT_TRIED = const(1)  # reasons of our own, see wifi_words
_NO_ADDRESS = const(300)


async def find(wifi):
    """Tries until a network takes us. -> (network, better ones), or None: the radio shall be off,
    or nothing is left to try. wifi: see firmware/net/wifi.py."""
    _start(wifi)
    while not wifi.is_off:
        found = await _trial(wifi) if wifi.trial else await _round(wifi)
        if found:
            return found
        if wifi.is_idle():
            return None
    return None


def _start(wifi):
    """Switches the radio on."""
    settings, wlan, board = wifi.settings, wifi.wlan, wifi.board
    if settings["country"]:
        board.set_country(settings["country"])
    # before connect(): DHCP and mDNS tell it. The chip's id is known before the meter answers.
    board.set_hostname(settings["hostname"] or "umeter-" + board.chip_id())
    wlan.active(True)
    wlan.config(reconnects=0)
    wlan.config(pm=wlan.PM_POWERSAVE if settings["power_save"] else wlan.PM_PERFORMANCE)
    if settings["tx_power"]:
        wlan.config(txpower=max(_LEAST_DBM, settings["tx_power"]))


async def _trial(wifi):
    network, wifi.trial = wifi.trial, None
    wifi.again = False
    reason = await _connect(wifi, network)
    wifi.changes = {}
    wifi.outcome = wifi_words.word(reason) if reason else "connected"
    return None if reason else _arrived(wifi, network)


async def _round(wifi):
    """Each network once, then a rest."""
    networks, fallback = wifi.known(), wifi.fallback()
    several = len(networks) + bool(fallback) > 1
    first = wifi.last if wifi.last in networks else None
    if wifi.again or not first:
        wifi.again = False
        first = networks[0] if networks else fallback
    if several and not _is_good(wifi, first):
        first = None
    if wifi.scan_wanted:
        await scan(wifi)
    if first and not await _connect(wifi, first):
        return _arrived(wifi, first)
    if several and not wifi.is_urgent():
        plan, began = wifi.plan, wifi.clock.uptime()
        order = [network for network in plan.postponed if network in networks + [fallback]]
        if not order:
            seen = await scan(wifi)
            order = plan.order(networks, fallback, seen, began)
        plan.postponed = []
        for i, network in enumerate(order):
            if wifi.clock.uptime() - began >= _ROUND_S:
                plan.postponed = order[i:]  # the best one gets its turn first
                break
            if wifi.scan_wanted:
                await scan(wifi)
            if wifi.is_urgent():
                break
            if not await _connect(wifi, network):
                return _arrived(wifi, network)
    await wifi.rest()
    return None


def _is_good(wifi, network):
    """Whether it may be tried before all others. None: there is none."""
    if wifi.plan is None:
        from firmware.net.wifi_plan import Plan

        wifi.plan = Plan()
    now = wifi.clock.uptime()
    if wifi.blamed:
        wifi.plan.blame(wifi.blamed, now)
        wifi.blamed = None
    return network and network[0] not in wifi.plan.shunned(now)


def _arrived(wifi, network):
    networks = wifi.known()
    rank, is_fallback = 0, False
    if network in networks:
        rank = networks.index(network)
    elif network == wifi.fallback():
        rank, is_fallback = len(networks), True
    if wifi.plan is None:
        return network, ()
    wifi.plan.arrived(rank, is_fallback, wifi.clock.uptime())
    return network, [other for other in networks[:rank] if other[0] != network[0]]


async def _connect(wifi, network):
    """One try. -> 0, or the reason why not."""
    ssid, password = network
    wlan = wifi.wlan
    wlan.disconnect()  # a try that hangs would refuse this one
    await asyncio.sleep_ms(_CALM_MS)
    before = wlan.status()
    try:
        _take_address(wifi, ssid)
        wlan.connect(ssid, password or None)
        reason = await _outcome(wifi, before)
    except (OSError, ValueError, RuntimeError):
        reason = _NOT_TRIED
    if not reason:
        return 0
    wlan.disconnect()
    wifi.reason = reason
    if reason == _NO_ADDRESS:
        wifi.disconnects += 1
    if (ssid, reason) not in wifi.said and not wifi.is_urgent():  # they take turns, without end
        wifi.said.append((ssid, reason))
        wifi.log.event("wifi", "no connection to %s: %s" % (ssid, wifi_words.word(reason)))
    return reason


def _take_address(wifi, ssid):
    """The static address is one of the first network's; elsewhere it would fit by chance."""
    names = ("ssid", "ip", "netmask", "gateway", "dns")
    first, ip, netmask, gateway, dns = [
        wifi.changes.get(name, wifi.settings[name]) for name in names
    ]
    fixed = bool(ip) and ssid == first and not wifi.doubt
    if fixed:
        gateway = gateway or _NOWHERE
        dns = dns or gateway
        if dns == _NOWHERE:
            dns = ip  # the driver refuses to have none
        wifi.wlan.ifconfig((ip, netmask, gateway, dns))
    elif wifi.fixed:
        wifi.wlan.ifconfig("dhcp")
    wifi.fixed = fixed


async def _outcome(wifi, before):
    wlan = wifi.wlan
    left_ms = _JOIN_MS
    joined = False
    reason = before
    while left_ms > 0 and not wifi.is_urgent():
        await asyncio.sleep_ms(_LOOK_MS)
        left_ms -= _LOOK_MS
        if wlan.isconnected() and wifi.address != _NOWHERE:
            return 0
        reason = wlan.status()
        if reason == _CONNECTING:
            before = None  # what comes after this is of this try
        elif reason != before:
            return reason if reason != _IDLE else _NOT_TRIED
        hears = wifi.rssi() != _NO_RSSI
        if hears and not joined:
            joined = True
            left_ms = _ADDRESS_MS
        elif joined and not hears:
            return _NOT_TRIED
    if joined:
        return _NO_ADDRESS
    return _NOT_TRIED if reason in (_CONNECTING, _IDLE) else reason


async def scan(wifi):
    """SSIDs around us; None: the radio could not tell. wifi.on_scan hears more, if asked for."""
    if wifi.found is not None:  # else the last one hangs
        wifi.found = None
        try:
            _thread.start_new_thread(_scan_in_thread, (wifi,))
        except (OSError, MemoryError):  # no memory for the stack
            wifi.found = ()
    for _ in range(_SCAN_MS // _LOOK_MS):
        if wifi.found is not None:
            break
        await asyncio.sleep_ms(_LOOK_MS)
    found = wifi.found
    if wifi.scan_wanted:
        wifi.scan_wanted = False
        if not found:
            wifi.log.event("wifi", "the scan found nothing")
        if wifi.on_scan:
            wifi.on_scan(found or ())
    if not found:
        return None
    wifi.found = ()
    return {wifi_words.name(network[0]) for network in found}


def _scan_in_thread(wifi):
    found = ()
    try:
        found = wifi.wlan.scan()
    except (OSError, RuntimeError, MemoryError):  # RuntimeError: what the port has no text for
        found = ()  # the radio is busy, or there is no room; whoever asked asks again
    wifi.found = found
