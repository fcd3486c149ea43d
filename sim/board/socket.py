# uMeter - module socket of the virtual board: the ESP32's sockets over the machine's loopback
# MIT license; Copyright (c) 2026 The uMeter authors

# ESP32 port, modsocket.c. Timeouts count in polls of 100 ms; setblocking(True) forgets a timeout;
# ten sockets, then ENFILE; addresses are ('IP', port). A leaked socket stays counted (Python
# objects have no finaliser): stricter than the chip. Error numbers are the machine's, as frozen
# asyncio and `errno` have them: compare by name. Once network.WLAN() was made, its link decides:
# without it nothing can be reached, and what is written to an open connection waits.

import errno as _errno
import io as _io
import uselect as _uselect
import usocket as _usocket
from time import sleep_ms as _sleep_ms

import world as _world

AF_INET, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW = 2, 1, 2, 3
IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP = 0, 6, 17
SOL_SOCKET, SO_REUSEADDR, SO_BROADCAST, TCP_NODELAY = 4095, 4, 32, 1
MSG_PEEK, MSG_DONTWAIT = 1, 8

_MOST = 10
_SEND_BUFFER = 5744  # TCP_SND_BUF of the port
_ENFILE = 23


def _has_station():
    return _world.sta is None or _world.sta.isconnected()


def _has_link():
    return _has_station() or (_world.ap is not None and _world.ap.active())


def _where(host, port):
    for key in (host + ":" + str(port), host):
        rule = _world.config.get("dns", {}).get(key)
        if rule is not None:
            break
    else:
        return host, port
    if isinstance(rule, dict):
        _sleep_ms(rule.get("delay_ms", 0))  # other threads run meanwhile, as on the chip
        if "error" in rule:
            raise OSError(rule["error"])
        rule = rule["to"]
    name, _, mapped = rule.partition(":")
    return name, int(mapped or port)


def _sockaddr(address):
    return _usocket.getaddrinfo(_where(*address[:2])[0], address[1])[0][-1]


def _pair(sockaddr):
    _, ip, port = _usocket.sockaddr(sockaddr)[:3]
    return ("%d.%d.%d.%d" % tuple(ip), port)


def _client(pair):
    # Clients on the machine's 127.0.0.1 sit in the access point's network while it is there;
    # all others, and those of 127.0.0.N, are neighbours in the station's network.
    ip, port = pair
    last = ip.rsplit(".", 1)[1]
    if _world.ap is not None and _world.ap.active() and last == "1":
        return ("192.168.4.2", port)
    if _world.sta is not None and _world.sta.isconnected():
        return (_world.sta.ifconfig()[0].rsplit(".", 1)[0] + ".2" + last, port)
    return pair


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    """Blocks, as on the chip; gives one IPv4 address."""
    numeric = host.replace(".", "").isdigit()
    host, port = _where(host, port)
    if not numeric and not host.replace(".", "").isdigit() and not _has_station():
        raise OSError(-202)  # EAI_FAIL
    try:
        found = _usocket.getaddrinfo(host or "0.0.0.0", port, AF_INET, type or SOCK_STREAM)
    except OSError:
        raise OSError(-202)
    return [(AF_INET, type or SOCK_STREAM, proto, host, _pair(found[0][-1]))]


