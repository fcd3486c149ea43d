# uMeter - which modules of the firmware are linked into one for the device
# MIT license; Copyright (c) 2026 The uMeter authors

from tools.link import Program, targets

# What is in the heap for good once the app runs, beside firmware.app and what makes its parts.
_RESIDENT = (
    ("firmware.app.valve", lambda flags: flags["METER"] != "impulse"),
    ("firmware.app.panel", lambda flags: {"led", "button"} & {*flags["PINS"]}),
    ("firmware.net.mqtt", lambda flags: True),
    ("firmware.net.power", lambda flags: flags["POWER_SAVE"]),
)
_METERS = ("kmp_meter", "mc66_meter", "han_meter", "impulse_meter", "synthetic")
# What comes and goes with all that only it imports.
_TOGETHER = ("firmware.app.portal", "firmware.app.cron", "firmware.net.time_sync",
             "firmware.store.schema", "firmware.meters.dlms_notification", "firmware.meters.glo",
             "firmware.meters.p1_message")  # fmt: skip
CORE = "firmware.core"  # what the safe mode needs as well as the app


def plan(texts, flags):
    """The Program of a tree, {module: text}, for these flags."""
    program = Program(texts)
    every = program.modules
    alone = {name for name in every if name.split(".")[-1].startswith("_")}  # machine code
    alone |= {"firmware.board", "firmware.start", "firmware.app.parts"}
    late = {target for module in every.values() for node in module.late
            for target in targets(node, every)}  # fmt: skip
    roots = ["firmware.app", *program.reach(["firmware.app.parts"])[:-1]]
    roots += [name for name, is_loaded in _RESIDENT if is_loaded(flags)]
    resident = program.reach(roots, without=alone)
    safe = {*program.reach(["firmware.safe"], late=True)}
    program.join(CORE, [name for name in resident if name in safe])
    program.join("firmware.app", [name for name in resident if name not in safe])
    for name in _METERS:
        meter = "firmware.meters." + name
        if meter in every:
            roots = ["firmware.meters.line", meter]
            members = program.reach(roots, without=alone)
            program.join(meter, [name for name in members if name not in program.home])
    for root in _TOGETHER:
        if root in every:
            members = program.reach([root], without=alone | (late - {root}))
            program.join(root, [name for name in members if name not in program.home])
    return program


def link(texts, flags):
    """({module: text} of the same, linked; {class or module: {short name: name}}). LinkError."""
    program = plan(texts, flags)
    linked = program.linked()
    for name in sorted(set(linked) - {*program.home.values()}, reverse=True):
        if is_package(name, texts) and not is_package(name, linked):
            del linked[name]  # all that was in it is elsewhere
    return linked, program.names


def is_package(name, modules):
    return any(other.startswith(name + ".") for other in modules)
