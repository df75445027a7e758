#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
cypher_server.py SQL-TOOL: what is said of Cypher is what Neo4j says: the kind of each statement (EXPLAIN: r, rw, w, s)
and its class, the number of statements in a script, literals and names. With TEST_URL_NEO4J and the Python driver.
"""
import itertools
import json
import logging
import os
import re
import subprocess
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "cli"), HERE]
import servers  # noqa: E402
import tap  # noqa: E402
import cypher_statements as given  # noqa: E402


def tool(program, script):
    done = subprocess.run([program, "neo4j"], input=script.encode(), capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


class Server:
    def __init__(self, url):
        import neo4j  # checked before

        logging.getLogger("neo4j").setLevel(logging.ERROR)  # not what the server remarks
        self.errors = neo4j.exceptions
        parts = urllib.parse.urlsplit(url)
        auth = (urllib.parse.unquote(parts.username or ""), urllib.parse.unquote(parts.password or ""))
        self.address = f"bolt://{parts.hostname}:{parts.port}"
        self.auth = auth if parts.username else None
        self.driver = neo4j.GraphDatabase.driver(self.address, auth=self.auth, notifications_min_severity="OFF")
        version = self.value("CALL dbms.components() YIELD versions RETURN versions[0]")
        self.version = version
        self.cypher25 = not version.startswith("5.")

    def value(self, statement):
        with self.driver.session() as session:
            return session.run(statement).values()[0][0]

    def kind(self, statement):
        """r, rw, w, s; or what it says against it."""
        with self.driver.session() as session:
            try:
                return session.run("EXPLAIN " + statement).consume().query_type
            except self.errors.Neo4jError as problem:
                return problem.message

    def is_deprecated(self, statement):
        import neo4j

        with neo4j.GraphDatabase.driver(self.address, auth=self.auth, notifications_min_severity="WARNING") as driver, driver.session() as session:
            summary = session.run("EXPLAIN " + statement).consume()
            return any(status.raw_classification == "DEPRECATION" for status in summary.gql_status_objects)


def served(tests):
    """Runs tests(server) with the server that the environment names, or says why not."""
    url = os.environ.get("TEST_URL_NEO4J")
    if not url:
        tap.skip("Neo4j", "TEST_URL_NEO4J names none")
        return
    try:
        import neo4j  # noqa: F401
    except ImportError:
        tap.skip("Neo4j", "the Python driver is not installed")
        return
    for name in ("TEST_URL_NEO4J", "TEST_URL_NEO4J_NEWEST"):
        if os.environ.get(name):
            tests(Server(os.environ[name]))


# ---- classes ----

def agrees(kind, said):
    """Whether the class is one of those that the server's kind leaves."""
    if kind == "r":
        return said["class"] in ("query", "maintenance")
    if kind in ("w", "rw"):
        return said["class"] in ("dml", "routine")
    # The server says `s` of what concerns the whole server, also where it only reads.
    admin = "administration" in said["flags"]
    return said["class"] == "ddl" or admin or said["tag"].startswith(("CALL db.clearQueryCaches", "CALL dbms.", "CALL tx."))


def test_classes(server, program):
    statements = [s for s in given.STATEMENTS if server.cypher25 or not s.startswith("CYPHER 25")]
    wrong, refused = [], []
    for statement in statements:
        kind = server.kind(statement)
        if kind not in ("r", "w", "rw", "s"):
            refused.append((statement, kind))
            continue
        said = tool(program, statement)
        if len(said) != 1 or not agrees(kind, said[0]):
            wrong.append((statement, kind, said))
        if kind == "s" and said[0]["class"] == "ddl" and "no_transaction" not in said[0]["flags"]:
            wrong.append((statement, kind, said))
    tap.equal(refused, [], f"{server.version}: each of {len(statements)} statements is one")
    tap.equal(wrong, [], f"{server.version}: EXPLAIN's kind is the class")


def test_batches(server, program):
    """What is marked as committing in batches is refused in a transaction, and nothing else is."""
    wrong = []
    for statement in given.BATCHES + given.NO_BATCHES:
        marked = "batches" in tool(program, statement)[0]["flags"]
        with server.driver.session() as session, session.begin_transaction() as transaction:
            try:
                transaction.run(statement, rows=[]).consume()
                refused = False
            except server.errors.Neo4jError as problem:
                refused = "implicit" in problem.message or "auto-commit" in problem.message
                if not refused:
                    wrong.append((statement, problem.message))
            if transaction.closed() is False:
                transaction.rollback()
        if marked != refused:
            wrong.append((statement, marked, refused))
    tap.equal(wrong, [], f"{server.version}: batches are what a transaction refuses")


