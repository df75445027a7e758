#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
test_graphs.py TOOL: digests of graphs on a real server. Whatever the order in which a graph is made it has one digest; whatever
one thing is changed it has another; the digest of a dump, of what it is loaded into, and over another version of Bolt is the same.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from peers import Tap, need, skip_all  # noqa: E402
from servers import Neo4j  # noqa: E402

need("neo4j")
from graphs import Graph  # noqa: E402
from pictures import differences, everything, picture  # noqa: E402

TOOL = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""


def call(url, *arguments, **streams):
    done = subprocess.run([TOOL, url, *arguments], capture_output="stdout" not in streams, stderr=subprocess.PIPE if "stdout" in streams else None,
                          env=os.environ, timeout=600, **streams)
    said = done.stderr.decode()
    if done.returncode:
        raise RuntimeError(said)
    return json.loads((said if "stdout" in streams else done.stdout.decode()).splitlines()[-1])


# Nodes by number, with twins among them; edges by the numbers of their ends, parallel ones and loops among them.
NODES = [(["A"], {"x": i % 5}) for i in range(20)] + [(["B", "A"], {"x": i, "t": f"t{i}", "l": [1, 2, i]}) for i in range(10)] + [([], {})] * 5
EDGES = [(i * 7 % 35, i * 11 % 35, ("R", "S")[i % 2], {"n": i % 3}) for i in range(70)] + [(3, 3, "R", {}), (3, 3, "R", {}), (1, 2, "R", {"n": 1}), (1, 2, "R", {"n": 1})]
SCHEMA = ["CREATE INDEX i FOR (a:A) ON (a.x)", "CREATE CONSTRAINT c FOR (b:B) REQUIRE b.t IS UNIQUE"]


def make(graph, seed):
    """The same graph, in another order, with other ids."""
    chance = random.Random(seed)
    graph.wipe()
    if seed % 2:
        graph.run("UNWIND range(1, $n) AS i CREATE (:Gone)", n=chance.randrange(50))
    schema = SCHEMA[:]
    chance.shuffle(schema)
    for statement in schema:
        graph.run(statement)
    order = list(range(len(NODES)))
    chance.shuffle(order)
    ids = {}
    for number in order:
        labels, properties = NODES[number]
        names, items = labels[:], list(properties.items())
        chance.shuffle(names)
        chance.shuffle(items)
        ids[number] = graph.one(f"CREATE (n{''.join(':' + name for name in names)}) SET n = $p RETURN elementId(n)", p=dict(items))
    graph.run("MATCH (n:Gone) DELETE n")
    edges = EDGES[:]
    chance.shuffle(edges)
    for a, b, kind, properties in edges:
        graph.run(f"MATCH (a), (b) WHERE elementId(a) = $a AND elementId(b) = $b CREATE (a)-[r:{kind}]->(b) SET r = $p", a=ids[a], b=ids[b], p=properties)


CHANGES = [
    "MATCH (n:B {x: 3}) SET n.x = 4", "MATCH (n:B {x: 3}) SET n.x = 3.0", "MATCH (n:B {x: 3}) SET n.x = '3'", "MATCH (n:B {x: 3}) SET n.y = 3", "MATCH (n:B {x: 3}) REMOVE n.t",
    "MATCH (n:B {x: 3}) SET n.l = [1, 3, 2]", "MATCH (n:B {x: 3}) SET n.l = []", "MATCH (n:B {x: 3}) SET n:C", "MATCH (n:B {x: 3}) REMOVE n:A", "MATCH (n:A {x: 1}) WITH n LIMIT 1 SET n.z = null, n.x = 2",
    "CREATE ()", "CREATE (:A {x: 1})", "MATCH (n) WHERE size(labels(n)) = 0 WITH n LIMIT 1 DETACH DELETE n",
    "MATCH (a)-[r:R {n: 1}]->(b) WITH r LIMIT 1 DELETE r", "MATCH (a)-[r:R {n: 1}]->(b) WITH r LIMIT 1 SET r.n = 5", "MATCH (a)-[r:R {n: 1}]->(b) WITH r LIMIT 1 REMOVE r.n",
    "MATCH (a)-[r:R]->(a) WITH a, r LIMIT 1 CREATE (a)-[:R]->(a)", "MATCH (a:B {x: 1})-[r]->(b) WHERE a <> b WITH a, b, r, type(r) AS t LIMIT 1 CREATE (b)-[:X]->(a) DELETE r",
    "MATCH (a:B {x: 2}), (b:B {x: 5}) CREATE (a)-[:R]->(b)", "MATCH (a:B {x: 5}), (b:B {x: 2}) CREATE (a)-[:R]->(b)",
    "DROP INDEX i", "DROP CONSTRAINT c", "CREATE INDEX j FOR (a:A) ON (a.y)", "CREATE INDEX j FOR (a:A) ON (a.x, a.y)", "CREATE INDEX j FOR (a:A) ON (a.y, a.x)", "CREATE TEXT INDEX j FOR (a:A) ON (a.y)",
    "CREATE CONSTRAINT d FOR (b:B) REQUIRE b.x IS UNIQUE",
]


