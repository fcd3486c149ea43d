# uMeter - a TLS client: micropython _tls_client.py PORT FOLDER CA NAME
# MIT license; Copyright (c) 2026 The uMeter authors

# Prints what the client received, or "refused" if it did not accept the server.

import asyncio
import ssl
import sys

port, folder, ca, name = sys.argv[1:]


async def main():
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert client.verify_mode == ssl.CERT_NONE
    client.verify_mode = ssl.CERT_REQUIRED
    client.load_verify_locations(cafile=folder + "/" + ca)
    client.load_cert_chain(folder + "/client.der", folder + "/client.key")
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(port), ssl=client, server_hostname=name
        )
        writer.write(b"who am I?\n")
        await writer.drain()
        print((await reader.readline()).decode().strip())
        writer.close()
    except (OSError, ValueError) as error:
        print("refused:", error)


asyncio.run(main())
