# uMeter - a chip in its boot loader, as esptool sees it over a serial line
# MIT license; Copyright (c) 2026 The uMeter authors

# Espressif, esptool documentation, "Serial Protocol": SLIP packets of direction, command, size,
# value and data. Scripted to the document; it is no chip, and resets by DTR and RTS are not in it.

import contextlib
import hashlib
import socket
import struct
import threading
import zlib

_MAGIC = {"esp32": 0x00F01D83, "esp32s2": 0x000007C6}  # read at 0x40001000
_IDS = {"esp32c3": 5, "esp32s3": 9}  # told by GET_SECURITY_INFO
_SPI_DATA = {0x3FF42080, 0x3F402058, 0x60002058}  # the word with the flash memory's answer

SYNC, READ_REG, MEM_END, SECURITY_INFO = 0x08, 0x0A, 0x06, 0x14
DEFL_BEGIN, DEFL_DATA, MD5, ERASE = 0x10, 0x11, 0x13, 0xD0
_ACCEPTED = (0x05, 0x07, 0x09, 0x0B, 0x0D, 0x0F, 0x12)  # mem, write_reg, params, attach, baud, end


class RomLoader:
    """Listens at port (socket://...). flash is the memory, commands what was asked for.

    cut: so many packets of image data come through, then the cable is pulled; None: all.
    """

    def __init__(self, chip="esp32", megabytes=4, cut=None):
        self.chip, self.cut = chip, cut
        self.flash = bytearray(b"\xff" * (megabytes << 20))
        self.commands = []
        self.worn = None  # address of a byte that cannot be changed
        self._size_code = 0x14 + megabytes.bit_length() - 1
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = "socket://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                self._line, _ = self._listener.accept()
                self._stub, packet = False, None
                with self._line, contextlib.suppress(OSError):
                    while data := self._line.recv(4096):
                        packet = self._feed(data, packet)

    def _feed(self, data, packet):
        for byte in data:
            if byte == 0xC0:
                if packet:
                    self._obey(bytes(packet).replace(b"\xdb\xdc", b"\xc0")
                               .replace(b"\xdb\xdd", b"\xdb"))  # fmt: skip
                    packet = None
                else:
                    packet = bytearray()
            elif packet is not None:
                packet.append(byte)
        return packet

    def _send(self, packet):
        packed = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        self._line.sendall(b"\xc0" + packed + b"\xc0")

    def _reply(self, command, value=0, data=b"", error=0):
        data += bytes([bool(error), error]) + (b"" if self._stub else b"\0\0")
        self._send(struct.pack("<BBHI", 1, command, len(data), value) + data)

    def _obey(self, packet):
        direction, command, size, check = struct.unpack_from("<BBHI", packet)
        data = packet[8:]
        assert direction == 0 and len(data) == size
        self.commands.append(command)
        if command == SYNC:
            for _ in range(8):
                self._reply(command, 0x20120707)
        elif command == READ_REG:
            self._reply(command, self._register(*struct.unpack("<I", data)))
        elif command == SECURITY_INFO and self.chip in _IDS:
            self._reply(command, 0, struct.pack("<I8sII", 0, b"", _IDS[self.chip], 0))
        elif command == MEM_END:
            self._reply(command)
            self._stub = True
            self._send(b"OHAI")
        elif self._stub and command in (DEFL_BEGIN, DEFL_DATA, MD5, ERASE):
            self._flash(command, data, check)
        elif command in _ACCEPTED:
            self._reply(command)
        else:
            self._reply(command, error=5)  # no such command

    def _register(self, address):
        if address == 0x40001000:
            return _MAGIC.get(self.chip, 0)
        if address in _SPI_DATA:
            return self._size_code << 16 | 0x40EF
        return 0

    def _flash(self, command, data, check):
        if command == ERASE:
            self.flash[:] = b"\xff" * len(self.flash)
        elif command == DEFL_BEGIN:
            self._left, _, _, self._at = struct.unpack_from("<IIII", data)
            self._inflate = zlib.decompressobj()
        elif command == DEFL_DATA:
            return self._program(data[16:], check)
        else:
            at, size = struct.unpack_from("<II", data)
            return self._reply(command, 0, hashlib.md5(self.flash[at : at + size]).digest())
        self._reply(command)

    def _program(self, data, check):
        total = 0xEF
        for byte in data:
            total ^= byte
        if total != check:
            return self._reply(DEFL_DATA, error=7)
        if self.cut is not None:
            self.cut -= 1
            if self.cut < 0:
                self._line.close()
                return None
        plain = self._inflate.decompress(data)
        assert len(plain) <= self._left, "more than was announced"
        self.flash[self._at : self._at + len(plain)] = plain
        self._at, self._left = self._at + len(plain), self._left - len(plain)
        if self.worn is not None:
            self.flash[self.worn] = 0x55
        return self._reply(DEFL_DATA)
