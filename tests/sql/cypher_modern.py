#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
cypher_modern.py SQL-TOOL: what will not run on a server, and how it is written there. With TEST_URL_NEO4J the server is
asked: it refuses each old form, says of each deprecated one that it is, and takes the new form of both.
"""
import json
import subprocess
import sys

from cypher_server import served, tap

# The old form, "rule severity" of what is found, and the new form (None: a person decides).
CASES = [
    # schema
    ("CREATE CONSTRAINT c ON (n:Book) ASSERT n.isbn IS UNIQUE", "not-repeatable notice, assert error",
     "CREATE CONSTRAINT c IF NOT EXISTS FOR (n:Book) REQUIRE n.isbn IS UNIQUE"),
    ("CREATE CONSTRAINT ON (n:Book) ASSERT n.isbn IS UNIQUE", "not-repeatable notice, unnamed notice, assert error",
     "CREATE CONSTRAINT IF NOT EXISTS FOR (n:Book) REQUIRE n.isbn IS UNIQUE"),
    ("CREATE CONSTRAINT c IF NOT EXISTS ON (n:Book) ASSERT exists(n.isbn)", "assert error",
     "CREATE CONSTRAINT c IF NOT EXISTS FOR (n:Book) REQUIRE n.isbn IS NOT NULL"),
    ("CREATE CONSTRAINT c IF NOT EXISTS FOR (n:Book) REQUIRE exists(n.isbn)", "assert error",
     "CREATE CONSTRAINT c IF NOT EXISTS FOR (n:Book) REQUIRE n.isbn IS NOT NULL"),
    ("create constraint c if not exists on ()-[r:`A B`]-() assert exists( r.x )", "assert error",
     "create constraint c if not exists FOR ()-[r:`A B`]-() REQUIRE  r.x  IS NOT NULL"),
    ("CREATE CONSTRAINT c IF NOT EXISTS ON (n:A) ASSERT (n.a, n.b) IS NODE KEY", "assert error",
     "CREATE CONSTRAINT c IF NOT EXISTS FOR (n:A) REQUIRE (n.a, n.b) IS NODE KEY"),
    ("CREATE CONSTRAINT c IF NOT EXISTS FOR (n:A) REQUIRE n.x IS UNIQUE", "", None),
    ("CREATE INDEX ON :Person(name)", "not-repeatable notice, unnamed notice, index-on error",
     "CREATE INDEX IF NOT EXISTS FOR (n:Person) ON (n.name)"),
    ("CREATE INDEX ON :`A B`(name, `x y`)", "not-repeatable notice, unnamed notice, index-on error",
     "CREATE INDEX IF NOT EXISTS FOR (n:`A B`) ON (n.name, n.`x y`)"),
    ("CREATE BTREE INDEX i IF NOT EXISTS FOR (n:A) ON (n.x)", "btree error",
     "CREATE RANGE INDEX i IF NOT EXISTS FOR (n:A) ON (n.x)"),
    ("CREATE INDEX i FOR (n:A) ON (n.x)", "not-repeatable notice", "CREATE INDEX i IF NOT EXISTS FOR (n:A) ON (n.x)"),
    ("CREATE INDEX `if` FOR (n:A) ON (n.x)", "not-repeatable notice", "CREATE INDEX `if` IF NOT EXISTS FOR (n:A) ON (n.x)"),
    ("CREATE INDEX /* ON :A(x) */ i IF NOT EXISTS FOR (n:A) ON (n.x)", "", None),
    ("DROP INDEX i", "not-repeatable notice", "DROP INDEX i IF EXISTS"),
    ("DROP CONSTRAINT c /* x */ IF EXISTS", "", None),
    ("DROP INDEX ON :Person(name)", "drop-by-schema error", None),
    ("DROP CONSTRAINT ON (n:Book) ASSERT n.isbn IS UNIQUE", "drop-by-schema error", None),
    # batches
    ("USING PERIODIC COMMIT 500 LOAD CSV FROM 'file:///a.csv' AS l MERGE (:X {x: l[0]})", "periodic-commit error",
     "LOAD CSV FROM 'file:///a.csv' AS l CALL (l) { MERGE (:X {x: l[0]}) } IN TRANSACTIONS OF 500 ROWS"),
    ("USING PERIODIC COMMIT\nLOAD CSV WITH HEADERS FROM 'file:///a' AS row FIELDTERMINATOR ';'\nWITH row WHERE row.a = 'b'\n"
     "MERGE (:X {x: row.a})", "periodic-commit error",
     "LOAD CSV WITH HEADERS FROM 'file:///a' AS row FIELDTERMINATOR ';'\nCALL (row) { WITH row WHERE row.a = 'b'\n"
     "MERGE (:X {x: row.a}) } IN TRANSACTIONS"),
    ("USING PERIODIC COMMIT LOAD CSV FROM 'file:///a' AS l MERGE (x:X {x: l[0]}) RETURN x", "periodic-commit error", None),
    ("MATCH (n) CALL (n) { CREATE (:X) } IN TRANSACTIONS", "batch-not-repeatable warning", None),
    ("MATCH (n) CALL (n) { SET n.x = 1 } IN TRANSACTIONS", "", None),
    # procedures
    ("CALL db.constraints()", "procedure error", "SHOW CONSTRAINTS"),
    ("CALL db.constraints", "procedure error", "SHOW CONSTRAINTS"),
    ("CALL db.indexes();", "procedure error", "SHOW INDEXES"),
    ("CALL db.constraints() YIELD name, type\nWHERE name = 'constraint_name'\nRETURN name, type", "procedure error",
     "SHOW CONSTRAINTS YIELD name, type\nWHERE name = 'constraint_name'\nRETURN name, type"),
    ("CALL db.constraints() YIELD description RETURN description", "procedure error", None),
    ("CALL db.indexes() YIELD name, provider AS p RETURN name, p", "procedure error",
     "SHOW INDEXES YIELD name, indexProvider AS p RETURN name, p"),
    ("CALL dbms.listTransactions()\nYIELD transactionId, currentQuery, status\nWHERE status <> 'Running'\nRETURN *",
     "procedure error",
     "SHOW TRANSACTIONS\nYIELD transactionId, currentQuery, status\nWHERE status <> 'Running'\nRETURN *"),
    ("CALL dbms.listQueries() YIELD queryId, query RETURN queryId, query", "procedure error",
     "SHOW TRANSACTIONS YIELD currentQueryId AS queryId, currentQuery AS query RETURN queryId, query"),
    ("CALL dbms.listQueries() YIELD queryId, query, elapsedTimeMillis WHERE elapsedTimeMillis > 30000 RETURN *",
     "procedure error", None),
    ("CALL dbms.killQuery('query-1')", "procedure error", None),
    ("CALL dbms.killTransaction('neo4j-transaction-1')", "procedure error", "TERMINATE TRANSACTIONS 'neo4j-transaction-1'"),
    ("CALL dbms.killTransactions(['a', 'b('] /* ) */)", "procedure error", "TERMINATE TRANSACTIONS ['a', 'b('] /* ) */"),
    ("CALL dbms.procedures()", "procedure error", "SHOW PROCEDURES"),
    ("CALL dbms.functions() YIELD name RETURN name", "procedure error", "SHOW FUNCTIONS YIELD name RETURN name"),
    ("CALL db.schema()", "procedure error", "CALL db.schema.visualization()"),
    ("CALL db.index.fulltext.createNodeIndex('i', ['A'], ['x'])", "procedure error", None),
    ("CALL db.index.fulltext.drop('i')", "procedure error", None),
    ("CALL db.createIndex('i', ['A'], ['x'], 'native-btree-1.0')", "procedure error", None),
    ("CALL db.indexDetails('i')", "procedure error", None),
    ("CALL dbms.security.createUser('a', 'b')", "procedure error", None),
    ("CALL dbms.setTXMetaData({a: 1})", "procedure error", "CALL tx.setMetaData({a: 1})"),
    ("CALL db.create.setVectorProperty(null, 'x', [1.0]) YIELD node RETURN node", "procedure warning",
     None),
    ("CALL db.create.setVectorProperty(null, 'x', [1.0])", "procedure warning",
     "CALL db.create.setNodeVectorProperty(null, 'x', [1.0])"),
    ("CALL dbms.cluster.routing.getRoutingTable({})", "procedure warning", "CALL dbms.routing.getRoutingTable({})"),
    ("CALL db.index.vector.createNodeIndex('x', 'A', 'b', 10, 'cosine')", "procedure warning", None),
    ("CALL db.labels()", "", None),
    ("MATCH (n) WITH count(n) AS c CALL db.constraints() YIELD name RETURN name", "procedure error", None),
    ("CALL apoc.periodic.iterate(\n  \"MATCH (n:Node) RETURN n\",\n  \"SET n.property = 'value'\",\n  {batchSize: 1000}\n)",
     "apoc-batch notice", "MATCH (n:Node) WITH n CALL (n) { SET n.property = 'value' } IN TRANSACTIONS OF 1000 ROWS"),
    ("CALL apoc.periodic.iterate('MATCH (n:Old) RETURN n, n.x + 1 AS y LIMIT 5', 'SET n:New, n.y = y REMOVE n:Old', {parallel: true, "
     "concurrency: 4})", "apoc-batch notice",
     "MATCH (n:Old) WITH n, n.x + 1 AS y LIMIT 5 CALL (n, y) { SET n:New, n.y = y REMOVE n:Old } IN 4 CONCURRENT TRANSACTIONS"),
    ("CALL apoc.periodic.iterate('MATCH (n:A) WHERE exists(n.x) RETURN n // all', 'SET n.y = toInt(n.x)', {})",
     "apoc-batch notice, exists error, function error",
     "MATCH (n:A) WHERE n.x IS NOT NULL WITH n CALL (n) { SET n.y = toInteger(n.x) } IN TRANSACTIONS"),
    ("CALL apoc.periodic.iterate('MATCH (n:A) RETURN n.x', 'SET n.y = 1', {})", "apoc-batch notice", None),
    ("CALL apoc.periodic.iterate('MATCH (n:A) RETURN n', 'UNWIND $_batch AS b SET b.y = 1', {batchMode: 'BATCH'})",
     "apoc-batch notice", None),
    ("CALL apoc.periodic.iterate('MATCH (n:A) RETURN n', 'CREATE (:B)', {}) YIELD batches RETURN batches",
     "batch-not-repeatable warning, apoc-batch notice", None),
    ("CALL apoc.periodic.iterate($a, $b, {})", "batch-not-repeatable warning, apoc-batch notice", None),
    ("SHOW BTREE INDEXES", "btree error", "SHOW RANGE INDEXES"),
    ("SHOW INDEXES VERBOSE", "show error", "SHOW INDEXES YIELD *"),
    ("SHOW CONSTRAINTS BRIEF", "show error", "SHOW CONSTRAINTS "),
    ("SHOW NODE EXISTS CONSTRAINTS", "show error", "SHOW NODE EXIST CONSTRAINTS"),
    # expressions
    ("MATCH (n) WHERE exists(n.p) RETURN n", "exists error", "MATCH (n) WHERE n.p IS NOT NULL RETURN n"),
    ("MATCH (n) WHERE NOT exists(n.p) AND exists(n['q']) RETURN n", "exists error, exists error",
     "MATCH (n) WHERE NOT n.p IS NOT NULL AND n['q'] IS NOT NULL RETURN n"),
    ("MATCH (n) RETURN exists(n.p) = true AS x", "exists error", "MATCH (n) RETURN (n.p IS NOT NULL) = true AS x"),
    ("MATCH (n) RETURN exists(n.p) AS x", "exists error", "MATCH (n) RETURN n.p IS NOT NULL AS x"),
    ("MATCH (n) WHERE exists((n)-->()) RETURN n", "", None),
    ("MATCH (n) WHERE EXISTS { (n)-->() } RETURN n", "", None),
    ("MATCH (n) RETURN size((n)--())", "pattern-size error", "MATCH (n) RETURN COUNT { (n)--() }"),
    ("MATCH (n) WHERE size((n)<-[:R]-(:A)) > 1 RETURN n", "pattern-size error",
     "MATCH (n) WHERE COUNT { (n)<-[:R]-(:A) } > 1 RETURN n"),
    ("RETURN size((1 - 2) - 3 + [])", "", None),
    ("MATCH (n) RETURN size([(n)--() | 1])", "", None),
    ("MATCH (n) WHERE n.x = {p} RETURN n", "parameter error", "MATCH (n) WHERE n.x = $p RETURN n"),
    ("MATCH (n:A {x: {p}}) RETURN n SKIP {s} LIMIT {l}", "parameter error, parameter error, parameter error",
     "MATCH (n:A {x: $p}) RETURN n SKIP $s LIMIT $l"),
    ("CREATE (n:A {props})", "parameter error", "CREATE (n:A $props)"),
    ("UNWIND {rows} AS row MERGE (n:A {id: row.id})", "parameter error", "UNWIND $rows AS row MERGE (n:A {id: row.id})"),
    ("WITH 1 AS p MATCH (n) RETURN n {p}", "", None),
    ("MATCH ((a)-->(b)){2} RETURN a", "", None),
    ("MATCH (a)-[:R]->{2}(b) RETURN a", "", None),
    ("RETURN 017 + 00", "number error, number error", "RETURN 0o17 + 0o0"),
    ("RETURN 0X1F", "number error", "RETURN 0x1F"),
    ("RETURN 0O17", "number error", "RETURN 0o17"),
    ("RETURN 0 + 0.5 + 0x1F + 0o17 + 10", "", None),
    ("MATCH (n) RETURN filter(x IN n.l WHERE exists(x.y))", "function error, exists error",
     "MATCH (n) RETURN [x IN n.l WHERE x.y IS NOT NULL]"),
    ("MATCH (n) RETURN extract(x IN n.l | x + 1)", "function error", "MATCH (n) RETURN [x IN n.l | x + 1]"),
    ("RETURN toInt('1')", "function error", "RETURN toInteger('1')"),
    ("MATCH p = (a)-->(b) RETURN rels(p)", "function error", "MATCH p = (a)-->(b) RETURN relationships(p)"),
    ("RETURN distance(point({x: 1, y: 1}), point({x: 1, y: 2}))", "function error",
     "RETURN point.distance(point({x: 1, y: 1}), point({x: 1, y: 2}))"),
    ("MATCH (n) RETURN id(n)", "id warning", None),
    ("RETURN 'exists(n.p) id(n) 017 {p}' AS x // size((n)--())", "", None),
    ("WITH 1 AS `exists(n.p)` RETURN *", "", None),
    # patterns and clauses
    ("MATCH (a)-[r:A|:B]->(b) RETURN a", "type-colon error", "MATCH (a)-[r:A|B]->(b) RETURN a"),
    ("MATCH (a)-[:A|:B|:C*]->(b) RETURN a", "type-colon error", "MATCH (a)-[:A|B|C*]->(b) RETURN a"),
    ("MATCH (a)-[:A|:B]->(b) RETURN a", "type-colon warning", "MATCH (a)-[:A|B]->(b) RETURN a"),
    ("MATCH (a)-[r]->(b)-[r]->(c) RETURN r", "relationship-twice warning", None),
    ("MATCH (a)-[r]->(b) MATCH (c)-[r]->(d) RETURN r", "", None),
    ("MATCH (n) CALL { WITH n SET n.x = 1 } RETURN n", "call-scope warning", "MATCH (n) CALL (n) { SET n.x = 1 } RETURN n"),
    ("MATCH (n) MATCH (m) CALL { WITH n, m MATCH (n)--(m) RETURN 1 AS x } RETURN x", "call-scope warning",
     "MATCH (n) MATCH (m) CALL (n, m) { MATCH (n)--(m) RETURN 1 AS x } RETURN x"),
    ("MATCH (n) CALL { WITH * RETURN n.x AS x } RETURN x", "call-scope warning",
     "MATCH (n) CALL (*) { RETURN n.x AS x } RETURN x"),
    ("CALL { RETURN 1 AS x } RETURN x", "call-scope warning", "CALL () { RETURN 1 AS x } RETURN x"),
    ("CALL { WITH 1 AS x RETURN x } RETURN x", "call-scope warning", None),
    ("MATCH (n) CALL (n) { SET n.x = 1 } RETURN n", "", None),
    ("MATCH (a), (b) SET a = b", "set-entity warning", "MATCH (a), (b) SET a = properties(b)"),
    ("MATCH (a)-[r]->(b) SET a += r RETURN a", "set-entity warning", "MATCH (a)-[r]->(b) SET a += properties(r) RETURN a"),
    ("UNWIND $rows AS row MATCH (a) SET a = row", "", None),
    ("CREATE UNIQUE (a)-[:R]->(b)", "create-unique error", None),
    ("START n=node(1) RETURN n", "start error", None),
    (":param x => 1", "param error", None),
    (":use neo4j", "", None),
    (":begin", "", None),
    ("CYPHER 4.4 RETURN 1", "language error", "CYPHER 5 RETURN 1"),
    ("CYPHER 5 RETURN 1", "", None),
    ("MATCH (exists)-[size:id]->(filter) RETURN exists.id, size.distance", "", None),
]

# The same for one version of the server: (version, old form, "rule severity").
VERSIONS = [
    (4004, "CREATE CONSTRAINT c IF NOT EXISTS ON (n:A) ASSERT n.x IS UNIQUE", "assert warning"),
    (4003, "CREATE CONSTRAINT c IF NOT EXISTS ON (n:A) ASSERT n.x IS UNIQUE", ""),
    (4003, "CREATE INDEX i IF NOT EXISTS ON :A(x)", "index-on warning"),
    (4004, "CALL db.constraints()", ""),
    (4004, "MATCH (n) RETURN id(n), exists(n.x)", "exists warning"),
    (4004, "MATCH (n) WHERE n.x = {p} RETURN n", "parameter error"),
    (4003, "USING PERIODIC COMMIT LOAD CSV FROM 'a' AS l MERGE (:X {x: l[0]})", ""),
    (5022, "CALL { RETURN 1 AS x } RETURN x", ""),
    (5023, "CALL { RETURN 1 AS x } RETURN x", "call-scope warning"),
    (5026, "CYPHER 25 RETURN 1", "language error"),
    (2025006, "CYPHER 25 RETURN 1", ""),
    (2026008, "CYPHER 25 MATCH (a), (b) SET a = b", "set-entity error"),
    (2026008, "CYPHER 25 CALL db.create.setVectorProperty(null, 'x', [1.0])", "procedure error"),
]


def findings(program, statement, version=0):
    done = subprocess.run([program, "neo4j", str(version)], input=statement.encode(), capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return lines[0]["findings"]


def shown(found):
    return ", ".join(f"{f['rule']} {f['severity']}" for f in found)


def rewritten(found):
    texts = {f["rewritten"] for f in found if "rewritten" in f}
    return texts.pop() if len(texts) == 1 else None if not texts else texts


def offline(program):
    for old, wanted, new in CASES:
        found = findings(program, old)
        tap.equal((shown(found), rewritten(found)), (wanted, new), f"{old.splitlines()[0]}")
        if new is not None:
            again = [f for f in findings(program, new) if f["rule"] not in ("unnamed",)]
            tap.equal(again, [], "  nothing is found in its new form")
    for version, old, wanted in VERSIONS:
        tap.equal(shown(findings(program, old, version)), wanted, f"{version}: {old}")
    found = findings(program, "MATCH (n)\nWHERE exists(n.x)\n  AND exists(n.y)\nRETURN n")
    tap.equal([(f["offset"], f["at"]) for f in found], [(16, 2), (34, 3)], "places and lines")


def online(server, program):
    wrong = []
    number = server.version.split(".")
    version = int(number[0]) * 1000 + int(number[1])
    for old, _, _ in CASES:
        found = findings(program, old, version)
        apoc = "apoc." in old  # not installed there
        severities = {f["severity"] for f in found}
        kind = server.kind(old)
        refused = kind not in ("r", "w", "rw", "s")
        if old[0] != ":" and refused != ("error" in severities or apoc):
            wrong.append((old, kind, shown(found)))
        new = rewritten(found)
        if isinstance(new, str) and server.kind(new) not in ("r", "w", "rw", "s"):
            wrong.append((old, new, server.kind(new)))
    tap.equal(wrong, [], f"{server.version}: {len(CASES)} old forms are refused when we say so, and new ones are taken")
    deprecated = {"id", "call-scope", "set-entity", "procedure", "type-colon"}
    wrong = []
    for old, wanted, _ in CASES:
        found = findings(program, old, version)
        if any(f["severity"] == "error" for f in found) or "apoc." in old or old[0] == ":":
            continue
        if server.is_deprecated(old) != any(f["severity"] == "warning" and f["rule"] in deprecated for f in found):
            wrong.append((old, shown(found)))
    tap.equal(wrong, [], f"{server.version}: deprecated is what the server calls so")


def main(program):
    offline(program)
    served(lambda server: online(server, program))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
