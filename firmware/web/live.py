# uMeter - the last reading, as a page and as JSON
# MIT license; Copyright (c) 2026 The uMeter authors

import json

from firmware.reading import decimal
from firmware.web.site import escape, json_text

_UNITS = {"C": "\u00b0C", "m3": "m\u00b3", "m3/h": "m\u00b3/h"}


def show(site, request, name):
    """Answer to GET /<name>: live or data.json."""
    host = site.host
    reading, facts = host.reading(), host.facts()
    if name == "data.json":
        return json_text(pieces(reading, facts, host.now()))
    valve = facts.get("valve", "\u2013")
    slots = {"refresh": "", "serial": "no reading yet", "age": "\u2013", "rows": (),
             "valve": "closed" if valve == "close" else valve}  # fmt: skip
    if reading:
        now = host.now()
        slots.update(serial=reading.serial, age="%d s ago" % (now - reading.uptime),
                     rows=draw(reading, now))  # fmt: skip
    return site.page(request, "Live", "live.html", slots)


def values(reading):
    """[(name, text, unit)]; numbers stay exact: their decimal text is JSON as it is."""
    found = []
    for name in sorted(reading.values):
        value = reading.values[name]
        if isinstance(value, (str, bool)):
            found.append((name, json.dumps(value), ""))
        else:
            found.append((name, decimal(value.mantissa, value.exponent), value.unit or ""))
    return found


def pieces(reading, facts, now):
    """Text of /data.json in pieces. reading: None before the first; now: uptime in seconds."""
    yield '{"device":' + json.dumps(facts)
    if reading is None:
        yield "}"
        return
    yield ',"kind":%s,"serial":%s,"time":%d,"age_s":%d,"values":{' % (
        json.dumps(reading.kind), json.dumps(reading.serial), reading.time,
        now - reading.uptime)  # fmt: skip
    comma = ""
    for name, text, unit in values(reading):
        yield '%s"%s":{"value":%s,"unit":%s' % (comma, name, text, json.dumps(unit))
        if reading.uptimes:  # values that came with several telegrams
            yield ',"age_s":%d' % reading.age(name, now)
        yield ',"derived":true}' if name in reading.derived else "}"
        comma = ","
    yield "}}"


def draw(reading, now):
    """Pieces of HTML: a tile for each value."""
    for name, text, unit in values(reading):
        note = "%d s ago" % reading.age(name, now) if reading.uptimes else ""
        if name in reading.derived:
            note += ", computed" if note else "computed"
        note = note and '<dd class="note">%s</dd>' % note
        if unit and name.endswith("_" + unit.lower()):
            name = name[: -len(unit) - 1]
        name = name.replace("_", " ")
        text = text[1:-1] if text[:1] == '"' else text
        yield '<div><dt>%s</dt><dd>%s <span class="unit">%s</span></dd>%s</div>\n' % (
            escape(name[:1].upper() + name[1:]), escape(text),
            escape(_UNITS.get(unit, unit)), note)  # fmt: skip
