#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""graph_cluster.py PROBE: routing in a cluster, with servers of this file's own that speak as much Bolt as that needs."""
import json
import os
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from bolt_client import Structure, Unpacker, pack  # noqa: E402

PROBE = sys.argv[1]
HELLO, GOODBYE, RESET, RUN, COMMIT, PULL, ROUTE = 0x01, 0x02, 0x0F, 0x10, 0x12, 0x3F, 0x66
SUCCESS, RECORD, IGNORED, FAILURE = 0x70, 0x71, 0x7E, 0x7F
points = failures = 0


def check(condition, what, *details):
    global points, failures
    points += 1
    print(f"{'ok' if condition else 'not ok'} {points} - {what}", flush=True)
    if not condition:
        failures += 1
        for detail in details:
            print(f"# {detail}")


class Member:
    """A server of a cluster: takes writes when it leads, knows the routing table, counts what it was asked."""

    def __init__(self, cluster):
        self.cluster, self.writes, self.queries = cluster, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self, connection):
        with connection, connection.makefile("rwb") as stream:
            stream.read(20)
            stream.write(b"\x00\x00\x04\x05")
            stream.flush()
            failed, rows = False, []
            while True:
                message = self.read(stream)
                if message is None or message.tag == GOODBYE:
                    return
                if message.tag == COMMIT and self.cluster.drops_commit:
                    return
                if message.tag == RESET:
                    failed = False
                if failed:
                    self.write(stream, IGNORED)
                    continue
                failed, rows = self.answer(stream, message, rows)

    def answer(self, stream, message, rows):
        meta = {}
        if message.tag == HELLO:
            meta = {"server": "Neo4j/5.26.0", "connection_id": "bolt-1", "hints": {}}
        elif message.tag == ROUTE:
            meta = {"rt": {"ttl": 300, "db": "neo4j", "servers": self.cluster.table()}}
        elif message.tag == RUN:
            self.queries += 1
            query = message.fields[0]
            rows = [["5.26.0", "enterprise", "ID", "neo4j"]] if "dbms.components" in query else []
            if query.startswith("CREATE"):
                if self is not self.cluster.leader:
                    self.write(stream, FAILURE, {"code": "Neo.ClientError.Cluster.NotALeader",
                                                 "message": "No longer the leader"})
                    return True, []
                self.writes += 1
            meta = {"fields": ["version", "edition", "id", "database"][:4 if rows else 0]}
        elif message.tag == PULL:
            for row in rows:
                self.write(stream, RECORD, row)
            meta = {"bookmark": f"mark-{self.writes}"}
        self.write(stream, SUCCESS, meta)
        return False, rows

    @staticmethod
    def read(stream):
        data = b""
        while True:
            head = stream.read(2)
            if len(head) < 2:
                return None
            size = struct.unpack(">H", head)[0]
            if size:
                data += stream.read(size)
            elif data:
                return Unpacker(data).value()

    @staticmethod
    def write(stream, tag, *fields):
        data = pack(Structure(tag, list(fields)))
        stream.write(struct.pack(">H", len(data)) + data + b"\0\0")
        stream.flush()


class Cluster:
    def __init__(self, size):
        self.members = [Member(self) for _ in range(size)]
        self.leader = self.members[0]
        self.shown = None  # instead of the leader's address
        self.drops_commit = False  # the connection breaks where a COMMIT should be answered

    def table(self):
        writers = [self.leader.address] if self.leader else []
        writers = self.shown if self.shown is not None else writers
        readers = [m.address for m in self.members if m is not self.leader]
        return [{"addresses": writers, "role": "WRITE"}, {"addresses": readers, "role": "READ"},
                {"addresses": [m.address for m in self.members], "role": "ROUTE"}]


def url(member, scheme="neo4j"):
    return f"{scheme}://neo4j:secret@{member.address}/neo4j"


def start(what, address, *arguments):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NEO4J_")}
    return subprocess.Popen([PROBE, what, address, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, env=clean)


def probe(what, address, *arguments, lines=""):
    out, _ = start(what, address, *arguments).communicate(lines, timeout=60)
    return json.loads(out.splitlines()[-1])


def step(running):
    running.stdin.write("\n")
    running.stdin.flush()
    return running.stdout.readline().strip()


def test_writer():
    cluster = Cluster(3)
    leader, follower, third = cluster.members
    told = probe("write", url(follower), 1, lines="\n")
    check(told["code"] == "ok" and leader.writes == 1 and follower.writes == 0, "writes go to the leader", told)
    told = probe("write", url(leader), 1, lines="\n")
    check(told["code"] == "ok" and leader.writes == 2, "which may be the URL's own", told)
    before = leader.queries
    told = probe("read", url(leader))
    check(leader.queries == before and follower.queries + third.queries > 0, "who only reads goes to a reader", told)
    told = probe("write", url(follower, "bolt"), 1, lines="\n")
    check(told["code"] == "retry" and "neo4j://" in told["hint"], "bolt:// stays, and the hint names neo4j://", told)
    check(follower.writes == 0, "a follower has written nothing")


def test_change_of_leader():
    cluster = Cluster(3)
    first, second, third = cluster.members
    running = start("write", url(second), 5)
    check(step(running) == "ok" and first.writes == 1, "the leader takes a write")
    cluster.leader = third
    check(step(running) == "retry", "no longer the leader: try again")
    check(step(running) == "ok" and third.writes == 1, "and the next goes to the new one")
    cluster.leader = second
    first.stop()
    check(step(running) == "retry" and step(running) == "ok" and second.writes == 1, "also when another server is gone")
    running.communicate(timeout=60)


def test_nobody():
    cluster = Cluster(2)
    cluster.shown = []
    told = probe("connect", url(cluster.members[1]))
    check(told["code"] == "connect" and "takes writes" in told["message"], f"no leader: {told['message']}", told)
    cluster.shown = ["127.0.0.1:1"]
    told = probe("connect", url(cluster.members[1]))
    check(told["code"] == "connect" and "127.0.0.1:1" in told["message"] and "advertised_address" in told["hint"],
          f"a leader that cannot be reached: {told['message']}", told)
    cluster.shown = ["127.0.0.1:1", cluster.leader.address]
    told = probe("write", url(cluster.members[1]), 1, lines="\n")
    check(told["code"] == "ok" and cluster.leader.writes == 1, "the next one that can", told)


def test_lost_commit():
    cluster = Cluster(1)
    told = probe("commit", url(cluster.leader), lines="\n")
    check(told["code"] == "ok" and cluster.leader.writes == 2, "a transaction is committed", told)
    cluster.drops_commit = True
    told = probe("commit", url(cluster.leader), lines="\n")
    check(told["code"] == "connect" and "not known" in told["hint"] and told["afterwards"] == "connect",
          f"a connection that breaks in COMMIT leaves the outcome open, and says so: {told['hint']}", told)


def main():
    test_lost_commit()
    test_writer()
    test_change_of_leader()
    test_nobody()
    print(f"1..{points}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
