# SPDX-License-Identifier: Apache-2.0
"""PackStream and Bolt frames for servers of the tests' own; knows nothing of the C side."""
import struct

HELLO, GOODBYE, RESET, RUN, BEGIN, COMMIT, ROLLBACK = 0x01, 0x02, 0x0F, 0x10, 0x11, 0x12, 0x13
DISCARD, PULL, ROUTE, LOGON = 0x2F, 0x3F, 0x66, 0x6A
SUCCESS, RECORD, IGNORED, FAILURE = 0x70, 0x71, 0x7E, 0x7F
MAGIC = bytes.fromhex("6060b017")
MANIFEST = bytes.fromhex("000001ff")


class Struct:
    def __init__(self, tag, *fields):
        self.tag, self.fields = tag, fields

    def __eq__(self, other):
        return isinstance(other, Struct) and (self.tag, self.fields) == (other.tag, other.fields)

    def __repr__(self):
        return f"Struct(0x{self.tag:02X}, {', '.join(map(repr, self.fields))})"


def _size(n, tiny, sized):
    if tiny and n < 16:
        return bytes([tiny | n])
    for width, form, most in ((0, ">B", 0xFF), (1, ">H", 0xFFFF), (2, ">I", 0x7FFFFFFF)):
        if n <= most:
            return bytes([sized + width]) + struct.pack(form, n)
    raise ValueError("too large")


def _int(i):
    if -16 <= i < 128:
        return struct.pack(">b", i)
    for marker, form, bits in ((0xC8, ">b", 7), (0xC9, ">h", 15), (0xCA, ">i", 31), (0xCB, ">q", 63)):
        if -(1 << bits) <= i < 1 << bits:
            return bytes([marker]) + struct.pack(form, i)
    raise ValueError("too large")


def pack(v):
    if v is None:
        return b"\xc0"
    if v is True or v is False:
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        return _int(v)
    if isinstance(v, float):
        return b"\xc1" + struct.pack(">d", v)
    if isinstance(v, (bytes, bytearray)):
        return _size(len(v), 0, 0xCC) + bytes(v)
    if isinstance(v, str):
        raw = v.encode()
        return _size(len(raw), 0x80, 0xD0) + raw
    if isinstance(v, (list, tuple)):
        return _size(len(v), 0x90, 0xD4) + b"".join(map(pack, v))
    if isinstance(v, dict):
        return _size(len(v), 0xA0, 0xD8) + b"".join(pack(k) + pack(x) for k, x in v.items())
    if isinstance(v, Struct):
        return bytes([0xB0 | len(v.fields), v.tag]) + b"".join(map(pack, v.fields))
    raise TypeError(type(v))


def unpack(data, at=0):
    """(value, where the next one begins)"""
    m, at = data[at], at + 1
    number = lambda form: (struct.unpack_from(form, data, at)[0], at + struct.calcsize(form))
    if m < 0x80 or m >= 0xF0:
        return m - 256 if m >= 0xF0 else m, at
    if m in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[m], at
    if m in (0xC1, 0xC8, 0xC9, 0xCA, 0xCB):
        return number({0xC1: ">d", 0xC8: ">b", 0xC9: ">h", 0xCA: ">i", 0xCB: ">q"}[m])
    if m < 0xC0:
        kind, n = m >> 4, m & 15
    else:
        kind = {0xCC: "bytes", 0xD0: 8, 0xD4: 9, 0xD8: 10}[m & ~3]
        n, at = number((">B", ">H", ">I")[m & 3])
    if kind == "bytes":
        return data[at:at + n], at + n
    if kind == 8:
        return data[at:at + n].decode(), at + n
    if kind == 11:
        tag, at = data[at], at + 1
    values = []
    for _ in range(n * 2 if kind == 10 else n):
        v, at = unpack(data, at)
        values.append(v)
    if kind == 9:
        return values, at
    return (dict(zip(values[::2], values[1::2])) if kind == 10 else Struct(tag, *values)), at


def frame(payload, chunk=0xFFFF):
    """A message in chunks of at most `chunk` bytes."""
    cut = (payload[i:i + chunk] for i in range(0, len(payload), chunk))
    return b"".join(struct.pack(">H", len(c)) + c for c in cut) + b"\0\0"


def message(tag, *fields, chunk=0xFFFF):
    return frame(pack(Struct(tag, *fields)), chunk)


def success(**meta):
    return message(SUCCESS, meta)


def record(*values):
    return message(RECORD, list(values))


def version(major, minor):
    return bytes([0, 0, minor, major])


def manifest(*ranges):
    """What a server offers; a range is (major, minor, how many below)."""
    return MANIFEST + bytes([len(ranges)]) + b"".join(bytes([0, below, minor, major]) for major, minor, below in ranges) + b"\0"
