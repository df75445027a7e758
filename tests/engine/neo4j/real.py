#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bolt against real servers (TEST_URL_NEO4J, TEST_URL_NEO4J_NEWEST): each version that they offer, what they refuse, large
values, stopping. real.py BOLT_PROBE"""
import os
import re
import subprocess
import sys
import time
import urllib.parse

from transcripts import tap

OFFERED = {"5.26": ["4.4", "5.0", "5.1", "5.2", "5.3", "5.4", "5.6", "5.7", "5.8"],
           "20": ["4.4", "5.0", "5.4", "5.8", "6.0", "6.1"]}

# What the server's toString() says is what people shall see.
READABLE = """UNWIND [date('2020-01-02'), date('-0001-12-31'), date('+12345-01-01'), date('-999999999-01-01'),
 time('12:31:14.645876123+01:00'), time('12:00Z'), localtime('00:00'), localtime('12:31:14.6'),
 datetime('2015-06-24T12:50:35.556+0100'), datetime('2015-06-24T12:50:35-08:00'), localdatetime('2015-06-24T00:00'),
 localdatetime('-0044-03-15T12:00:01.000000001'), duration('P14Y3M2DT5H6M7.5S'), duration({seconds: -1, nanoseconds: 500000000}),
 duration({seconds: -61, nanoseconds: 500000000}), duration('PT0S'), duration({months: -14, days: 3}),
 duration({seconds: -3600}), duration({seconds: 59, nanoseconds: -1}), duration({seconds: -60, nanoseconds: -1}),
 duration({seconds: -60, nanoseconds: 1}), duration('P1W'), point({x: 1, y: 2.5}), point({x: 1, y: 2, z: 3}),
 point({longitude: 12.5, latitude: 55}), point({longitude: 12.5, latitude: 55, height: 10}), 1.0, 1e7, 123456.789, 1e-3, 1e-4,
 1.0/3, 1e300, 0.1+0.2, -0.0, 5e-324, 1.7976931348623157e308, 9007199254740993.0, 100.0, 12345678.9, true, 9223372036854775807,
 -9223372036854775808, 'text', datetime('2015-07-24T12:50:35[Europe/London]'), datetime('1800-07-24T12:50:35[Europe/London]'),
 datetime('2020-12-01T00:00[Asia/Kolkata]'), datetime('2020-10-25T02:30+01:00[Europe/Berlin]'),
 datetime('2020-10-25T02:30+02:00[Europe/Berlin]'), datetime('1970-01-01T00:00[Australia/Lord_Howe]')] AS x
 RETURN toString(x), x"""


class Probe:
    def __init__(self, url):
        u = urllib.parse.urlsplit(url)
        self.host, self.port = u.hostname, u.port
        self.who = [f"user={u.username}", f"password={urllib.parse.unquote(u.password or '')}"] if u.username else []

    def __call__(self, *words, options=(), who=None):
        return subprocess.run([sys.argv[1], self.host, str(self.port), *(self.who if who is None else who), *options, "--", *words],
                              stdout=subprocess.PIPE, text=True, timeout=280).stdout


def query(text):
    return ["run", text, "pull", "-1", "all"]


def versions(probe, server):
    offered = next(v for start, v in OFFERED.items() if server.startswith("Neo4j/" + start))
    newest = offered[-1]
    tap.check(f"bolt {newest} " in probe("info"), f"{server} is spoken to in {newest}")
    for version in offered:
        for legacy in ([], ["legacy=1"]):
            shown = probe("lenient", "info", *query("RETURN 1 AS x, [date('2020-01-02')], datetime('2020-01-02T03:04:05+01:00')"),
                          *query("RETRUN 1"), "reset", *query("RETURN 2"), options=[f"version={version}", *legacy])
            tap.check(f"bolt {version} {server} " in shown and "utc 1" in shown and
                      "record 1 | [2020-01-02] | 2020-01-02T03:04:05+01:00\n" in shown and
                      "error failed Neo.ClientError.Statement.SyntaxError" in shown and "line 1 offset 1\nignored" in shown and
                      "record 2\n" in shown, f"{server}: {version} {' '.join(legacy)}", shown)
    shown = probe("info", options=["version=3.0"])
    tap.check("does not speak Bolt 3.0" in shown, "a version that it has no more", shown)


def readable(probe):
    pairs = [line[7:].split(" | ") for line in probe(*query(READABLE)).splitlines() if line.startswith("record ")]
    tap.check(len(pairs) == 50, f"{len(pairs)} values", pairs[:3])
    zones = os.path.exists("/usr/share/zoneinfo/Europe/London")
    bad = [p for p in pairs if p[0] != p[1] and (zones or "[" not in p[0])]
    tap.check(not bad, "are shown as the server writes them", *bad)
    shown = probe(*query("RETURN [0.0/0, 1.0/0, 'it\\'s'], {`a b`: null, c: [[]]}"))
    tap.check("record [NaN, Infinity, 'it\\'s'] | {`a b`: null, c: [[]]}" in shown, "and so are lists and maps", shown)


def refusals(probe):
    name = f"bolt_test_{os.getpid()}"
    shown = probe(*query("RETURN 1"), who=[probe.who[0], "password=certainly-wrong"])
    tap.check("error permission Neo.ClientError.Security.Unauthorized" in shown, "a wrong password", shown)
    shown = probe(*query("RETURN 1"), who=[])
    tap.check("error permission Neo.ClientError.Security.Unauthorized" in shown, "no password", shown)
    shown = probe("lenient", *query("RETURN 'ä😀',\n x"))
    tap.check("Variable `x` not defined" in shown and "line 2 offset 19" in shown, "where a syntax error is", shown)
    shown = probe("lenient", *query(f"CREATE CONSTRAINT {name} FOR (n:{name}) REQUIRE n.x IS UNIQUE"),
                  *query(f"CREATE CONSTRAINT {name} FOR (n:{name}) REQUIRE n.y IS UNIQUE"), "reset",
                  *query(f"CREATE (:{name} {{x: 1}}), (:{name} {{x: 1}})"), "reset", *query(f"DROP CONSTRAINT {name}"),
                  *query(f"DROP CONSTRAINT {name}"))
    errors = re.findall(r"^error (\S+) (\S+):", shown, re.M)
    tap.check([e[1].split(".")[-1] for e in errors] == ["ConstraintWithNameAlreadyExists", "ConstraintValidationFailed",
                                                        "ConstraintDropFailed"] and
              [e[0] for e in errors][:2] == ["conflict", "conflict"], "constraints", shown)
    shown = probe("lenient", *query("RETURN 1"), options=["database=nowhere"])
    tap.check("error not_found Neo.ClientError.Database.DatabaseNotFound" in shown and "nowhere" in shown, "no such database", shown)
    shown = probe("lenient", "begin", *query(f"CREATE INDEX {name} FOR (n:{name}) ON (n.x)"), *query(f"CREATE (:{name})"))
    tap.check("ForbiddenDueToTransactionType" in shown and "either changes the schema or writes data" in shown,
              "schema and data in one transaction", shown)
    shown = probe("lenient", *query("UNWIND range(1, 1000000000000) AS x RETURN sum(x)"), "reset", *query("RETURN 1"),
                  options=["timeout_ms=300"])
    tap.check("TransactionTimedOut" in shown and "reset\n" in shown and "record 1\n" in shown, "a transaction's time", shown)


def transactions(probe):
    name = f"bolt_test_{os.getpid()}"
    shown = probe("begin", *query(f"CREATE p = (n:{name} {{x: 1}})-[r:R]->(n) RETURN n, r, [p]"), "rollback", "all",
                  *query(f"MATCH (n:{name}) RETURN count(n)"))
    tap.check(f"record (:{name} {{x: 1}}) | [:R] | [(:{name} {{x: 1}})-[:R]->(:{name} {{x: 1}})]" in shown, "a graph", shown)
    tap.check(shown.count("record 0\n") == 1, "is rolled back", shown)
    statements = [w for i in range(300) for w in ("run", f"CREATE (:{name} {{x: {i}}})", "discard", "-1")]
    shown = probe("mute", "begin", *statements, "commit", "all")
    tap.check(len(re.findall("^success", shown, re.M)) == 602, "three hundred statements in one go", shown[-300:])
    shown = probe(*query(f"MATCH (n:{name}) RETURN count(n), sum(n.x)"), *query(f"MATCH (n:{name}) DELETE n"))
    tap.check("record 300 | 44850\n" in shown, "are committed", shown)


def amounts(probe):
    shown = probe("params", "100000000", "run", "RETURN $p, size($p)", "pull", "-1", "count", *query("RETURN 1"))
    tap.check("records 1\n" in shown and "record 1\n" in shown, "a string of 100 MB, there and back", shown[:500])
    shown = probe("run", "UNWIND range(1, 300000) AS x RETURN x, x * 2", "pull", "-1", "count")
    tap.check("records 300000\n" in shown, "300,000 records", shown)
    shown = probe("run", "UNWIND range(1, 10) AS x RETURN x", "pull", "3", "count", "pull", "3", "count", "discard", "-1", "count")
    tap.check(shown.count("records 3\n") == 2 and "records 0\n" in shown, "in parts", shown)


def stopping(probe):
    endless = "UNWIND range(1, 1000000000000) AS x RETURN sum(x)"
    for what, options, text in (("an interrupt", ["interrupt_ms=400"], "error cancelled"),
                                ("a deadline", ["deadline_ms=400"], "error retry")):
        started = time.monotonic()
        shown = probe("lenient", "run", endless, "pull", "-1", "receive", "receive", "reset", *query("RETURN 1"), options=options)
        tap.check(text in shown and "reset\n" in shown and "record 1\n" in shown, f"{what} stops a statement", shown)
        tap.check(time.monotonic() - started < 60, "before its end")
    shown = probe("run", "UNWIND range(1, 100000000) AS x RETURN x", "pull", "-1", "receive", "receive", "reset", *query("RETURN 1"))
    tap.check("reset\n" in shown and shown.endswith("}\n") and "record 1\n" in shown, "a stream that nobody wants is stopped", shown[-400:])


def routes(probe):
    shown = probe("route", *query("RETURN 1"), options=["routing=some.host:1234"])
    tap.check(re.search(r"^ttl \d+\n", shown) and re.search(r"^write \S+ \d+$", shown, re.M) and "record 1\n" in shown,
              "a routing table", shown)
    shown = probe("lenient", "route", "info", options=["database=nowhere", "routing=some.host:1234"])
    tap.check("error not_found" in shown and "pending 0" in shown, "of a database that is not there", shown)


def main():
    urls = {name: os.environ[name] for name in ("TEST_URL_NEO4J", "TEST_URL_NEO4J_NEWEST") if os.environ.get(name)}
    if not urls:
        print("1..0 # SKIP no Neo4j (TEST_URL_NEO4J)")
        return
    for name, url in urls.items():
        probe = Probe(url)
        server = re.search(r"Neo4j/\S+", probe("info"))
        tap.check(server, f"{name} answers")
        if not server:
            continue
        for part in (lambda p: versions(p, server.group()), readable, refusals, transactions, amounts, stopping, routes):
            part(probe)
    tap.done()


main()
