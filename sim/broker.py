# uMeter - scripted MQTT broker: does to each connection what its script says
# MIT license; Copyright (c) 2026 The uMeter authors

# For tests on MicroPython, in the same process as the client. It has its own few lines of
# packet reading on purpose: the client's codec must not check itself.
# Source: OASIS MQTT Version 3.1.1.

import asyncio

_SOL_SOCKET, _SO_LINGER = 1, 13  # of the machine


class Script:
    """What happens on one connection; the default is a good broker.

    connack: bytes, None for silence; suback: return code, None for silence
    cut: (n, "silence" | "eof" | "reset"): after n bytes that the broker sent
    pubacks: "good" | "lost" | "late" (with the repetition) | "twice" | "unknown" (before it)
    pings: False: PINGREQ is not answered; deaf: nothing is read any more after CONNECT
    send: bytes that follow the first SUBACK
    """

    def __init__(self, connack=b"\x20\x02\0\0", suback=0, cut=None, pubacks="good", pings=True,
                 deaf=False, send=b""):
        self.connack = connack
        self.suback = suback
        self.cut = cut
        self.pubacks = pubacks
        self.pings = pings
        self.deaf = deaf
        self.send = send


class Seen:
    """What came from one client id, over all its connections."""

    def __init__(self):
        self.connects = []  # CONNECT bodies
        self.messages = []  # (topic, payload, packet id, dup)
        self.pubacks = []  # packet ids
        self.subscribes = 0
        self.pings = 0
        self.drops = 0  # connections that ended, by either side


class Broker:
    def __init__(self):
        self.scripts = {}  # client id -> [Script of each connection]; good ones follow
        self._seen = {}  # client id -> Seen
        self._server = None
        self._open = []

    def of(self, client_id):
        """Seen of this client id."""
        return self._seen.setdefault(client_id, Seen())

    async def start(self, port):
        self._server = await asyncio.start_server(self._serve, "0.0.0.0", port)

    async def stop(self):
        """Listener and connections are gone."""
        self._server.close()
        await self._server.wait_closed()
        for session in self._open[:]:
            session.hang_up()

    async def _serve(self, reader, writer):
        session = _Session(self, reader, writer)
        self._open.append(session)
        try:
            await session.run()
        except (OSError, EOFError):
            session.broken = True
        session.hang_up()
        await session.closed()
        self._open.remove(session)

    def begin(self, client_id):
        """(Script, Seen) for a new connection of this client."""
        scripts = self.scripts.get(client_id)
        return (scripts.pop(0) if scripts else Script()), self.of(client_id)


class _Session:
    def __init__(self, broker, reader, writer):
        self._broker = broker
        self._reader = reader
        self._writer = writer
        self._script = Script()
        self._sent = 0
        self._mute = False
        self._over = asyncio.Event()
        self.broken = False
        self.seen = Seen()

    def hang_up(self):
        self._over.set()

    async def closed(self):
        self.seen.drops += 1
        self._writer.close()
        await self._writer.wait_closed()

    async def run(self):
        task = asyncio.create_task(self._receive())
        await self._over.wait()
        task.cancel()

    async def _receive(self):
        try:
            while not self._over.is_set():
                head, body = await self._packet()
                await self._take(head, body)
        except (OSError, EOFError):
            self.broken = True
        self._over.set()

    async def _packet(self):
        head = (await self._reader.readexactly(1))[0]
        size = shift = 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return head, await self._reader.readexactly(size)

    async def _send(self, data):
        if self._mute:
            return
        cut = self._script.cut
        if cut:
            data = data[: cut[0] - self._sent]
        self._sent += len(data)
        self._writer.write(data)
        await self._writer.drain()
        if cut and self._sent >= cut[0]:
            self._mute = True
            if cut[1] == "reset":
                self._reader.s._s.setsockopt(_SOL_SOCKET, _SO_LINGER, b"\1\0\0\0\0\0\0\0")
            if cut[1] != "silence":
                self._over.set()

    async def _take(self, head, body):
        kind = head >> 4
        if kind == 1:
            await self._take_connect(body)
        elif kind == 3:
            await self._take_publish(head, body)
        elif kind == 4:
            self.seen.pubacks.append(body[0] << 8 | body[1])
        elif kind == 8:
            await self._take_subscribe(body)
        elif kind == 12:
            self.seen.pings += 1
            if self._script.pings:
                await self._send(b"\xd0\0")

    async def _take_connect(self, body):
        client_id = body[12 : 12 + (body[10] << 8 | body[11])].decode()
        self._script, self.seen = self._broker.begin(client_id)
        self.seen.connects.append(body)
        if self._script.connack is not None:
            await self._send(self._script.connack)
        while self._script.deaf:
            await asyncio.sleep_ms(20)

    async def _take_subscribe(self, body):
        self.seen.subscribes += 1
        if self._script.suback is not None:
            await self._send(b"\x90\x03" + body[:2] + bytes([self._script.suback]))
            await self._send(self._script.send)

    async def _take_publish(self, head, body):
        end = 2 + (body[0] << 8 | body[1])
        topic, packet_id, dup = body[2:end], 0, bool(head & 8)
        if head & 6:
            packet_id = body[end] << 8 | body[end + 1]
            end += 2
        self.seen.messages.append((topic, body[end:], packet_id, dup))
        if packet_id:
            await self._acknowledge(self._script.pubacks, packet_id, dup)

    async def _acknowledge(self, how, packet_id, dup):
        answer = bytes([0x40, 2, packet_id >> 8, packet_id & 255])
        if how == "unknown":
            await self._send(b"\x40\x02\xee\xee")
        elif how == "twice":
            await self._send(answer)
        elif how == "late" and dup:
            await self._send(answer)  # the one that was due, then the one for the repetition
        if how != "lost" and not (how == "late" and not dup):
            await self._send(answer)