class socket(_io.IOBase):
    def __init__(self, family=AF_INET, type=SOCK_STREAM, proto=0, *, _made=None):
        if _world.sockets >= _MOST:
            if _made:
                _made.close()
            raise OSError(_ENFILE)
        _world.sockets += 1
        self._s = _made or _usocket.socket(_usocket.AF_INET, type)
        self._stream = type == SOCK_STREAM
        self._timeout = None  # ms; None: for ever; 0: does not block
        self._held = None  # written while the link was down
        self._poll = None

    def _live(self):
        if self._s is None:
            raise OSError(_errno.EBADF)
        return self._s

    def close(self):
        if self._s is not None:
            _world.sockets -= 1
            self._s.close()
            self._s = None

    def fileno(self):
        return self._live().fileno()

    def ioctl(self, request, argument):
        if self._s is None:
            return 32 if request == 3 else -_errno.EBADF  # POLLNVAL
        if request == 10:  # MP_STREAM_GET_FILENO: select.poll watches the real one
            return self._s.fileno()
        if request == 3:  # MP_STREAM_POLL
            if self._poll is None:
                self._poll = _uselect.poll()
                self._poll.register(self._s)
            self._poll.modify(self._s, argument)
            ready = self._poll.poll(0)
            return ready[0][1] if ready else 0
        if request == 4:  # MP_STREAM_CLOSE
            self.close()
            return 0
        return -_errno.EINVAL

    def setblocking(self, on):
        self.settimeout(None if on else 0)

    def settimeout(self, seconds):
        if seconds is None:
            self._live().settimeout(None)
            self._timeout = None
            return
        ms = int(seconds * 1000)
        self._timeout = (ms + 99) // 100 * 100  # counted in polls
        self._live().settimeout(self._timeout / 1000 if ms else 0)

    def setsockopt(self, level, option, value):
        if level == SOL_SOCKET and option == SO_REUSEADDR:
            self._live().setsockopt(_usocket.SOL_SOCKET, _usocket.SO_REUSEADDR, value)
        elif level == SOL_SOCKET and option == SO_BROADCAST:
            self._live().setsockopt(_usocket.SOL_SOCKET, _usocket.SO_BROADCAST, value)
        elif level == IPPROTO_TCP and option == TCP_NODELAY:
            if self.ioctl(3, 0) & (_uselect.POLLERR | _uselect.POLLHUP):
                raise OSError(_errno.EINVAL)  # refused; nothing else tells of it on the chip
            self._live().setsockopt(6, 1, value)
        else:
            print("Warning: lwip.setsockopt() option not implemented")

    def connect(self, address):
        if not _has_station():
            raise OSError(_errno.EHOSTUNREACH)
        try:
            self._live().connect(_sockaddr(address))
        except OSError as error:
            if error.errno == _errno.EINPROGRESS and self._timeout:
                raise OSError(_errno.ETIMEDOUT)
            raise

    def bind(self, address):
        port = address[1]
        port = _world.config.get("ports", {}).get(str(port), port)
        self._live().bind(_usocket.getaddrinfo("127.0.0.1", port)[0][-1])

    def listen(self, backlog=1):
        self._live().listen(backlog)

    def accept(self):
        made, address = self._wait(self._live().accept)
        return socket(_made=made), _client(_pair(address))

    def makefile(self, mode="rb", buffering=0):
        return self

    def _away(self):
        # True: the link is down. What was held is sent as soon as it is up.
        if not _has_link():
            return True
        if self._held:
            held, self._held = self._held, None
            self._s.write(held)
        return False

    def _hold(self, data):
        held = self._held or bytearray()
        room = _SEND_BUFFER - len(held)
        if room <= 0:
            raise OSError(_errno.EAGAIN if self._timeout == 0 else _errno.ETIMEDOUT)
        held += memoryview(data)[:room]
        self._held = held
        return min(room, len(data))

    def _nothing(self):
        if self._timeout == 0:
            raise OSError(_errno.EAGAIN)
        _sleep_ms(self._timeout or 100)
        raise OSError(_errno.ETIMEDOUT)

    def send(self, data):
        s = self._live()
        if not self._away():
            return s.send(data)
        if not self._stream:
            raise OSError(_errno.EHOSTUNREACH)
        return self._hold(data)

    def write(self, data, *count):
        s = self._live()
        if not self._away():
            return s.write(data, *count)
        try:
            return self._hold(data)
        except OSError as error:
            if error.errno == _errno.EAGAIN:
                return None
            raise

    def sendall(self, data):
        view = memoryview(data)
        while len(view):
            view = view[self.send(view) :]

    def sendto(self, data, address):
        if not _has_link():
            raise OSError(_errno.EHOSTUNREACH)
        return self._live().sendto(data, _sockaddr(address))

    def _wait(self, call, *args):
        # The machine tells the end of a timeout as EAGAIN, the chip as ETIMEDOUT.
        try:
            return call(*args)
        except OSError as error:
            if error.errno == _errno.EAGAIN and self._timeout:
                raise OSError(_errno.ETIMEDOUT)
            raise

    def recv(self, count, flags=0):
        s = self._live()
        return self._nothing() if self._away() else self._wait(s.recv, count)

    def recvfrom(self, count):
        s = self._live()
        data, address = self._nothing() if self._away() else self._wait(s.recvfrom, count)
        return data, _pair(address)

    def _stream_read(self, read, args):
        if self._away():
            if self._timeout == 0:
                return None
            self._nothing()
        return self._wait(read, *args)

    def read(self, *args):
        return self._stream_read(self._live().read, args)

    def readinto(self, *args):
        return self._stream_read(self._live().readinto, args)

    def readline(self, *args):
        return self._stream_read(self._live().readline, args)
