# SPDX-License-Identifier: Apache-2.0
"""
A small Bolt client for the tests, in a hundred lines and with nothing but Python's own library: it tells whether a server
answers, and prepares and reads what tests want, where Neo4j's driver for Python is not installed. It shares nothing with
the driver under test.

    with BoltClient("127.0.0.1", 7687, "neo4j", "secret") as client:
        rows = client.run("MATCH (n) WHERE n.x > $x RETURN n.x, n", x=1)

Nodes, times and other structures come back as Structure(tag, fields).
"""
import collections
import socket
import ssl
import struct

Structure = collections.namedtuple("Structure", "tag fields")
HELLO, GOODBYE, RESET, RUN, PULL, LOGON = 0x01, 0x02, 0x0F, 0x10, 0x3F, 0x6A
SUCCESS, RECORD = 0x70, 0x71
OFFER = b"\x00\x04\x04\x05" + b"\x00\x00\x04\x04" + bytes(8)  # 5.4 down to 5.0, 4.4


class BoltError(Exception):
    """`code` is what the server calls its failure, as Neo.ClientError.Statement.SyntaxError."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack(">b", value) if -16 <= value < 128 else b"\xcb" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xc1" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"\xd2" + struct.pack(">I", len(data)) + data
    if isinstance(value, (bytes, bytearray)):
        return b"\xce" + struct.pack(">I", len(value)) + bytes(value)
    if isinstance(value, (list, tuple)) and not isinstance(value, Structure):
        return b"\xd6" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        return b"\xda" + struct.pack(">I", len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())
    return bytes((0xB0 + len(value.fields), value.tag)) + b"".join(map(pack, value.fields))


class Unpacker:
    NUMBERS = {0xC8: ">b", 0xC9: ">h", 0xCA: ">i", 0xCB: ">q", 0xC1: ">d"}
    CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
    SIZES = {0: ">B", 1: ">H", 2: ">I"}

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def items(self, kind, size):
        if kind == "text":
            return self.take(size).decode()
        if kind == "bytes":
            return self.take(size)
        if kind == "list":
            return [self.value() for _ in range(size)]
        return {self.value(): self.value() for _ in range(size)}

    def value(self):
        mark = self.take(1)[0]
        if mark < 0x80 or mark >= 0xF0:
            return mark if mark < 0x80 else mark - 256
        if mark in self.CONSTANTS:
            return self.CONSTANTS[mark]
        if mark in self.NUMBERS:
            return self.number(self.NUMBERS[mark])
        for first, kind in ((0x80, "text"), (0x90, "list"), (0xA0, "map")):
            if first <= mark < first + 16:
                return self.items(kind, mark - first)
        if 0xB0 <= mark < 0xC0:
            tag = self.take(1)[0]
            return Structure(tag, [self.value() for _ in range(mark - 0xB0)])
        for first, kind in ((0xD0, "text"), (0xCC, "bytes"), (0xD4, "list"), (0xD8, "map")):
            if first <= mark < first + 3:
                return self.items(kind, self.number(self.SIZES[mark - first]))
        raise BoltError("mark", f"{mark:#x} begins no value")


class BoltClient:
    def __init__(self, host, port, user, password, timeout=60, ca=None):
        """`ca`: a file with the authority's certificate, for TLS."""
        self.socket = socket.create_connection((host, port), timeout)
        try:
            if ca:
                context = ssl.create_default_context(cafile=ca)
                self.socket = context.wrap_socket(self.socket, server_hostname=host)
            self.socket.sendall(b"\x60\x60\xb0\x17" + OFFER)
            answer = self._receive(4)
            self.version = (answer[3], answer[2])
            if self.version[0] not in (4, 5):
                raise BoltError("handshake", f"the server answered {answer!r}")
            login = {"scheme": "basic", "principal": user, "credentials": password}
            hello = {"user_agent": "tests/1"} | ({"bolt_agent": {"product": "tests/1"}} if self.version >= (5, 3) else {})
            if self.version >= (5, 1):
                self._ask(HELLO, hello)
                self._ask(LOGON, login)
            else:
                self._ask(HELLO, hello | login)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self._send(GOODBYE)
        except OSError:
            pass
        self.socket.close()

    def run(self, query, database=None, **parameters):
        """The rows of a query, as lists of values; BoltError when the server refuses it."""
        self._ask(RUN, query, parameters, {"db": database} if database else {})
        rows, more = [], True
        while more:
            more = self._ask(PULL, {"n": -1}, rows=rows).get("has_more")
        return rows

    def _receive(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the server closed the connection")
            data += part
        return bytes(data)

    def _send(self, tag, *fields):
        data = pack(Structure(tag, fields))
        chunks = [data[at:at + 0xFFFF] for at in range(0, len(data), 0xFFFF)]
        self.socket.sendall(b"".join(struct.pack(">H", len(c)) + c for c in chunks) + b"\0\0")

    def _message(self):
        data = b""
        while True:
            size = struct.unpack(">H", self._receive(2))[0]
            if size:
                data += self._receive(size)
            elif data:
                return Unpacker(data).value()

    def _ask(self, tag, *fields, rows=None):
        """What SUCCESS says; after FAILURE the connection is made usable again."""
        self._send(tag, *fields)
        message = self._message()
        while message.tag == RECORD:
            rows.append(message.fields[0])
            message = self._message()
        if message.tag == SUCCESS:
            return message.fields[0]
        detail = message.fields[0] if message.fields else {}
        if tag in (RUN, PULL):
            self._ask(RESET)
        raise BoltError(detail.get("code", "?"), detail.get("message", "the server ignored the request"))
