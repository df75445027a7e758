# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks on Neo4j share: a server that is warm, a graph in it, emptying it, and the peers."""

import os
import resource
import subprocess
import sys
import time

import common

sys.path.insert(0, os.path.join(common.ROOT, "tests", "lib"))
import neo4j_jars  # noqa: E402
from servers import Neo4j  # noqa: E402

PEERS = os.environ.get("PEERS_RUNNERS", os.path.join(common.ROOT, "build", "bench-peers"))
BATCH = 10000
# A server with memory for its work and a compiler that does all it can, as it would run for users.
SERVER = {"java_options": ["-Xms1g", "-Xmx2g"], "settings": {"server.memory.pagecache.size": "512m"}}
SCHEMA = [
    "CREATE CONSTRAINT person_id FOR (p:Person) REQUIRE p.id IS UNIQUE",
    "CREATE CONSTRAINT item_sku FOR (i:Item) REQUIRE i.sku IS UNIQUE",
    "CREATE INDEX person_name FOR (p:Person) ON (p.name)",
    "CREATE INDEX bought_at FOR ()-[b:BOUGHT]-() ON (b.at)",
]
PERSONS = """UNWIND range($first, $last) AS i CREATE (:Person {id: i, name: 'Person number ' + i, age: i % 100,
    score: i * 0.37, active: i % 3 = 0, born: date('1950-01-01') + duration({days: i % 20000}),
    joined: datetime('2020-01-01T00:00:00Z') + duration({minutes: i}), tags: ['tag' + (i % 7), 'tag' + (i % 11)]})"""
ITEMS = """UNWIND range($first, $last) AS i CREATE (:Item:Product {sku: 'SKU-' + i, price: (i % 10000) / 100.0, stock: i % 500,
    place: point({longitude: i % 360 - 180.0, latitude: i % 180 - 90.0}), sizes: [i % 3 + 0.5, i % 5 + 0.5],
    delivery: duration({days: i % 9, hours: i % 24}), text: 'What is known of the item with the number ' + i})"""
KNOWS = """UNWIND range($first, $last) AS i MATCH (a:Person {id: i % $persons}), (b:Person {id: (i * 7919 + 13) % $persons})
    CREATE (a)-[:KNOWS {since: date('2010-01-01') + duration({days: i % 5000}), weight: i * 0.5}]->(b)"""
BOUGHT = """UNWIND range($first, $last) AS i MATCH (a:Person {id: (i * 31) % $persons}), (b:Item {sku: 'SKU-' + (i % $items)})
    CREATE (a)-[:BOUGHT {at: datetime('2024-01-01T00:00:00Z') + duration({seconds: i}), pieces: i % 4 + 1, note: 'order ' + i}]->(b)"""


def server(**more):
    """A server that answers, or None and a word about it."""
    if why_not := Neo4j.why_not():
        common.say(why_not + "; left out")
        return None
    return Neo4j(**(SERVER | more))


def peer(name):
    """The program of a peer; None, said, where bench/peers.sh has not installed it."""
    path = os.path.join(PEERS, "bin", name)
    if os.access(path, os.X_OK):
        return path
    common.say(f"{name}: not in {PEERS}, left out")
    return None


def ask_peer(python, command, running, *arguments):
    """neo4j_peer.py's answer."""
    return common.answer([python, os.path.join(common.HERE, "neo4j_peer.py"), command, running.tcp_url().replace(f"neo4j:{running.password}@", ""),
                          "neo4j", running.password, *arguments])


def generate(running, nodes, relationships):
    """A graph of persons and items, of many types of properties; always the same one."""
    persons, knows = nodes * 3 // 5, relationships // 2
    items = nodes - persons
    with running.client() as client:
        for statement in SCHEMA:
            client.run(statement)
        client.run("CALL db.awaitIndexes(60)")
        for query, count in ((PERSONS, persons), (ITEMS, items), (KNOWS, knows), (BOUGHT, relationships - knows)):
            for first in range(0, count, BATCH):
                client.run(query, first=first, last=min(first + BATCH, count) - 1, persons=persons, items=items)
        client.run("CALL db.awaitIndexes(60)")
    check(running, nodes, relationships)


def check(running, nodes, relationships):
    """The graph is as large as it should be, what this program keeps of itself not counted."""
    with running.client() as client:
        found = (client.run("MATCH (n) WHERE n:Person OR n:Item RETURN count(n)")[0][0],
                 client.run("MATCH ()-[r:KNOWS|BOUGHT]->() RETURN count(r)")[0][0])
    if found != (nodes, relationships):
        raise RuntimeError(f"{found} nodes and relationships, and not {(nodes, relationships)}")


def empty(running):
    """Takes everything out of the database."""
    with running.client() as client:
        for name, in client.run("SHOW CONSTRAINTS YIELD name RETURN name"):
            client.run(f"DROP CONSTRAINT `{name}`")
        for name, in client.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"):
            client.run(f"DROP INDEX `{name}`")
        while client.run(f"MATCH (n) WITH n LIMIT {BATCH * 2} DETACH DELETE n RETURN count(n)")[0][0]:
            pass


def timed(command, **more):
    """The seconds that a program takes; what it said when it fails."""
    began = time.monotonic()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, **more)
    took = time.monotonic() - began
    if done.returncode:
        raise RuntimeError(f"{command[0]}: exit status {done.returncode}: {(done.stdout + done.stderr).strip()[-800:]}")
    return took, done.stdout


def measured(running, command, **more):
    """Seconds that a program takes, and processor seconds of it and of the server meanwhile."""
    before = common.server_cpu(running), resource.getrusage(resource.RUSAGE_CHILDREN)
    took = timed(command, **more)[0]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - before[1].ru_utime - before[1].ru_stime
    return took, common.server_cpu(running) - before[0] + own


def version(name):
    """A peer's version, as bench/peers.sh has it."""
    with open(os.path.join(common.HERE, "peers.sh"), encoding="utf-8") as file:
        return next(line.split("=")[1].strip() for line in file if line.startswith(name + "_version="))


def server_version():
    return neo4j_jars.VERSIONS["5.26"]["version"]
