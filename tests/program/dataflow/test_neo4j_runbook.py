#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The Neo4j runbook as people type it: its npm commands in a project of its layout, with its variables in .env, and its queries. What
a server of today has removed is refused by it, and the form that `validate` gives for it runs.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from graphs import bench, neo4j
from migrations import ROOT, Tap, binary, environment, find_program, said, skip_all

INFRASTRUCTURE = """/*
 * Migration: 001_migration_infrastructure
 * Version: 2025.10.15.143022
 * Author: Database Team
 * Ticket: CATALOG-001
 * Description:
 *   Names of people are unique
 *
 * Dependencies:
 *   - None
 *
 * Rollback: drop the constraint
 */

CREATE CONSTRAINT person_name IF NOT EXISTS FOR (p:Person) REQUIRE p.name IS UNIQUE;
CREATE INDEX person_age IF NOT EXISTS FOR (p:Person) ON (p.age);
"""
FILES = {
    "common/2025-10-15_143022_infrastructure.up.cypher": INFRASTRUCTURE,
    "common/2025-10-15_143022_infrastructure.down.cypher": "DROP INDEX person_age IF EXISTS;\nDROP CONSTRAINT person_name IF EXISTS;\n",
    "common/2025-10-16_101500_people.up.cypher": "MERGE (p:Person {name: 'anna'}) SET p.age = 30;\nMERGE (p:Person {name: 'ben'}) SET p.age = 40;\n",
    "common/2025-10-16_101500_people.down.cypher": "MATCH (p:Person) WHERE p.name IN ['anna', 'ben'] DETACH DELETE p;\n",
    "prod/2025-10-17_090000_prod.up.cypher": "MERGE (:Setting {name: 'prod'});\n",
    "prod/2025-10-17_090000_prod.down.cypher": "MATCH (s:Setting {name: 'prod'}) DELETE s;\n",
}
BAD = "MERGE (:Person {name: 'carl'});\nCREATE (:Person {name: 'anna'});\n"

# Queries of the runbook that a server of today still runs, as they stand there.
QUERIES = [
    """MATCH (m:Migration)
WHERE m.status = 'SUCCESS'
RETURN m.filename, m.appliedAt, m.executionTime
ORDER BY m.appliedAt DESC
LIMIT 5;""",
    "MATCH (n) RETURN labels(n), count(n) LIMIT 10;",
    """MATCH (m:Migration {status: 'FAILED'})
RETURN m.filename, m.description, m.appliedAt""",
    """MATCH (m:Migration)
WHERE m.filename CONTAINS 'failed_migration_name'
RETURN m.status""",
    """MATCH (m:Migration)
WHERE m.appliedAt > datetime() - duration('PT1H')
RETURN m.filename, m.status, m.description
ORDER BY m.appliedAt""",
    "DROP CONSTRAINT constraint_name IF EXISTS;",
    """MATCH (m:Migration {filename: 'problematic_migration'})
SET m.checksum = 'new_checksum'""",
    """MATCH (m:Migration)
WHERE m.executionTime > 10000
RETURN m.filename, m.executionTime, m.appliedAt
ORDER BY m.executionTime DESC""",
    """CREATE INDEX temp_index IF NOT EXISTS
FOR (n:Node) ON (n.property);""",
    "DROP INDEX temp_index IF EXISTS;",
    """MATCH (n)
RETURN labels(n) as label, count(n) as count
ORDER BY count DESC;""",
    """MATCH ()-[r]->()
RETURN type(r) as type, count(r) as count
ORDER BY count DESC;""",
    """MATCH (n)
WHERE NOT (n)--()
RETURN labels(n), count(n);""",
    """MATCH (m:Migration)
RETURN m.filename, m.status, m.appliedAt, m.executionTime
ORDER BY m.appliedAt DESC
LIMIT 10;""",
    """MATCH (m:Migration)
WHERE m.status = 'FAILED'
RETURN m.filename, m.description, m.appliedAt
ORDER BY m.appliedAt DESC;""",
]
# Those that are gone, and a word of what takes their place.
REMOVED = [
    ("CALL db.constraints();", "SHOW CONSTRAINTS"),
    ("CALL db.indexes();", "SHOW INDEXES"),
    ("CALL dbms.listTransactions()\nYIELD transactionId, currentQuery, status\nWHERE status <> 'Running'\nRETURN *", "SHOW TRANSACTIONS"),
    ("CALL dbms.listQueries()\nYIELD queryId, query, elapsedTimeMillis\nWHERE elapsedTimeMillis > 30000\nRETURN *", "SHOW TRANSACTIONS"),
    ("CALL dbms.killQuery('query-id')", "TERMINATE TRANSACTION"),
]


