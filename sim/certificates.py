# uMeter - certificates for tests and measurements with TLS
# MIT license; Copyright (c) 2026 The uMeter authors

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def certificate(name, issuer=None, days=(-1, 1), names=()):
    """(certificate, key): an authority, or a server's signed by `issuer`, valid in these days.

    names: those of the server, `name` if there are none.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
    )
    if issuer:
        known = [x509.DNSName(known) for known in names or (name,)]
        builder = builder.add_extension(x509.SubjectAlternativeName(known), False)
    else:
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def save(path, made):
    """path.pem and .key (PEM, as mosquitto wants them), .der (as the device wants it). -> path"""
    cert, key = made
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    path.with_suffix(".pem").write_bytes(cert.public_bytes(Encoding.PEM))
    path.with_suffix(".key").write_bytes(secret)
    path.with_suffix(".der").write_bytes(cert.public_bytes(Encoding.DER))
    return path
