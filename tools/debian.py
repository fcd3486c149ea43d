# uMeter - Debian packages that set-up needs: find out what is missing, install it
# MIT license; Copyright (c) 2026 The uMeter authors

# Runs on the system's own python3: standard library only.

import importlib.util
import os
import shutil
import subprocess


class SetupError(Exception):
    """What is wrong and what to do about it, for the user."""


def say(text):
    print("setup: " + text, flush=True)


def run(*command, **options):
    """Run command; its output is shown only if it fails."""
    options.update(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    done = subprocess.run(command, **options)
    if done.returncode:
        raise SetupError("%s\n%s failed" % (done.stdout[-4000:], " ".join(command)))
    return done.stdout


def makes_32_bit():
    """Whether the compiler can build the 32-bit interpreter."""
    compiler = os.environ.get("CC32", "gcc -m32").split()
    if compiler == ["zig"]:  # comes from the package index
        return True
    if not shutil.which(compiler[0]):
        return False
    program = "#include <stdio.h>\nint main(void){return 0;}"
    test = compiler + ["-x", "c", "-", "-o", "/dev/null"]
    return subprocess.run(test, input=program.encode(), stderr=subprocess.DEVNULL).returncode == 0


def has_command(name):
    return bool(shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin"))


def is_debian():
    """Debian itself: elsewhere Chromium has other names, and may come as a snap."""
    try:
        with open("/etc/os-release") as file:
            return "ID=debian\n" in file.read() and bool(shutil.which("apt-get"))
    except FileNotFoundError:
        return False


def missing(needs_venv, needs_compiler, needs_broker, needs_browser):
    """Names of the Debian packages whose contents are not here."""
    names = []
    if needs_venv and not importlib.util.find_spec("ensurepip"):
        names.append("python3-venv")
    if needs_compiler:
        for package, command in (("make", "make"), ("xz-utils", "xz"), ("bzip2", "bzip2")):
            if not has_command(command):
                names.append(package)
        if not os.path.exists("/usr/share/keyrings/debian-archive-keyring.gpg"):
            # Ubuntu: the keys of Debian's sources, and a file that says where they lie.
            names += ["debian-archive-keyring", "python-apt-common"]
        if not makes_32_bit():
            names += ["gcc", "gcc-multilib", "libc6-dev"]
    if needs_browser and is_debian() and not has_command("chromium"):  # drives the web pages
        names.append("chromium")
    if needs_broker and shutil.which("apt-get") and not has_command("mosquitto"):
        names.append("mosquitto")  # elsewhere it goes without a broker
    return names


def root_prefix():
    """What makes a command run as root without asking, or None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and not subprocess.run(
        ["sudo", "-n", "true"], stderr=subprocess.DEVNULL
    ).returncode:
        return ["sudo", "-n"]
    return None


def may_install():
    return bool(shutil.which("apt-get")) and root_prefix() is not None


def install(packages):
    line = "apt-get install -y --no-install-recommends " + " ".join(packages)
    if not shutil.which("apt-get"):
        raise SetupError(
            "no apt-get here. What is missing, by Debian's names: %s.\n"
            "MICROPYTHON=path uses an interpreter that you have." % " ".join(packages)
        )
    prefix = root_prefix()
    if prefix is None:
        hint = "    sudo apt-get update && sudo " + line + "\n"
        if "gcc-multilib" in packages:
            hint += "\nor, for a C compiler without root (400 MB): make setup CC32=zig\n"
        raise SetupError("Debian packages are missing. Type this, then make again:\n\n" + hint)
    say("installing Debian packages: " + " ".join(packages))
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    run(*(prefix + environment + ["apt-get", "-qq", "update"]))
    run(*(prefix + environment + line.split()))
