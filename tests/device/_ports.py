# uMeter - a port of this machine that nobody has
# MIT license; Copyright (c) 2026 The uMeter authors

import os
import usocket


def free_port(kind=usocket.SOCK_STREAM):
    """Below those that the machine gives to connections of its own choice."""
    while True:
        port = 10000 + int.from_bytes(os.urandom(2), "big") % 22000
        probe = usocket.socket(usocket.AF_INET, kind)
        try:
            probe.bind(usocket.getaddrinfo("127.0.0.1", port)[0][-1])
            return port
        except OSError:
            continue
        finally:
            probe.close()
