# uMeter - TLS towards a broker: who may it be
# MIT license; Copyright (c) 2026 The uMeter authors

# A file of its own: builds without TLS leave it out and need no module ssl.

import ssl


def client_context(ca_der):
    """ssl.SSLContext that trusts this certificate authority only (bytes, DER).

    Certificates have dates: the chip's own clock (machine.RTC) has to be set before.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca_der)
    return context