class Project:
    """package.json, schema/migrations, .env, and the program in the PATH."""

    def __init__(self, path, graph):
        self.folder = tempfile.mkdtemp(prefix="dataflow-runbook-")
        os.makedirs(os.path.join(self.folder, "bin"))
        shutil.copy2(os.path.join(ROOT, "samples", "package.json"), self.folder)
        os.symlink(path, os.path.join(self.folder, "bin", "dataflow"))
        self.write(FILES)
        with open(os.path.join(self.folder, ".env"), "w", encoding="utf-8") as file:
            file.write(f"NEO4J_URI={graph.address}\nNEO4J_USERNAME={graph.user}\nNEO4J_PASSWORD={graph.password}\n")
        self.environment = environment({"PATH": os.path.join(self.folder, "bin") + os.pathsep + os.environ["PATH"],
                                        "npm_config_update_notifier": "false", "npm_config_cache": os.path.join(self.folder, "npm-cache")})

    def write(self, files):
        for name, text in files.items():
            path = os.path.join(self.folder, "schema", "migrations", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def type(self, line):
        return subprocess.run(line, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300,
                              stdin=subprocess.DEVNULL)


def standard_procedure(tap, p, graph):
    status = p.type("npm run migrate:status")
    tap.ok(status.returncode == 0 and "pending" in status.stdout, "npm run migrate:status", said(status))
    valid = p.type("npm run migrate:validate")
    tap.ok(valid.returncode == 0 and "All migrations are valid" in valid.stdout, "npm run migrate:validate", said(valid))
    dry = p.type("npm run migrate:up -- --dry-run --verbose")
    tap.ok(dry.returncode == 0 and "explained" in dry.stdout and graph.one("MATCH (n) RETURN count(n)") == 0,
           "npm run migrate:up -- --dry-run --verbose", said(dry))
    backup = p.type("npm run migrate:backup")
    tap.ok(backup.returncode == 0, "npm run migrate:backup, while the server runs", said(backup))
    up = p.type("npm run migrate:up -- --verbose")
    tap.ok(up.returncode == 0 and graph.password not in up.stdout + up.stderr, "npm run migrate:up -- --verbose", said(up))
    tap.equal(graph.history(), {"common/2025-10-15_143022_infrastructure.up.cypher": "SUCCESS",
                                "common/2025-10-16_101500_people.up.cypher": "SUCCESS"}, "development: prod is left out")
    again = p.type("npm run migrate:status")
    tap.ok("Pending migrations: 0" in again.stdout, "watch -n 5 'npm run migrate:status'", said(again))


def queries(tap, graph):
    for query in QUERIES:
        try:
            graph.run(query.rstrip(";"))
            tap.ok(True, " ".join(query.split())[:70])
        except neo4j.exceptions.Neo4jError as problem:
            tap.ok(False, " ".join(query.split())[:70], problem)
    rows = graph.run(QUERIES[0].rstrip(";"))
    tap.ok(len(rows) == 2 and all(None not in row for row in rows), "the history's columns are filled", str(rows))


def removed_queries(tap, p, graph):
    for query, modern in REMOVED:
        try:
            graph.run(query.rstrip(";"))
            refused = False
        except neo4j.exceptions.Neo4jError:
            refused = True
        p.write({"dev/2026-01-01_000000_old.up.cypher": query.rstrip(";") + ";\n"})
        result = p.type("npm run --silent migrate:validate -- --json")
        found = [f for f in json.loads(result.stdout)["findings"] if f["severity"] == "error"]
        text = json.dumps(found)
        tap.ok(refused and result.returncode == 4 and modern in text, f"{query.split('(')[0]} is gone: validate names it, and {modern}", said(result))
        hints = [f["hint"] for f in found if f["hint"] and f["hint"].startswith("write: ")]
        for hint in hints[:1]:
            form = hint[len("write: "):].replace("query-id", "neo4j-transaction-999999")
            try:
                graph.run(form)
                tap.ok(True, f"and the new form runs: {' '.join(form.split())[:60]}")
            except neo4j.exceptions.Neo4jError as problem:
                tap.ok(False, f"and the new form runs: {form}", problem)
    os.unlink(os.path.join(p.folder, "schema", "migrations", "dev", "2026-01-01_000000_old.up.cypher"))


def scenarios(tap, p, graph):
    before = graph.state()
    p.write({"common/2025-10-18_120000_bad.up.cypher": BAD, "common/2025-10-18_120000_bad.down.cypher": "MATCH (p:Person {name: 'carl'}) DETACH DELETE p;\n"})
    failed = p.type("npm run migrate:up")
    rows = graph.run("MATCH (m:Migration {status: 'FAILED'}) RETURN m.filename, m.description, m.appliedAt")
    tap.ok(failed.returncode == 1 and len(rows) == 1 and "already exists" in rows[0][1], "scenario 1: it failed, and is FAILED", f"{rows} {said(failed)}")
    down = p.type("npm run migrate:down")
    status = graph.one("MATCH (m:Migration) WHERE m.filename CONTAINS '120000_bad' RETURN m.status")
    tap.ok(down.returncode == 0 and status == "ROLLED_BACK" and graph.state() == before, "npm run migrate:down takes that one back", f"{status} {said(down)}")
    p.write({"common/2025-10-18_120000_bad.up.cypher": BAD.replace("CREATE (:Person {name: 'anna'})", "MERGE (:Person {name: 'anna'})")})
    fixed = p.type("npm run migrate:up")
    tap.ok(fixed.returncode == 0 and graph.one("MATCH (p:Person {name: 'carl'}) RETURN count(p)") == 1, "scenario 3, option A: mended, up again", said(fixed))
    asks = p.type("npm run migrate:down")
    tap.ok(asks.returncode == 3 and "Person: 1 node" in asks.stderr, "scenario 2: down would lose a node, and says so", said(asks))
    forced = p.type("npm run migrate:down -- --force --reason 'incident 12'")
    tap.ok(forced.returncode == 0 and graph.one("MATCH (p:Person {name: 'carl'}) RETURN count(p)") == 0, "with --force it goes", said(forced))
    to = p.type("npm run migrate:down -- --to=2025-10-15_143022 --force")
    tap.ok(to.returncode == 0 and graph.one("MATCH (p:Person) RETURN count(p)") == 0 and len(graph.schema()) == 2, "down -- --to=<version>", said(to))
    all_again = p.type("npm run migrate:up")
    tap.ok(all_again.returncode == 0, "option B: all again", said(all_again))


def issues(tap, p, graph):
    graph.run("CREATE CONSTRAINT setting_name FOR (s:Setting) REQUIRE s.name IS UNIQUE")
    p.write({"common/2025-10-19_120000_constraint.up.cypher": "CREATE CONSTRAINT setting_name FOR (s:Setting) REQUIRE s.name IS UNIQUE;\n"})
    result = p.type("npm run migrate:up")
    tap.ok(result.returncode != 0 and "AlreadyExists" in result.stderr, "constraint already exists: the server's code is told", said(result))
    p.write({"common/2025-10-19_120000_constraint.up.cypher": "CREATE CONSTRAINT setting_name IF NOT EXISTS FOR (s:Setting) REQUIRE s.name IS UNIQUE;\n"})
    result = p.type("npm run migrate:up")
    tap.ok(result.returncode == 0, "IF NOT EXISTS prevents it", said(result))
    name = "common/2025-10-16_101500_people.up.cypher"
    p.write({name: FILES[name].replace("30", "31")})
    result = p.type("npm run migrate:up")
    tap.ok(result.returncode == 4 and "has been modified after application!" in result.stderr, "checksum mismatch", said(result))
    p.write({name: FILES[name]})
    tap.ok(p.type("npm run migrate:up").returncode == 0, "put back, it is fine")


def blocking(tap, p, graph):
    """Somebody holds a lock; the run waits; why names it, and ends it."""
    session = graph.driver.session()
    transaction = session.begin_transaction(metadata={"app": "billing"})
    transaction.run("MATCH (p:Person {name: 'anna'}) SET p.age = 99").consume()
    p.write({"common/2025-10-20_120000_age.up.cypher": "MATCH (p:Person {name: 'anna'}) SET p.age = 50;\n"})
    done = []
    thread = threading.Thread(target=lambda: done.append(p.type("npm run migrate:up -- --lock-timeout 2s")))
    thread.start()
    blocker = None
    for _ in range(60):
        time.sleep(0.5)
        rows = graph.run("SHOW TRANSACTIONS YIELD transactionId, metaData WHERE metaData.app = 'billing' RETURN transactionId")
        why = p.type("dataflow why")
        if rows and rows[0][0] in why.stdout:
            blocker = rows[0][0]
            break
    tap.ok(blocker, "dataflow why names the transaction that is open", said(why))
    ended = p.type(f"dataflow why --terminate {blocker} --reason 'blocks the migration'")
    tap.ok(ended.returncode == 0 and "TERMINATE TRANSACTION" in ended.stdout, "and ends it with today's command", said(ended))
    thread.join(timeout=200)
    tap.ok(done and done[0].returncode == 0 and graph.one("MATCH (p:Person {name: 'anna'}) RETURN p.age") == 50,
           "the run goes on", said(done[0]) if done else "it did not end")
    session.close()
    gone = p.type(f"dataflow why --terminate {blocker}")
    tap.ok(gone.returncode != 0 and "no transaction" in gone.stderr, "ended twice: it is not there any more", said(gone))
    health = p.type("npm run --silent health:check -- --json")
    tap.ok(json.loads(health.stdout).get("checks"), "npm run health:check", said(health))


def main():
    path, tap = binary(), Tap()
    if not find_program("npm"):
        skip_all("npm is not installed")
    with bench(path) as b:
        b.graph.wipe()
        p = Project(path, b.graph)
        try:
            standard_procedure(tap, p, b.graph)
            queries(tap, b.graph)
            removed_queries(tap, p, b.graph)
            scenarios(tap, p, b.graph)
            issues(tap, p, b.graph)
            blocking(tap, p, b.graph)
        finally:
            shutil.rmtree(p.folder, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