def digests(tap, server, graph):
    found = set()
    for seed in range(4):
        make(graph, seed)
        found.add(call(server.url(), "digest")["digest"])
    tap.ok(len(found) == 1, "made in four orders, with other ids: one digest", found)
    seen = {found.pop(): "unchanged"}
    for change in CHANGES:
        make(graph, 1)
        graph.run(change)
        digest = call(server.url(), "digest")["digest"]
        tap.ok(digest not in seen, change, f"the same as: {seen.get(digest)}")
        seen[digest] = change


def versions(tap, server, graph):
    """Over every version of Bolt that the server speaks."""
    graph.wipe()
    everything(graph, people=12)
    found = {version: call(server.url(bolt=version), "digest")["digest"] for version in ("4.4", "5.0", "5.3", "5.4", "5.7", "5.8")}
    tap.ok(len(set(found.values())) == 1, "over Bolt 4.4 to 5.8: one digest", found)


def excluded(tap, server, graph):
    graph.wipe()
    make(graph, 2)
    before = call(server.url(), "digest")
    graph.run("MATCH (a:B {x: 1}), (b:A {x: 0}) WITH a, b LIMIT 1 CREATE (o:_Ours {a: 1})-[:OF]->(a), (b)-[:OF]->(o), (o)-[:OF]->(o)")
    graph.run("CREATE CONSTRAINT ours FOR (o:_Ours) REQUIRE o.a IS UNIQUE")
    with_ours, without = call(server.url(), "digest"), call(server.url(), "digest", "_Ours*")
    tap.ok(without["digest"] == before["digest"] != with_ours["digest"] and without["nodes"] == before["nodes"], "what is excluded does not count", before, )


def to_another(tap, server, graph, version):
    """Dumped there, loaded here, and back: by what Neo4j's driver reads, and by the digest."""
    graph.wipe()
    everything(graph, people=3000)
    before, digest = picture(graph), call(server.url(), "digest")
    with tempfile.TemporaryFile() as file, Neo4j(version) as other:
        there = Graph(other.url())
        report = call(server.url(), "dump", stdout=file)
        tap.ok(report["consistent"] and report["digest"] == digest["digest"], "the dump has the database's digest", report["digest"], )
        file.seek(0)
        tap.equal(call(server.url(), "content", stdin=file)["digest"], digest["digest"], "so has what is read of it")
        file.seek(0)
        call(other.url(), "load", stdin=file)
        after = picture(there)
        tap.ok(before[:2] == after[:2], f"Neo4j {version}: what its driver reads is the same", "\n".join(differences(before[:2], after[:2])))
        tap.ok(len(before[2]) == len(after[2]), f"Neo4j {version}: as many constraints and indexes", f"{before[2]}\n{after[2]}")
        tap.equal(call(other.url(), "digest")["digest"], digest["digest"], f"Neo4j {version}: so is the digest, constraints and indexes included")
        with tempfile.TemporaryFile() as back:
            call(other.url(), "dump", stdout=back)
            back.seek(0)
            call(server.url(), "replace", stdin=back)
        again = picture(graph)
        tap.ok(before == again, "and back: the very same", "\n".join(differences(before, again)))
        call(other.url(), "wipe")
        tap.ok(there.one("MATCH (n) RETURN count(n)") == 0 and there.schema() == [], "wiped, nothing is left")
        there.close()


def main():
    why = Neo4j.why_not()
    if why:
        skip_all(why)
    tap, only = Tap(), os.environ.get("ONLY", "").split()
    with Neo4j() as server:
        graph = Graph(server.url())
        for test in (digests, versions, excluded):
            if not only or test.__name__ in only:
                test(tap, server, graph)
        for version in ("newest",):
            if only and "to_another" not in only:
                continue
            if Neo4j.why_not(version):
                tap.skip(f"to Neo4j {version} and back", Neo4j.why_not(version))
            else:
                to_another(tap, server, graph, version)
        graph.close()
    return tap.done()


if __name__ == "__main__":
    raise SystemExit(main())
