# uMeter - the rows of the command table: what this device obeys, and who answers
# MIT license; Copyright (c) 2026 The uMeter authors

"""Texts and effects: MeterLogger section 4.5; docs/commands.md shows all of them."""

import asyncio
from micropython import const

import config
from firmware import overlay
from firmware.control.commands import ALL, ASKERS, KEPT, Commands, keep, utf8

_RESTART_S = const(16)
_RECONNECT_S = const(60)  # so long the stored networks are tried


def make_table(app):
    """Every row, by name."""
    commands = Commands()
    add = commands.add
    _add_questions(add, app)
    _add_radio(add, app)
    _add_device(add, app)
    if not config.NO_CRON:
        from firmware.app import cron_commands

        cron_commands.add_rows(add, app)
    if config.METER == "impulse":
        add("save", lambda _, origin: _save(app.meter.meter), changes=True)
    else:
        from firmware.app import valve_commands

        _add_valve(add, app)
        valve_commands.add_rows(add, app.valve)
    return commands


def _add_questions(add, app):
    board = app.board
    add("ping", lambda _, origin: "")
    add("version", lambda _, origin: app.model())
    add("crypto", lambda _, origin: app.model())
    add("uptime", lambda _, origin: str(app.clock.uptime()))
    add("reset_reason", lambda _, origin: app.reset_reason())
    add("mem", lambda _, origin: "heap=%d" % board.free_heap())
    add("chip_id", lambda _, origin: "0x" + board.chip_id())
    add("flash_id", lambda _, origin: "unknown")  # stock MicroPython does not tell it
    add("flash_size", lambda _, origin: "%d kB" % (board.flash_size() // 1024))
    add("vdd", lambda _, origin: _volts(board.supply_mv()))
    if config.DEBUG_STACK_TRACE:
        add("stack_trace", lambda _, origin: _crashes())
    add("rejected", lambda _, origin: _counts(app.reception.rejected))


def _volts(millivolts):
    if millivolts is None:
        return "65.535"  # as MeterLogger says it where no pin measures
    return "%d.%03d" % (millivolts // 1000, millivolts % 1000)


def _counts(counts):
    return "&".join(["%s=%d" % (name.replace(" ", "_"), counts[name]) for name in sorted(counts)])


def _crashes():
    """MeterLogger's word, for nothing has to be armed here; then what is kept."""
    from firmware.crash import told

    text = "enabled\n" + told()
    overlay.free("firmware.crash")
    return text.rstrip()


def _save(meter):
    return "saved" if meter.save() else "not saved: the flash is full or broken"


def _add_radio(add, app):
    settings, wifi = app.settings, app.wifi
    add("rssi", lambda _, origin: str(wifi.rssi()))
    add("ssid", lambda _, origin: settings["ssid"])
    add("wifi_status", lambda _, origin: wifi.status_word())
    add("disconnect_count", lambda _, origin: str(wifi.disconnects))
    add("network_quality", lambda _, origin: _quality(app.session.client, wifi.disconnects))
    add("scan", lambda _, origin: wifi.request_scan())
    add("reconnect", lambda _, origin: _reconnect(app), changes=True, origins=ALL)
    add("set_ssid", lambda text, origin: _store(app, {"ssid": text}, "ssid"), _network, True)
    add("set_pwd", lambda text, origin: _store(app, {"password": text}, "password"), utf8, True)
    add(
        "set_ssid_pwd", lambda changes, origin: _set_both(app, changes),
        lambda text: _both(settings, text), True, ALL,
    )  # fmt: skip
    for name in ("networks", "wifi", "device"):
        add(name, _seldom(app, name))
    add("clear_networks", _seldom(app, "clear_networks"), changes=True)
    for name in ("set_network", "set_fallback", "set_wifi", "set_device"):
        add(name, _seldom(app, name), utf8, True)
    add("set_ap_mesh_pwd", lambda text, origin: _set_extender(app, text), utf8, True)
    add("start_ap", lambda _, origin: _extend(app, True), changes=True, origins=ALL)
    add("stop_ap", lambda _, origin: _extend(app, False), changes=True, origins=ALL)
    add("start_setup", lambda _, origin: _start_setup(app), changes=True)
    add("ap_status", lambda _, origin: _ap_status(app))


def _start_setup(app):
    app.setup.start()
    return app.setup.ssid()


def _seldom(app, name):
    def handler(text, origin):
        from firmware.app.wifi_commands import answer

        try:
            return answer(app.settings, name, text)
        finally:
            overlay.free("firmware.app.wifi_commands", "firmware.control.timezone")

    return handler


def _ap_status(app):
    if not app.settings["ap"]:
        return "stopped"
    if app.setup.open or app.access_point.ssid is None:
        return "started, not on the air"  # the set-up network is, or the driver refused
    return "started" if app.access_point.forwards else "started, this device only: no NAPT"


def _reconnect(app):
    # Nobody answers this one, so servers repeat it every ten seconds: that is no new wish.
    now, generation = app.clock.uptime(), app.settings.generation
    last, seen = app.reconnected or (-_RECONNECT_S, 0)
    if now - last < _RECONNECT_S and seen == generation:
        return
    app.reconnected = now, generation
    app.session.drop()
    app.wifi.reconnect()


def _store(app, changes, name):
    keep(app.settings, changes)
    return _shown(app.settings, name)


def _shown(settings, name):
    """A secret is answered with its length, unless old servers need to see it."""
    value = settings[name]
    if settings.is_secret(name) and not config.ECHO_SECRETS:
        return "%d characters" % len(value)
    return value


def _network(text):
    """Without a name nobody could reach the device any more."""
    name = utf8(text)
    if not name:
        raise ValueError("ssid: must not be empty")
    return name


def _both(settings, text):
    """-> changes of the settings; checked here, so that a job with them is known to work."""
    from firmware.net.wifi_words import unescape

    ssid, found, password = utf8(text).partition("&pwd=")
    if ssid[:5] != "ssid=" or len(ssid) < 6 or not found:
        raise ValueError("ssid=...&pwd=..., not that")
    changes = {"ssid": unescape(ssid[5:]), "password": unescape(password)}
    for name, value in changes.items():
        settings.check(name, value)
    return changes


def _set_both(app, changes):
    from firmware.net.wifi_words import escape

    keep(app.settings, changes)
    password = _shown(app.settings, "password")
    return "ssid=%s&pwd=%s" % (escape(app.settings["ssid"]), escape(password))


def _set_extender(app, text):
    answer = _store(app, {"ap_password": text}, "ap_password")
    app.extend()
    return answer


def _extend(app, on):
    keep(app.settings, {"ap": on})
    app.extend()


def _quality(client, disconnects):
    """The way to the broker and back is that of MQTT's own ping."""
    counters = client.counters if client else None
    if counters is None or not counters.pongs:
        time, loss = "unknown", "unknown"
    else:
        time = "%d.%03d mS" % (counters.ping_us // 1000, counters.ping_us % 1000)
        lost = (counters.pings - counters.pongs) * 10000 // counters.pings
        loss = "%d.%02d%%" % (lost // 100, lost % 100)
    return "ping_response_time=%s&ping_average_packet_loss=%s&disconnect_count=%d" % (
        time, loss, disconnects)  # fmt: skip


def _add_device(add, app):
    add("restart", lambda _, origin: _restart(app), changes=True)
    add("factory_reset", lambda _, origin: _factory_reset(app), changes=True)


def _restart(app):
    asyncio.create_task(_restart_later(app))


async def _restart_later(app):
    await asyncio.sleep(_RESTART_S)
    if config.METER == "impulse":
        app.meter.meter.save()
    app.settings.save()
    app.state.save()
    app.board.restart()


def _factory_reset(app):
    from firmware.app.factory import erase

    if app.settings["cron_jobs"]:
        app.cron.runner.clear()  # it runs for another while
    erase(app)
    overlay.free("firmware.app.factory")
    _restart(app)
    return "settings erased, restarts in %d s" % _RESTART_S


def _add_valve(add, app):
    valve = app.valve
    add("open", lambda _, origin: valve.obey({"valve": True}, origin), changes=KEPT, origins=ALL)
    add("close", lambda _, origin: valve.obey({"valve": False}, origin), changes=KEPT, origins=ALL)
    add("status", lambda _, origin: valve.status())
    add("off", lambda _, origin: valve.actuator.off(), changes=True, origins=ALL)
    add("test", lambda _, origin: valve.actuator.test(), changes=True, origins=ALL)
    add("pwm", lambda value, origin: valve.actuator.pwm(value), _per_mille, True, ASKERS)


def _per_mille(text):
    digits = utf8(text).strip()
    if not 1 <= len(digits) <= 4 or [c for c in digits if not "0" <= c <= "9"]:
        raise ValueError("0 to 1000 per mille, not %r" % digits)
    return int(digits)
