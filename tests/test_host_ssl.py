# uMeter - module ssl of the host's MicroPython: certificate files, names, refusals
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from sim.certificates import certificate
from tests.sources import ROOT

SCRIPT = ROOT / "tests" / "device" / "_tls_client.py"


def save(path, made):
    """The certificate and its key, as DER for MicroPython, as one PEM file for CPython."""
    cert, key = made
    secret = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    path.with_suffix(".der").write_bytes(cert.public_bytes(Encoding.DER))
    path.with_suffix(".key").write_bytes(secret)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    path.with_suffix(".pem").write_bytes(cert.public_bytes(Encoding.PEM) + pem)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority = certificate("Test CA")
    save(folder / "ca", authority)
    save(folder / "other", certificate("Other CA"))
    save(folder / "server", certificate("localhost", authority))
    save(folder / "client", certificate("meter 7", authority))
    return folder


def serve(listener, context):
    """One connection; tells the client the name in its certificate."""
    raw, _ = listener.accept()
    raw.settimeout(20)
    try:
        with context.wrap_socket(raw, server_side=True) as connection:
            connection.recv(100)
            name = dict(field[0] for field in connection.getpeercert()["subject"])
            connection.sendall(b"you are " + name["commonName"].encode() + b"\n")
    except OSError as error:  # the client refused
        print(error)
    finally:
        raw.close()


@pytest.mark.parametrize("ca, name, answer", [
    ("ca.der", "localhost", "you are meter 7"),
    ("other.der", "localhost", "refused: The certificate is not correctly signed"),
    ("ca.der", "elsewhere", "refused: The certificate Common Name (CN) does not match"),
])
def test_handshake(micropython, folder, ca, name, answer):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        server = threading.Thread(target=serve, args=(listener, context), daemon=True)
        server.start()
        port = str(listener.getsockname()[1])
        done = subprocess.run(
            [micropython, "-X", "heapsize=400k", str(SCRIPT), port, str(folder), ca, name],
            env=dict(os.environ, MICROPYPATH=f"{ROOT}/sim/board:.frozen"),
            capture_output=True, text=True, timeout=40,
        )
        server.join(20)
    assert answer in " ".join(done.stdout.split()), done.stdout + done.stderr
