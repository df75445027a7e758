#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Records a second from a Neo4j server: this project's driver (a small C program on the engine's interface), Neo4j's driver
for Python as it comes and with its part in Rust, in turns; and a reader that counts bytes and looks at none, which shows
what the server can do.
"""

import sys
import time

import common
import neo4j_common as neo4j
from bolt_client import PULL, RUN, BoltClient

bench = common.Bench("neo4j_driver", __doc__.strip().split("\n\n")[0], runs=5, program="dataflow")
bench.parser.add_argument("--records", type=int, default=1000000)
LIBRARIES = ["-lsqlite3", "-lsimdjson", "-lxxhash", "-lssl", "-lcrypto", "-lz", "-lpthread", "-ldl"]


def drained(running, query):
    """Seconds until the server has sent everything and closed the connection, and the bytes."""
    client = BoltClient("127.0.0.1", running.port.number, "neo4j", running.password)
    began = time.monotonic()
    client._send(RUN, query, {}, {})
    client._send(PULL, {"n": -1})
    size, tail, block = 0, b"", bytearray(1 << 18)
    while True:
        count = client.socket.recv_into(block)
        size += count
        tail = (tail + bytes(block[:count][-512:]))[-512:]
        if not count or ended(tail):
            break
    took = time.monotonic() - began
    client.close()
    return took, size


def ended(tail):
    """Whether the last bytes are a message of SUCCESS that closes the results: it tells when they were consumed."""
    return tail.endswith(b"\0\0") and b"t_last" in tail


def c_program():
    return common.linked(bench, "neo4j_records", ["engine/libengine.a", "sql/libsql.a", "io/libio.a", "base/libbase.a"], *LIBRARIES)


def measure(running, program, what, query, count):
    """Each reads the records once without being timed, then once with; in turns."""
    peers = {"Python": neo4j.peer("neo4j-python"), "Python and Rust": neo4j.peer("neo4j-python-rust")}
    rates = {name: [] for name in ("ours", "bytes", *(n for n, path in peers.items() if path))}
    for _ in range(bench.runs):
        answers = {"ours": common.answer([program, running.tcp_url(), query, 2])}
        for name, path in peers.items():
            if path:
                answers[name] = neo4j.ask_peer(path, "records", running, query, 2)
        for name, answer in answers.items():
            if answer["rows"] != count or answer["sum"] != answers["ours"]["sum"]:
                raise RuntimeError(f"{name}: {answer['rows']} records of {count}, sum {answer['sum']}")
            rates[name].append(count / answer["seconds"][-1])
        rates["bytes"].append(count / drained(running, query)[0])
    group = f"records from Neo4j {neo4j.server_version()}: {what}"
    label = f"neo4j {neo4j.version('neo4j_python')} for Python"
    held = (label, rates["Python"]) if "Python" in rates else None
    bench.add(group, "this driver", rates["ours"], "records/s", ">= 3 x" if held else None, held)
    if "Python and Rust" in rates:
        bench.add(group, "the same", rates["ours"], "records/s", None, (label + " with neo4j-rust-ext", rates["Python and Rust"]))
    bench.add(group, "the same", rates["ours"], "records/s", None, ("counting bytes alone", rates["bytes"]))


def main():
    options = bench.start()
    running = neo4j.server()
    if not running:
        return bench.finish()
    program, count = c_program(), bench.scale(options.records)
    with running:
        measure(running, program, f"{count:,} small integers", f"UNWIND range(1, {count}) AS x RETURN x", count)
        nodes = count // 5
        neo4j.generate(running, nodes, nodes // 10)
        measure(running, program, f"{nodes:,} nodes", "MATCH (n) RETURN n", nodes)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
