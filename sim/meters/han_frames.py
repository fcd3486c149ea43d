# uMeter - builds HAN and P1 frames, layer by layer
# MIT license; Copyright (c) 2026 The uMeter authors

# Independent of the firmware: its own CRCs, and AES-GCM by the package cryptography.

import struct


def _crc(data, poly, crc):
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (poly if crc & 1 else 0)
    return crc


def x25(data):
    return struct.pack("<H", _crc(data, 0x8408, 0xFFFF) ^ 0xFFFF)


def arc(data):
    return b"%04X" % _crc(data, 0xA001, 0)


def ber(size, form=0):
    """Length field; form 1..4: that many bytes behind 8n, 0: the shortest."""
    if not form:
        if size < 128:
            return bytes([size])
        form = 1 if size < 256 else 2
    return bytes([0x80 | form]) + size.to_bytes(form, "big")


# A-XDR: a value is (tag, content); content is a list for arrays and structures.
NUMBERS = {5: ">i", 6: ">I", 15: ">b", 16: ">h", 17: ">B", 18: ">H", 20: ">q", 21: ">Q", 22: ">B"}
NUMBERS.update({3: ">B", 13: ">B", 23: ">f", 24: ">d"})


def axdr(value):
    tag, content = value
    if tag in (1, 2):
        return bytes([tag]) + ber(len(content)) + b"".join(map(axdr, content))
    if tag in (0, 255):
        return bytes([tag])
    if tag in NUMBERS:
        return bytes([tag]) + struct.pack(NUMBERS[tag], content)
    if tag == 4:
        return bytes([4]) + ber(len(content)) + bits(content)
    if tag in (9, 10, 12):
        return bytes([tag]) + ber(len(content)) + content
    return bytes([tag]) + content  # 25, 26, 27


def bits(text):
    """ "10110" to bytes, the first bit on top."""
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


def obis(text):
    """ "1-0:1.8.0" to an octet string."""
    medium, rest = text.split("-")
    channel, code = rest.split(":")
    parts = [int(part) for part in [medium, channel] + code.split(".")]
    return (9, bytes(parts + [255]))


def date_time(year, month, day, hour, minute, second, deviation=-0x8000, status=0, weekday=255):
    return struct.pack(
        ">HBBBBBBBhB", year, month, day, weekday, hour, minute, second, 255, deviation, status
    )


def notification(body, time=None, form=0x0C, invoke=0x40000000):
    """DataNotification. form: 0C, 19 or 09 (which is followed by 0C) in front of the time."""
    head = b"\x00"
    if time is not None:
        head = b"\x09\x0c" + time if form == 9 else bytes([form]) + time
    return b"\x0f" + struct.pack(">I", invoke) + head + axdr(body)


def sealed(apdu, title, counter, control, key, authentication_key=None, form=0, tag=b"\xdb"):
    """general-glo-ciphering; tag=b"": as behind a P1 identification."""
    # MicroPython has no such package; the rest of this file runs there, too.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    iv = (title + bytes(8))[:8] + struct.pack(">I", counter)
    aad = bytes([control]) + (authentication_key or bytes(16))
    if control & 0x20:
        if control & 0x10:
            text = AESGCM(key).encrypt(iv, apdu, aad)[:-4]
        else:
            text = Cipher(algorithms.AES(key), modes.CTR(iv + b"\0\0\0\x02")).encryptor()
            text = text.update(apdu)
    else:
        text = apdu + AESGCM(key).encrypt(iv, b"", aad + apdu)[:12]
    body = bytes([control]) + struct.pack(">I", counter) + text
    return tag + bytes([len(title)]) + title + ber(len(body), form) + body


def blocks(apdu, size, form=0):
    """General block transfer."""
    parts = [apdu[i : i + size] for i in range(0, len(apdu), size)]
    out = []
    for i, part in enumerate(parts, 1):
        control = 0xC0 if i == len(parts) else 0x40
        out.append(b"\xe0" + struct.pack(">BHH", control, i, 0) + ber(len(part), form) + part)
    return out


def hdlc(information, segmented=False, address=b"\x41", source=b"\x03", control=0x13):
    """One frame with both flags."""
    size = 2 + len(address) + len(source) + 1 + 2 + len(information) + 2
    head = struct.pack(">H", 0xA000 | (0x800 if segmented else 0) | size)
    head += address + source + bytes([control])
    head += x25(head)
    return b"\x7e" + head + information + x25(head + information) + b"\x7e"


def hdlc_message(apdu, segment=0, llc=b"\xe6\xe7\x00", **address):
    """Frames of one message; segment: bytes per frame, 0: one frame."""
    data = llc + apdu
    segment = segment or len(data)
    parts = [data[i : i + segment] for i in range(0, len(data), segment)]
    frames = [hdlc(part, i < len(parts), **address) for i, part in enumerate(parts, 1)]
    return b"".join(frames)


def hdlc_blocks(apdu, size, form=0, **address):
    """GBT blocks, each in a frame of its own, LLC in the first."""
    frames = b""
    for i, block in enumerate(blocks(apdu, size, form)):
        frames += hdlc((b"\xe6\xe7\x00" if not i else b"") + block, **address)
    return frames


def mbus(data, ci):
    body = b"\x53\xff" + bytes([ci]) + b"\x01\x67" + data
    size = len(body) & 0xFF  # Sagemcom's overflow
    return bytes([0x68, size, size, 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


def mbus_message(apdu, size):
    parts = [apdu[i : i + size] for i in range(0, len(apdu), size)]
    last = len(parts) - 1
    return b"".join(mbus(part, i | (0x10 if i == last else 0)) for i, part in enumerate(parts))


def p1(lines, ident="TST5METER", crc=True, newline="\r\n"):
    text = "/" + ident + newline * 2 + "".join(line + newline for line in lines) + "!"
    text = text.encode()
    return text + (arc(text) if crc else b"") + newline.encode()


def p1_ciphered(lines, title, counter, key, authentication_key, ident="TST5METER", tag=b""):
    clear = "".join(line + "\r\n" for line in lines).encode()
    head = b"/" + ident.encode() + b"\r\n\r\n"
    body = sealed(clear, title, counter, 0x30, key, authentication_key, form=2, tag=tag)
    return head + body + b"!" + arc(head + body) + b"\r\n"
