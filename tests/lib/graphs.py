# SPDX-License-Identifier: Apache-2.0
"""
For Python tests of dataflow on Neo4j: a database that is emptied for each test (Community has one), what it holds in a form
that can be compared, and migrations written to a folder. Asked through Neo4j's own Python driver.
"""

import contextlib
import logging
import os
import re
import shutil
import tempfile
import urllib.parse

from migrations import Dataflow, Neo4j, skip_all
from servers import alone

try:
    import neo4j
except ImportError:
    neo4j = None

OURS = "l = 'Migration' OR l STARTS WITH '_Migration' OR l STARTS WITH '__Dataflow'"


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


class Graph:
    """One database of a server; `url` without a password where the test gives it otherwise."""

    def __init__(self, url):
        self.url = url
        parts = urllib.parse.urlsplit(url)
        self.address = f"{parts.scheme}://{parts.hostname}:{parts.port or 7687}"
        self.user, self.password = parts.username, urllib.parse.unquote(parts.password or "")
        logging.getLogger("neo4j").setLevel(logging.ERROR)  # no notifications, which 4.4 cannot be told to keep to itself
        self.driver = neo4j.GraphDatabase.driver(self.address, auth=(self.user, self.password))
        self.old = self.driver.get_server_info().agent.startswith("Neo4j/4.")

    def close(self):
        self.driver.close()

    def run(self, query, **parameters):
        """One auto-commit statement; its rows as lists."""
        with self.driver.session() as session:
            return [list(record.values()) for record in session.run(self.spoken(query), **parameters)]

    def spoken(self, text):
        """Cypher as the server knows it: 4.4 has no other way to hand variables to a subquery than WITH."""
        return re.sub(r"\bCALL \((\w+(?:, \w+)*)\) \{", r"CALL { WITH \1", text) if self.old else text

    def one(self, query, **parameters):
        rows = self.run(query, **parameters)
        return rows[0][0] if rows else None

    def wipe(self):
        """Everything goes, our own nodes and constraints, too."""
        for name, in self.run("SHOW CONSTRAINTS YIELD name"):
            self.run(f"DROP CONSTRAINT {quoted(name)} IF EXISTS")
        for name, in self.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"):
            self.run(f"DROP INDEX {quoted(name)} IF EXISTS")
        self.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")
        return self

    def schema(self):
        """CREATE statements of what is not ours, sorted."""
        ours = "none(l IN labelsOrTypes WHERE " + OURS + ")"
        constraints = self.run(f"SHOW CONSTRAINTS YIELD createStatement, labelsOrTypes WHERE {ours} RETURN createStatement")
        column, of_its_own = ("uniqueness", "uniqueness <> 'UNIQUE'") if self.old else ("owningConstraint", "owningConstraint IS NULL")
        indexes = self.run(f"SHOW INDEXES YIELD createStatement, labelsOrTypes, {column}, type, state "
                           f"WHERE {of_its_own} AND type <> 'LOOKUP' "
                           f"AND {ours} RETURN createStatement + ' ' + state")
        return sorted(row[0] for row in constraints + indexes)

    def content(self):
        """Nodes and relationships that are not ours, without ids, sorted."""
        nodes = self.run(f"MATCH (n) WHERE none(l IN labels(n) WHERE {OURS}) RETURN labels(n), properties(n)")
        edges = self.run(f"MATCH (a)-[r]->(b) WHERE none(l IN labels(a) WHERE {OURS}) RETURN labels(a), properties(a), type(r), "
                         "properties(r), labels(b), properties(b)")

        def plain(value):
            if isinstance(value, dict):
                return sorted((k, plain(v)) for k, v in value.items())
            return sorted(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
        return sorted(repr([plain(v) for v in row]) for row in nodes), sorted(repr([plain(v) for v in row]) for row in edges)

    def state(self):
        return self.schema(), self.content()

    def history(self):
        """{filename: status}"""
        return dict(self.run("MATCH (m:Migration) RETURN m.filename, m.status"))


class Folder:
    """Migrations in a folder of their own: Folder({"001_a.cypher": "…"})."""

    def __init__(self, files=None):
        self.path = tempfile.mkdtemp(prefix="dataflow-cypher-")
        self.write(files or {})

    def write(self, files):
        for name, text in files.items():
            path = os.path.join(self.path, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return self

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Bench:
    """A server, a graph on it and the program: `bench.of(files)` is the program on an empty database and such a folder."""

    def __init__(self, path, url):
        self.path, self.graph, self.folders = path, Graph(url), []

    def of(self, files, *options, wipe=True):
        if wipe:
            self.graph.wipe()
        self.folders.append(Folder({name: self.graph.spoken(text) for name, text in files.items()}))
        return Dataflow(self.path, self.graph.url, self.folders[-1].path, *options)

    def close(self):
        for folder in self.folders:
            folder.remove()
        self.graph.close()


def require_driver():
    if neo4j is None:
        skip_all("Neo4j's Python driver is not installed")


@contextlib.contextmanager
def bench(path, **options):
    """On the server that TEST_URL_NEO4J names, else on a private one."""
    require_driver()
    url = None if options else os.environ.get("TEST_URL_NEO4J")
    server = None
    if not url:
        why = Neo4j.why_not(options.get("version"))
        if why:
            skip_all(why)
        server = Neo4j(**options).start()
        url = server.url()
    try:
        with alone("neo4j") if not server else contextlib.nullcontext():
            made = Bench(path, url)
            made.server = server
            try:
                yield made
            finally:
                made.close()
    finally:
        if server:
            server.stop()
