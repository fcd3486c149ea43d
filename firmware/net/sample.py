# uMeter - text of a sample: `key=value unit&` groups
# MIT license; Copyright (c) 2026 The uMeter authors

# MeterLogger's sample plaintexts: each group ends with &, the last too; the order
# is fixed; heap has no unit. What a meter did not tell is left out, never sent as 0.
# Behind them come the further registers that a build asks for, by their canonical names.

from firmware.reading import decimal

# key=name in the Reading; one text takes less of the heap than tuples
_HEAT = (
    "program=program t1=temp_t1 t2=temp_t2 t3=temp_t3 tdif=temp_diff flow1=flow_1"
    " effect1=power_1 hr=hours v1=volume_v1 e1=energy_e1 "
)
_VOLUME = "program=program flow1=flow_1 hr=hours v1=volume_v1"
_PULSES = "effect1=power_1 e1=energy_e1 hr=hours"
_WATER = "flow1=flow_1 v1=volume_v1 hr=hours"
_UNITS = {"GJ": "Gj", "MJ": "Mj", "kJ": "kj", "J": "j"}


def sample_text(reading, flow_meter=False, heap=0):
    """Reading -> text, str; the units are the meter's, the decimals too."""
    groups = ["heap=%d&" % heap]
    if reading.kind in ("han", "p1"):
        for name in sorted(reading.values):
            groups.append(_group(name, reading.values[name]))
    else:
        if reading.kind == "impulse":
            keys = _WATER if flow_meter else _PULSES
        else:
            keys = _VOLUME if flow_meter else _HEAT
        for pair in keys.split():
            key, _, name = pair.partition("=")
            if name in reading.values:
                groups.append(_group(key, reading.values[name], reading.kind == "kmp"))
        if reading.kind == "kmp":
            for name in sorted(reading.values):
                if ("=%s " % name) not in _HEAT:
                    groups.append(_group(name, reading.values[name], True))
    return "".join(groups)


def _group(key, value, renamed=False):
    if isinstance(value, bool):
        return "%s=%d&" % (key, value)
    if isinstance(value, str):
        return "%s=%s&" % (key, escape(value))
    unit = _UNITS.get(value.unit, value.unit) if renamed else value.unit
    if renamed and not -10 < value.exponent < 10:
        text = "NaN"  # as MeterLogger's: no meter means that
    else:
        text = decimal(value.mantissa, value.exponent)
    return "%s=%s %s&" % (key, text, unit) if unit else "%s=%s&" % (key, text)


def escape(text):
    """Text whose & and = cannot be taken for separators."""
    return text.replace("%", "%25").replace("&", "%26").replace("=", "%3D")
