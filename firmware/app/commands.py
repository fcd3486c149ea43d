# uMeter - the commands that this device obeys, and who answers
# MIT license; Copyright (c) 2026 The uMeter authors

import config


def model(app):
    """<MicroPython>-<version>-<model>: servers look for the model's tokens."""
    return "%s-%s-%s" % (app.board.platform(), config.VERSION, config.MODEL)


def add_commands(app):
    add = app.commands.add
    add("ping", lambda text: "")
    add("version", lambda text: model(app))
    add("uptime", lambda text: str(app.clock.uptime()))
    add("reset_reason", lambda text: _reset_reason(app.board.reset_reason))
    add("mem", lambda text: "heap=%d" % app.board.free_heap())
    if config.METER == "impulse":
        add("save", lambda text: _save(app.meter.meter))


def _save(meter):
    meter.save()
    return "saved"


def _reset_reason(reason):
    # The exception registers of the ESP8266 have no like here; servers read the reason.
    text = "reason=%d&exccause=0" % reason
    for register in ("epc1", "epc2", "epc3", "excvaddr", "depc"):
        text += "&%s=0x00000000" % register
    return text
