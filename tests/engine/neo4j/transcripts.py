#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that follow a script: what real servers of each version said (recorded/, made by record.py), and what none
should ever say. transcripts.py BOLT_PROBE"""
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

import wire
from wire import FAILURE, IGNORED, RECORD, SUCCESS, Struct, manifest, message, record, success, version

WORDS = [
    "lenient", "info",
    "run", "RETURN 1 AS n, 'text' AS t, [1.5, null, true] AS l, {a: 1} AS m, date('2020-01-02') AS d, "
           "datetime('2020-01-02T03:04:05+01:00') AS z, datetime('2020-07-02T03:04:05[Europe/Berlin]') AS r", "pull", "-1", "all",
    "begin", "run", "CREATE p = (a:Recorded {x: 1})-[r:KNOWS {y: 2}]->(b:Recorded) RETURN a, r, p", "pull", "-1", "all",
    "rollback", "all",
    "run", "RETRUN 1", "pull", "-1", "all", "reset",
    "run", "UNWIND range(1, 5) AS i RETURN i", "pull", "2", "all", "pull", "-1", "all",
    "run", "UNWIND range(1, 5) AS i RETURN i", "discard", "-1", "all",
]


def probe_arguments(of, handshake):
    return [f"version={of}", "user_agent=recorder", "connect_ms=60000"] + (["legacy=1"] if handshake == "legacy" else [])


class Tap:
    count = failed = 0

    def check(self, ok, what, *more):
        self.count += 1
        self.failed += not ok
        print(f"{'' if ok else 'not '}ok {self.count} - {what}")
        if not ok:
            for line in more:
                print("#", str(line).replace("\n", "\n# "))
        sys.stdout.flush()

    def done(self):
        print(f"1..{self.count}")
        sys.exit(bool(self.failed))


tap = Tap()


class Server:
    """One connection, served by `script(socket)` in a thread; `read(n)` there reads exactly."""

    def __init__(self, script):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.trouble = self.listener.getsockname()[1], None
        self.thread = threading.Thread(target=self.serve, args=(script,), daemon=True)
        self.thread.start()

    def serve(self, script):
        self.listener.settimeout(60)
        try:
            with self.listener, self.listener.accept()[0] as s:
                s.settimeout(60)
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                script(s)
        except (ConnectionError, TimeoutError) as trouble:
            self.trouble = trouble


def read(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise ConnectionError("the client has hung up")
        data += more
    return data


def read_message(s):
    payload = b""
    while True:
        size = struct.unpack(">H", read(s, 2))[0]
        if size == 0 and payload:
            return wire.unpack(payload)[0]
        payload += read(s, size)


def run(script, options, words, timeout=120):
    server = Server(script)
    done = subprocess.run([sys.argv[1], "127.0.0.1", str(server.port), *options, "--", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout, env=os.environ | {"TZDIR": "/no/zones"})
    server.thread.join(60)
    # The sanitizers end with other words than ours.
    if done.returncode not in (0, 1) or done.stderr:
        tap.check(False, "the client ends in order", done.returncode, done.stderr)
    return done, server


# ---- what real servers said ----

def recordings():
    folder = pathlib.Path(__file__).parent / "recorded"
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def replay(said, send):
    """What the client says must be what it said when it was recorded, to the byte."""
    def script(s):
        for who, data in said:
            data = bytes.fromhex(data)
            if who == "server":
                send(s, data)
                continue
            got = read(s, len(data))
            if got != data:
                raise ConnectionError(f"the client said {got.hex()}\ninstead of {data.hex()}")
        s.settimeout(10)
        s.recv(100)
    return script


def send_bytes(s, data):
    for i in range(len(data)):
        s.sendall(data[i:i + 1])


def without_handshake(data, version_of, handshake):
    """(the handshake's bytes, the rest) of what a server said first."""
    n = 4
    if handshake == "manifest" and data[:4] == wire.MANIFEST:
        n = 4 + 1 + 4 * data[4] + 1
    return data[:n], data[n:]


def reframed(data, chunk):
    """The same messages in smaller chunks, with signs of life between them."""
    out, payload, at = b"", b"", 0
    while at < len(data):
        size = struct.unpack_from(">H", data, at)[0]
        payload += data[at + 2:at + 2 + size]
        at += 2 + size
        if size == 0 and payload:
            out += b"\0\0" + wire.frame(payload, chunk) + b"\0\0\0\0"
            payload = b""
    return out


def reframing(chunk, handshake):
    first = [True]

    def send(s, data):
        head = b""
        if first[0]:
            head, data = without_handshake(data, None, handshake)
            first[0] = False
        s.sendall(head + reframed(data, chunk))
    return send


def test_recordings():
    known = recordings()
    tap.check(len(known) >= 20, f"{len(known)} recordings")
    for name, r in known.items():
        handshake = name.split("-")[1]
        for how, send in (("as it was sent", lambda s, data: s.sendall(data)), ("byte by byte", send_bytes),
                          ("in chunks of 7, with signs of life", reframing(7, handshake)),
                          ("in chunks of 1", reframing(1, handshake))):
            done, server = run(replay(r["said"], send), r["options"], WORDS)
            tap.check(done.stdout.splitlines() == r["shown"] and not server.trouble, f"{name} {how}", done.stdout,
                      server.trouble)
    shown = {name: [line for line in r["shown"] if line.startswith("record ")] for name, r in known.items()}
    one = shown["5.8-manifest"]
    tap.check(len(one) == 7, "seven records", one)
    for name in shown:
        tap.check(shown[name] == one, f"{name} has the same records as 5.8", shown[name])


def test_cut_off():
    """The server hangs up after each of its bytes."""
    for name in ("5.8-manifest", "4.4-legacy"):
        r = recordings()[name]
        total, bad = sum(len(d) // 2 for who, d in r["said"] if who == "server"), []
        for cut in range(0, total, 3):
            left = [cut]

            def send(s, data):
                s.sendall(data[:left[0]])
                if left[0] < len(data):
                    raise ConnectionError("cut")
                left[0] -= len(data)
            done, _ = run(replay(r["said"], send), r["options"], WORDS)
            if done.returncode != 1 or "error connect" not in done.stdout:
                bad.append((cut, done.stdout))
        tap.check(not bad, f"{name}: a server that hangs up after any of {total} bytes is a lost connection", *bad[:2])


# ---- what is made up ----

HELLO = success(server="Neo4j/5.26.0", connection_id="bolt-1")
RAN, END = success(fields=["x"], t_first=1), success(type="r", t_last=1)
QUERY = ["run", "RETURN 1", "pull", "-1", "all"]


def greet(s, hello=HELLO, of=(5, 8)):
    read(s, 20)
    s.sendall(version(*of))
    seen = [read_message(s)]
    if of >= (5, 1):
        seen.append(read_message(s))
        hello += success()
    s.sendall(hello)
    return seen


def answering(*replies, **options):
    """Greets, waits for RUN and PULL, sends the replies, and waits for the end."""
    def script(s):
        greet(s, **options)
        read_message(s), read_message(s)
        s.sendall(b"".join(replies))
        s.settimeout(5)
        try:
            while s.recv(65536):
                pass
        except (TimeoutError, ConnectionError):
            pass
    return script


def refused(what, script, words, *texts, options=(), code="connect"):
    done, _ = run(script, list(options), words)
    ok = done.returncode == 1 and f"error {code}" in done.stdout and all(t in done.stdout for t in texts)
    tap.check(ok, what, done.stdout, done.stderr)


def saying(data):
    def script(s):
        read(s, 20)
        s.sendall(data)
        s.settimeout(2)
        try:
            s.recv(100)
        except (TimeoutError, ConnectionError):
            pass
    return script


def test_handshakes():
    refused("an HTTP port", saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), [], "speaks HTTP", "7687")
    refused("a port that wants TLS", saying(bytes.fromhex("15030300020228")), [], "wants TLS", "bolt+s")
    refused("a server that hangs up at once", lambda s: read(s, 20), [], "closed the connection", "bolt+s")
    refused("a server without a common version", saying(bytes(4)), [], "speaks no version of Bolt")
    refused("a version that was not offered", saying(version(5, 9)), [], "does not speak Bolt")
    refused("a version 3", saying(version(3, 0)), [], "does not speak Bolt")
    refused("SSH", saying(b"SSH-2.0-OpenSSH_9.2\r\n"), [], "does not speak Bolt")
    refused("a manifest of versions from the future", saying(manifest((7, 3, 3), (9, 0, 0))), [], "speaks no version of Bolt")
    refused("an empty manifest", saying(manifest()), [], "speaks no version of Bolt")
    refused("a manifest without end", saying(wire.MANIFEST + b"\xff" * 20), [], "handshake")
    refused("a manifest of a million versions", saying(wire.MANIFEST + b"\xc0\x84\x3d"), [], "handshake")
    refused("a manifest to who did not ask for one", saying(wire.MANIFEST), [], "does not speak Bolt", options=["legacy=1"])
    refused("a server that says nothing", lambda s: (read(s, 20), time.sleep(1)), [], "not answered in time",
            options=["connect_ms=300"])
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    for host, text in (("127.0.0.1", "refused"), ("no-such-host.invalid", "cannot reach no-such-host.invalid")):
        done = subprocess.run([sys.argv[1], host, str(port), "--"], stdout=subprocess.PIPE, text=True)
        tap.check(done.returncode == 1 and "error connect" in done.stdout and text in done.stdout, f"{host}: {text}",
                  done.stdout)

    def newest(s):
        seen.append(read(s, 20))
        s.sendall(manifest((6, 7, 7), (5, 8, 8), (4, 4, 2)))
        seen.append(read(s, 5))
        read_message(s), read_message(s)
        s.sendall(HELLO + success())
    seen = []
    done, _ = run(newest, [], ["info"])
    tap.check(seen[1] == bytes([0, 0, 1, 6, 0]) and "bolt 6.1" in done.stdout, "the newest that both speak is chosen", seen,
              done.stdout)
    tap.check(seen[0] == wire.MAGIC + wire.MANIFEST + bytes([0, 1, 1, 6, 0, 8, 8, 5, 0, 0, 4, 4]), "what is offered", seen)


def test_greetings():
    words, seen = [], []
    for of in ((4, 4), (5, 0), (5, 1), (5, 2), (5, 3), (5, 6)):
        got = []
        run(lambda s: got.extend(greet(s, of=of)), ["user=me", "password=pw", "routing=host:7687", "notifications=OFF",
                                                     "legacy=1", "user_agent=test/1"], words)
        hello = got[0].fields[0]
        logon = got[1].fields[0] if len(got) > 1 else {k: hello.pop(k) for k in ("scheme", "principal", "credentials")}
        want = {"user_agent": "test/1", "routing": {"address": "host:7687"}}
        if of == (4, 4):
            want["patch_bolt"] = ["utc"]
        if of >= (5, 2):
            want["notifications_minimum_severity"] = "OFF"
        if of >= (5, 3):
            want["bolt_agent"] = {"product": "test/1", "language": "C"}
        tap.check(got[0].tag == wire.HELLO and hello == want, f"HELLO of {of[0]}.{of[1]}", hello)
        tap.check(logon == {"scheme": "basic", "principal": "me", "credentials": "pw"}, "and who it is", logon)

    def failing(meta, at=1):
        def script(s):
            read(s, 20)
            s.sendall(version(5, 8))
            read_message(s)
            s.sendall((HELLO if at else b"") + message(FAILURE, meta) + (b"" if at else message(IGNORED)))
        return script
    refused("a wrong password", failing({"code": "Neo.ClientError.Security.Unauthorized", "message": "no"}), [],
            "Neo.ClientError.Security.Unauthorized", code="permission")
    refused("one that a HELLO is refused for", failing({"code": "Neo.ClientError.Security.Unauthorized", "message": "no"}, 0), [],
            "Neo.ClientError.Security.Unauthorized", code="permission")
    refused("a server that is just starting", failing({"code": "Neo.TransientError.General.DatabaseUnavailable", "message": "wait"}),
            [], "DatabaseUnavailable", code="retry")

    def expired(s):
        read(s, 20)
        s.sendall(version(5, 8) + HELLO + success(credentials_expired=True))
        time.sleep(0.2)
    refused("a password that has expired", expired, [], "CredentialsExpired", "ALTER CURRENT USER", code="permission")
    refused("a greeting that never ends", lambda s: greet(s, hello=b"".join(b"\xff\xff" + bytes(65535) for _ in range(20))), [],
            "more than 1 MiB", code="unsupported")
    for what, hello in (("a record for a greeting", record(1)), ("a HELLO that is ignored", message(IGNORED)),
                        ("a greeting that is a list", message(SUCCESS, [1])), ("an unknown message", message(0x55, {})),
                        ("a value that is no message", wire.frame(wire.pack(1))),
                        ("a message of two fields", wire.frame(wire.pack(Struct(SUCCESS, {}, {}))))):
        done, _ = run(lambda s: greet(s, hello=hello), [], ["info"])
        tap.check(done.returncode == 1 and ("error connect" in done.stdout or "error corrupt" in done.stdout), what, done.stdout)


def test_replies():
    done, _ = run(answering(RAN, record(7), record("x"), END), [], QUERY + ["info"])
    tap.check([line.split(" {")[0] for line in done.stdout.splitlines()] ==
              ["success", "record 7", "record x", "success", "bolt 5.8 Neo4j/5.26.0 bolt-1 utc 1 pending 0"], "a reply", done.stdout)
    refused("a record for a RUN", answering(record(1)), QUERY, "nobody had asked for")
    refused("a request for an answer", answering(message(wire.HELLO, {})), QUERY, "nobody had asked for")
    done, _ = run(answering(RAN, END, END), [], QUERY + ["info"])
    tap.check(done.returncode == 0 and "pending 0" in done.stdout, "a reply too many waits for its request", done.stdout)
    refused("damaged records end in an error, not in a value", answering(RAN, wire.frame(bytes.fromhex("b171 92 01"))),
            QUERY, "closed", options=["deadline_ms=8000"])
    done, _ = run(answering(RAN, wire.frame(bytes.fromhex("b171 92 01")), END), [], QUERY)
    tap.check("cut off" in done.stdout, "and are shown as damaged", done.stdout)

    big = "y" * 3_000_000
    for chunk in (0xFFFF, 1000, 65000):
        done, _ = run(answering(RAN, message(RECORD, [big, 1], chunk=chunk), record(2), END), [], QUERY)
        tap.check(f"record {big} | 1\nrecord 2\n" in done.stdout, f"three megabytes in chunks of {chunk}", done.stdout[:200])

    def silent(s):
        greet(s, hello=success(server="S", connection_id="c", hints={"connection.recv_timeout_seconds": 1}))
        read_message(s), read_message(s)
        for _ in range(4):
            time.sleep(0.5)
            s.sendall(b"\0\0")
        s.sendall(RAN)
        try:
            s.recv(1)
        except ConnectionError:
            pass
    started = time.monotonic()
    refused("a server that promised signs of life falls silent", silent, QUERY, "silent for 1 s")
    tap.check(time.monotonic() - started > 2, "and as long as they came it was waited for")


def test_stopping():
    def resettable(tail):
        def script(s):
            seen.append(greet(s))
            while (got := read_message(s)).tag not in (wire.RESET, wire.GOODBYE):
                seen.append(got.tag)
            seen.append(got.tag)
            s.sendall(tail)
            s.settimeout(5)
            s.recv(100)
        return script
    stopped = message(FAILURE, {"code": "Neo.TransientError.Transaction.Terminated", "message": "stopped"})
    for what, options, text in (("an interrupt", ["interrupt_ms=200"], "error cancelled"),
                                ("a deadline", ["deadline_ms=200"], "error retry")):
        seen = []
        done, _ = run(resettable(stopped + message(IGNORED) + success()), options,
                      ["lenient", "run", "RETURN 1", "pull", "-1", "receive", "reset", "info"])
        tap.check(text in done.stdout and "reset\n" in done.stdout and "pending 0" in done.stdout, f"{what}, and a reset", done.stdout)
        tap.check(seen[1:] == [wire.RUN, wire.PULL, wire.RESET], "the server sees it", seen)
    seen = []
    done, _ = run(resettable(success()), ["interrupt_ms=1"],
                  ["lenient", "sleep", "300", "run", "CREATE ()", "pull", "-1", "receive", "receive", "reset", "info"])
    tap.check(seen[1:] == [wire.RESET] and done.stdout.count("error cancelled") == 2 and "pending 0" in done.stdout,
              "what was not sent when the interrupt came is never sent", seen, done.stdout)
    seen = []
    done, _ = run(resettable(message(FAILURE, {"code": "Neo.X", "message": "no"})), [], ["lenient", "reset", "info", "reset"])
    tap.check(done.stdout.count("error connect") == 2 and "refused a reset" in done.stdout, "a reset that is refused", done.stdout)
    seen = []
    done, _ = run(resettable(message(IGNORED)), [], ["lenient", "reset"])
    tap.check("ignored a reset" in done.stdout, "a reset that is ignored", done.stdout)

    def deaf(s):
        greet(s)
        time.sleep(2)
    done, _ = run(deaf, ["deadline_ms=300"], ["lenient", "params", "50000000", "run", "RETURN $p", "pull", "-1", "receive",
                                              "reset"])
    tap.check("error retry" in done.stdout and "in the middle of sending" in done.stdout,
              "a request that is cut off in the middle is never completed", done.stdout)


def test_both_ways():
    """Neither side reads until its own is sent: only who reads while it writes gets through."""
    def script(s):
        greet(s)
        want = 20_000_000
        s.sendall(RAN + record("z" * want))
        sizes.append(len(read_message(s).fields[1]["p"]))
        read_message(s)
        s.sendall(END)
        s.recv(1)
    sizes = []
    done, _ = run(script, ["deadline_ms=60000"], ["params", "20000000", "run", "RETURN $p", "pull", "-1", "count"])
    tap.check("records 1" in done.stdout and sizes == [20_000_000], "both write before they read", done.stdout, sizes)


def failure_of(meta, *texts):
    done, _ = run(answering(message(FAILURE, meta), message(IGNORED)), [],
                  ["run", "RETURN 'ä😀' +\n x", "pull", "-1", "all"])
    lines = done.stdout.splitlines()
    name = meta.get("neo4j_code") or meta.get("code")
    tap.check(lines and lines[0].startswith("error ") and all(t in lines[0] for t in texts) and
              lines[-1].strip() == "ignored", f"{name} {meta.get('gql_status', '')}: {texts[0]}", done.stdout)
    return lines[0]


def test_failures():
    old = lambda code, text="words": {"code": code, "message": text}
    for code, what in (
            ("Neo.TransientError.Transaction.DeadlockDetected", "error retry"),
            ("Neo.TransientError.Transaction.LockAcquisitionTimeout", "error retry"),
            ("Neo.TransientError.Transaction.Terminated", "error failed"),
            ("Neo.TransientError.Transaction.LockClientStopped", "error failed"),
            ("Neo.ClientError.Cluster.NotALeader", "error retry"),
            ("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", "error retry"),
            ("Neo.ClientError.Security.AuthorizationExpired", "error retry"),
            ("Neo.ClientError.Security.Forbidden", "error permission"),
            ("Neo.ClientError.Security.TokenExpired", "error permission"),
            ("Neo.ClientError.Statement.AccessMode", "error permission"),
            ("Neo.ClientError.Database.DatabaseNotFound", "error not_found"),
            ("Neo.ClientError.Schema.ConstraintAlreadyExists", "error conflict"),
            ("Neo.ClientError.Schema.IndexWithNameAlreadyExists", "error conflict"),
            ("Neo.TransientError.General.MemoryPoolOutOfMemoryError", "error no_memory"),
            ("Neo.TransientError.General.TransactionOutOfMemoryError", "error no_memory"),
            ("Neo.ClientError.Transaction.TransactionTimedOut", "error failed"),
            ("Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration", "error failed"),
            ("Neo.ClientError.Statement.SyntaxError", "error failed"),
            ("ClientError", "error failed")):
        failure_of(old(code), what, f"{code}: ", "words")
    failure_of(old("Neo.ClientError.Schema.ConstraintValidationFailed", "Node(1) already exists with label `A` and property `x` = 1"),
               "error conflict")
    failure_of(old("Neo.ClientError.Schema.ConstraintValidationFailed", "Node(1) with label `A` must have the property `x`"),
               "error failed")
    failure_of(old("Neo.DatabaseError.Transaction.TransactionCommitFailed", "java.io.IOException: No space left on device"),
               "error disk_full")
    failure_of({"neo4j_code": "Neo.ClientError.Schema.ConstraintValidationFailed", "gql_status": "22N79", "message": "words",
                "description": "error: data exception - property uniqueness constraint violated", "diagnostic_record": {}},
               "error conflict", "words (GQLSTATUS 22N79)")
    failure_of({"neo4j_code": "Neo.ClientError.Statement.X", "gql_status": "50N42", "message": "outer.\n",
                "cause": {"gql_status": "42001", "message": "inner", "description": "d", "cause": {"message": "outer"}}},
               "outer; inner")
    line = failure_of(old("Neo.ClientError.Statement.SyntaxError",
                          "Invalid input 'x': expected y (line 2, column 2 (offset: 16))\n\" x\"\n  ^"),
                      "expected y (line 2, column 2 (offset: 16)) line 2 offset 20")
    tap.check("^" not in line, "without the mark that is drawn below", line)
    failure_of({"neo4j_code": "Neo.ClientError.Statement.SyntaxError", "gql_status": "42001", "message": "bad",
                "diagnostic_record": {"_position": {"offset": 16, "line": 2, "column": 2}}}, "line 2 offset 20")
    failure_of({"message": "only words"}, "error failed : only words")
    failure_of({}, "the server gave no reason")
    failure_of({"code": 1, "message": [1], "cause": 5, "diagnostic_record": 7, "gql_status": None}, "gave no reason")
    failure_of({"code": "Neo." + "x" * 5000, "message": "m" * 100000}, "mmmm")


def test_routes():
    def script(s):
        greet(s)
        seen.append(read_message(s))
        s.sendall(reply)
        if reply[3] == FAILURE:
            read_message(s)
            s.sendall(success())
        s.settimeout(5)
        s.recv(100)
    table = lambda servers, **more: success(rt={"ttl": 300, "db": "d", "servers": servers, **more})
    seen = []
    reply = table([{"addresses": ["a:1", "[::1]:2", "c"], "role": "WRITE"}, {"addresses": [], "role": "READ"},
                   {"addresses": ["d:4"], "role": "ROUTE"}, {"addresses": ["e:5"], "role": "POET"}])
    done, _ = run(script, ["database=d"], ["route"])
    tap.check(done.stdout.splitlines() == ["ttl 300000", "write a 1", "write ::1 2", "write c 7687", "route d 4"],
              "a routing table", done.stdout)
    tap.check(seen[0] == Struct(wire.ROUTE, {}, [], {"db": "d"}), "and how it is asked for", seen)
    for what, reply in (("no table", success()), ("one without servers", success(rt={"ttl": 1})),
                        ("one that never ends", success(rt={"ttl": -1, "servers": []})),
                        ("servers that are none", table([1])), ("a server without a role", table([{"addresses": ["a:1"]}])),
                        ("an address without a host", table([{"addresses": [":1"], "role": "READ"}])),
                        ("a port that is none", table([{"addresses": ["a:99999"], "role": "READ"}])),
                        ("an address that is a number", table([{"addresses": [1], "role": "READ"}])),
                        ("an address without end", table([{"addresses": ["x" * 300 + ":1"], "role": "READ"}])),
                        ("half an IPv6 address", table([{"addresses": ["[::1"], "role": "READ"}]))):
        refused(f"a routing table: {what}", script, ["route"], "routing table is damaged", code="corrupt")
    reply = message(FAILURE, {"code": "Neo.ClientError.Database.DatabaseNotFound", "message": "no d"})
    refused("a database that is not there", script, ["lenient", "route", "info"], "no d", "pending 0", code="not_found")


def main():
    test_recordings()
    test_cut_off()
    test_handshakes()
    test_greetings()
    test_replies()
    test_stopping()
    test_both_ways()
    test_failures()
    test_routes()
    tap.done()


if __name__ == "__main__":
    main()
