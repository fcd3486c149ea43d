# uMeter - SNTP packets: the question, and what an answer is worth
# MIT license; Copyright (c) 2026 The uMeter authors

# Source: RFC 5905 section 7.3 (packet) and 14 (SNTP), RFC 4330 sections 3 to 5 (checks,
# kiss-o'-death). The transmit timestamp that we send is random, and the answer has to bring
# it back: nobody off the path can answer in the server's place.

from micropython import const

SIZE = const(48)  # bytes, without authentication
_NONCE = const(40)  # where we put 8 random bytes, and
_ORIGINATE = const(24)  # where the server sends them back
_RECEIVED = const(32)  # when it got the question
_SENT = const(40)  # when it answered
_CLIENT_V4 = const(0x23)
_SERVER = const(4)
_UNSYNCHRONISED = const(3)  # leap indicator
_TO_UNIX = 2208988800  # seconds from 1900 to 1970
_ERA = 0xFFFFFFFF


class KissOfDeath(ValueError):
    """The server does not want to be asked; args[0] is its code of four letters."""


def request(nonce):
    """Packet that asks for the time; nonce: 8 random bytes."""
    packet = bytearray(SIZE)
    packet[0] = _CLIENT_V4
    packet[_NONCE:] = nonce
    return packet


def _milliseconds(packet, at):
    # Unix time in ms. Modulo 2^32 seconds: right from 1970 to 2106, over the end of NTP's era 0
    # in 2036.
    seconds = 0
    for byte in packet[at : at + 4]:
        seconds = seconds << 8 | byte
    fraction = packet[at + 4] << 8 | packet[at + 5]
    return (seconds - _TO_UNIX & _ERA) * 1000 + (fraction * 1000 >> 16)


def parse(packet, nonce, waited_ms):
    """Unix time in ms at the moment when the packet arrived, waited_ms after the question.

    ValueError names what is wrong with the answer; KissOfDeath if it is a refusal.
    """
    if len(packet) < SIZE:
        raise ValueError("length")
    if packet[0] & 7 != _SERVER:
        raise ValueError("mode")
    if packet[_ORIGINATE : _ORIGINATE + 8] != nonce:
        raise ValueError("not the answer to our question")
    stratum = packet[1]
    if stratum == 0:
        raise KissOfDeath("".join([chr(byte) for byte in packet[12:16] if 32 < byte < 127]))
    if stratum > 15 or packet[0] >> 6 == _UNSYNCHRONISED:
        raise ValueError("the server itself does not know")
    if packet[_SENT : _SENT + 8] == bytes(8):
        raise ValueError("no time")
    sent = _milliseconds(packet, _SENT)
    held_ms = min(max(sent - _milliseconds(packet, _RECEIVED), 0), waited_ms)
    return sent + (waited_ms - held_ms) // 2
