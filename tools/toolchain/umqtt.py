# uMeter - fetch umqtt.simple for the host: python -m tools.toolchain.umqtt PIN SHA256 OUT
# MIT license; Copyright (c) 2026 The uMeter authors

# pip refuses the archive since it has no setup.py, so an index client fetches it by name. The
# user's own index, if pip is configured for one, is asked instead of the default.

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


def user_index():
    """Arguments that make unearth ask the index that pip would ask."""
    for key in ("global.index-url", ":env:.index-url"):
        command = [sys.executable, "-m", "pip", "config", "get", key]
        found = subprocess.run(command, capture_output=True, text=True)
        if not found.returncode:
            return ["--index-url", found.stdout.strip()]
    return []


def fetch(pin, folder):
    """Path of the downloaded archive of pin ("name==version")."""
    unearth = Path(sys.executable).with_name("unearth")
    command = [str(unearth), pin, "--download", folder, *user_index()]
    done = subprocess.run(command, capture_output=True, text=True)
    archives = list(Path(folder).glob("*.tar.gz"))
    if done.returncode or len(archives) != 1:
        sys.exit(f"{pin} could not be fetched: {done.stdout}{done.stderr}")
    return archives[0]


def unpack(archive, out):
    """Write the package folder in archive below out."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            parts = Path(member.name).parts
            if member.isfile() and len(parts) == 3 and parts[1] == "umqtt":
                target = out / parts[1] / parts[2]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(tar.extractfile(member).read())


def main(pin, sha256, out):
    with tempfile.TemporaryDirectory() as folder:
        archive = fetch(pin, folder)
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != sha256:
            sys.exit(f"{pin}: the archive has SHA-256 {found}, not {sha256}")
        unpack(archive, Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