def test_procedures(server, program):
    """Those that the server says to write are none that we take for reading, and the other way round."""
    with server.driver.session() as session:
        modes = {row["name"]: row["mode"] for row in session.run("SHOW PROCEDURES YIELD name, mode")}
    changes = {"dbms.killConnection", "dbms.killConnections", "tx.setMetaData"}
    wrong = []
    for name, mode in modes.items():
        if name.startswith("fleetManagement."):
            continue
        said = tool(program, f"CALL {name}")[0]
        reads = mode == "READ" or (mode == "DBMS" and name not in changes)
        if (said["class"] == "query") != reads or ("no_transaction" in said["flags"]) != (mode == "SCHEMA"):
            wrong.append((name, mode, said["class"], said["flags"]))
    tap.equal(wrong, [], f"{server.version}: {len(modes)} procedures")


def graph(session):
    """What the nodes and relationships of these tests are, but for their identities."""
    return session.run("MATCH (n:SqlTest) OPTIONAL MATCH (n)-[r]->(m) WITH n, collect([type(r), properties(r), m.i]) AS rs "
                       "RETURN n.i AS i, labels(n) AS labels, properties(n) AS p, rs ORDER BY i, p.x").values()


def test_repeatable(server, program):
    """What is marked as one that may be run again leaves the same graph the second time; all others here do not."""
    wrong = []
    for statement in given.REPEATED:
        marked = "if_exists" in tool(program, statement)[0]["flags"]
        with server.driver.session() as session:
            session.run("MATCH (n:SqlTest) DETACH DELETE n").consume()
            session.run("UNWIND range(1, 7) AS i CREATE (:SqlTest {i: i, x: i, y: 2 * i, z: 'a'})").consume()
            session.run(statement).consume()
            once = graph(session)
            session.run(statement).consume()
            if marked != (graph(session) == once):
                wrong.append((statement, marked))
            session.run("MATCH (n:SqlTest) DETACH DELETE n").consume()
    tap.equal(wrong, [], f"{server.version}: {len(given.REPEATED)} batches, run again")


# ---- statements of scripts ----

PIECES = [
    "RETURN 1 AS a", "RETURN 'a;b' AS a", 'RETURN "a;\'" AS a', "RETURN 'it\\'s;' AS a", "WITH 1 AS `a;``` RETURN *",
    "RETURN 1 // ; '\n AS a", "RETURN /* ; ' \" ` // */ 1 AS a", "RETURN 'http://x/;' AS a", "MATCH (a)--(b) RETURN a",
    "RETURN '\\\\' AS a", "WITH 1 AS `b\\` RETURN *", "RETURN 'a/*' AS a", "RETURN '*/;//' AS a", "RETURN 4/2 AS a",
    "RETURN '\\u0041;' AS a", "RETURN \"\\\\\\\";\" AS a", "RETURN [1,2][0..1] AS a", "RETURN 1 //;\r AS a",
    "MATCH (n) CALL (n) { RETURN n.x AS x } RETURN x", "RETURN {a: ';', b: {c: 1}} AS m", "RETURN /*/;*/ 1 AS a",
    "RETURN\u00a01 AS a",
]


def test_scripts(server, program):
    wrong = []
    for left, right in itertools.product(PIECES, repeat=2):
        script = f"{left};\n{right} ; {left};"
        texts = [line.get("text", "").encode("latin-1").decode() for line in tool(program, script)]
        if texts != [left, right, left]:
            wrong.append((script, texts))
    tap.equal(wrong, [], "statements joined and split again")
    wrong = []
    for start in range(0, len(PIECES)):
        script = ";".join(PIECES[start:] + PIECES[:start])
        said = server.kind(script)
        count = re.search(r"but got: (\d+)", str(said))
        if not count or int(count.group(1)) != len(tool(program, script)):
            wrong.append((start, said))
    tap.equal(wrong, [], f"{server.version}: counts as many statements")


def test_normal(server, program):
    """The normal form comes to the same, and is its own."""
    wrong = []
    for statement in PIECES:
        if "MATCH" in statement:
            continue
        normal = tool(program, statement)[0]["normal"].encode("latin-1").decode()
        with server.driver.session() as session:
            if session.run(statement).values() != session.run(normal).values():
                wrong.append((statement, normal))
        if tool(program, normal)[0]["normal"].encode("latin-1").decode() != normal:
            wrong.append((normal, "is not its own"))
    tap.equal(wrong, [], f"{server.version}: normal forms come to the same")


def main(program):
    def tests(server):
        test_classes(server, program)
        test_batches(server, program)
        with servers.alone("neo4j"):  # it writes
            test_repeatable(server, program)
        test_procedures(server, program)
        test_scripts(server, program)
        test_normal(server, program)

    served(tests)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
