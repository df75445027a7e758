#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Taking over from other tools on Neo4j: the chain of neo4j-migrations, the log of liquibase-neo4j, golang-migrate's node and the Migration
nodes of the runbook's program. What they wrote stays as it is, what they applied is not run again, and what comes behind it is. Read through
Neo4j's own driver, and by status and up afterwards.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from graphs import bench
from migrations import Tap, binary, said

CHAIN = """CREATE (:One), (:Two {seen: 1})
    CREATE (b:__Neo4jMigration {version: 'BASELINE'})
    -[:MIGRATED_TO {at: datetime('2024-01-01T10:00:00Z'), in: duration('PT0.1S'), by: 'ann', connectedAs: 'neo4j'}]->
    (:__Neo4jMigration {version: '1', description: 'first', type: 'CYPHER', repeatable: false, source: 'V1__first.cypher', checksum: '1'})
    -[:MIGRATED_TO {at: datetime('2024-01-02T10:00:00Z'), in: duration('PT0.1S'), by: 'ann', connectedAs: 'neo4j'}]->
    (r:__Neo4jMigration {version: '2', description: 'seen', type: 'CYPHER', repeatable: true, source: 'R2__seen.cypher', checksum: '2'})
    CREATE (r)-[:REPEATED {checksum: '22', at: datetime('2024-05-01T10:00:00Z'), in: duration('PT0.1S'), by: 'ann', connectedAs: 'neo4j'}]->(r)"""
LIQUIBASE = """CREATE (:One), (:Two {seen: 1})
    CREATE (l:__LiquibaseChangeLog {dateCreated: datetime()})
    CREATE (:__LiquibaseChangeSet {id: 'first', author: 'ann', changeLog: 'main.cypher', checkSum: '9:abc', execType: 'EXECUTED'})
        -[:IN_CHANGELOG {dateExecuted: datetime('2024-01-01T10:00:00Z'), orderExecuted: 1}]->(l)
    CREATE (:__LiquibaseChangeSet {id: 'second', author: 'bob', changeLog: 'main.cypher', checkSum: '9:def', execType: 'RERAN'})
        -[:IN_CHANGELOG {dateExecuted: datetime('2024-01-02T10:00:00Z'), orderExecuted: 2}]->(l)"""
RUNBOOK = """CREATE (:One), (:Two {seen: 1})
    CREATE (:Migration {filename: '/home/ann/app/schema/migrations/common/2025-10-15_143022_first.up.cypher', version: '2025.10.15.143022',
        checksum: 'theirs', appliedAt: datetime('2024-01-01T10:00:00Z'), appliedBy: 'ann', status: 'SUCCESS', executionTime: 12})
    CREATE (:Migration {filename: 'common/20251101_000000_second.up.cypher', version: '20251101.000000', checksum: 'theirs',
        appliedAt: datetime('2024-01-02T10:00:00Z'), appliedBy: 'ann', status: 'SUCCESS', executionTime: 3})"""
GOLANG = """CREATE (:One), (:Two {seen: 1})
    CREATE (:SchemaMigration {version: 1, dirty: false, ts: datetime('2024-01-01T10:00:00Z')}),
           (:SchemaMigration {version: 2, dirty: false, ts: datetime('2024-01-02T10:00:00Z')})"""
FIRST, SECOND, THIRD = "CREATE (:One);\n", "CREATE (:Two {seen: 1});\n", "MATCH (n:One) CREATE (n)-[:TO]->(:Three);\n"
CHANGESETS = "--liquibase formatted cypher\n--changeset ann:first\nCREATE (:One);\n--changeset bob:second\nCREATE (:Two {seen: 1});\n"
FIRST_TIME, SECOND_TIME = "2024-01-01T10:00:00Z", "2024-01-02T10:00:00Z"

TOOLS = {
    "neo4j-migrations": (CHAIN, "__Neo4jMigration", {"V1__first.cypher": FIRST, "R2__seen.cypher": SECOND}, {"V3__third.cypher": THIRD}, 2),
    "liquibase": (LIQUIBASE, "__LiquibaseChangeSet", {"main.cypher": CHANGESETS},
                  {"main.cypher": CHANGESETS + "--changeset cid:third\n" + THIRD}, 2),
    "native": (RUNBOOK, None, {"common/2025-10-15_143022_first.up.cypher": FIRST, "common/20251101_000000_second.up.cypher": SECOND},
               {"common/20251201_000000_third.up.cypher": THIRD}, 2),
    "golang-migrate": (GOLANG, "SchemaMigration", {"000001_first.up.cypher": FIRST, "000002_second.up.cypher": SECOND},
                       {"000003_third.up.cypher": THIRD}, 2),
}


def everything(graph):
    """All nodes but those with a label of the ledger's; `Migration` counts."""
    nodes = graph.run("MATCH (n) WHERE none(l IN labels(n) WHERE l STARTS WITH '_Migration' OR l STARTS WITH '__Dataflow') "
                      "RETURN labels(n), properties(n)")
    edges = graph.run("MATCH (a)-[r]->(b) RETURN labels(a), type(r), properties(r), labels(b)")
    return sorted(repr([labels, sorted(p.items(), key=str)]) for labels, p in nodes), sorted(map(repr, edges))


def theirs(graph, label):
    return graph.run(f"MATCH (n:{label}) OPTIONAL MATCH (n)-[r]->() RETURN properties(n), type(r), properties(r) ORDER BY toString(n.version), "
                     "toString(n.id), type(r)")


def adopted(tap, b, tool):
    made, label, files, later, count = TOOLS[tool]
    b.graph.wipe().run(made)
    program = b.of(files, wipe=False)
    before, table = everything(b.graph), theirs(b.graph, label) if label else None
    dry = program.run("adopt", "--dry-run", "--verbose")
    tap.ok(dry.returncode == 0 and f"{count} migrations would be adopted" in dry.stdout and everything(b.graph) == before
           and b.graph.one("MATCH (n:_MigrationMeta) RETURN count(n)") == 0, f"{tool}: adopt --dry-run tells, and writes nothing", said(dry))
    early = program.run("status")
    tap.ok("pending" in early.stdout, f"{tool}: before it all is pending", said(early))
    status, report = program.json("adopt", "--yes", "--reason", "we go on with this")
    tap.ok(status == 0 and report["tool"] == tool and len(report["migrations"]) == count and not report["findings"],
           f"{tool}: adopted", json.dumps(report)[:1500])
    history = b.graph.run("MATCH (m:Migration) RETURN m.status, m.migrationId IS NOT NULL, m.checksum =~ '[0-9a-f]{64}', toString(m.appliedAt) "
                          "ORDER BY m.appliedAt")
    tap.ok(len(history) == count and all(row[:3] == ["SUCCESS", True, True] for row in history), f"{tool}: as nodes of the history", history)
    times = [row[3] for row in history]
    wanted = [SECOND_TIME] * 2 if tool == "golang-migrate" else [FIRST_TIME, "2024-05-01T10:00:00Z"] if tool == "neo4j-migrations" else [FIRST_TIME, SECOND_TIME]
    tap.equal(times, wanted, f"{tool}: with the times of that tool")
    if label:
        tap.ok(theirs(b.graph, label) == table, f"{tool}: its own record is as it was", theirs(b.graph, label))
    else:
        tap.equal(b.graph.run("MATCH (m:Migration) RETURN m.filename, m.appliedBy, m.formerChecksum ORDER BY m.appliedAt"),
                  [["common/2025-10-15_143022_first.up.cypher", "ann", "theirs"], ["common/20251101_000000_second.up.cypher", "ann", "theirs"]],
                  f"{tool}: its nodes have become ours, and say what they said before")
    entries = b.graph.run("MATCH (a:_MigrationAudit {action: 'adopted'}) RETURN a.details")
    tap.ok(len(entries) == count and all("we go on with this" in row[0] for row in entries), f"{tool}: and audited, with the reason", entries)
    status, report = program.json("status", "--exit-code")
    tap.ok(status == 0 and report["applied"] == count and report["pending"] == report["blocking"] == 0, f"{tool}: status has nothing to do",
           json.dumps(report)[:1500])
    up = program.run("up")
    tap.ok(up.returncode == 0 and "nothing to do" in up.stdout + up.stderr and b.graph.one("MATCH (n:One) RETURN count(n)") == 1
           and b.graph.one("MATCH (n:Two) RETURN count(n)") == 1, f"{tool}: up runs nothing again", said(up))
    again = program.run("adopt", "--yes", "--from", tool, "--reason", "again")
    tap.ok(b.graph.one("MATCH (m:Migration) RETURN count(m)") == count, f"{tool}: done twice, it is the same", said(again))
    for name, text in later.items():
        path = os.path.join(program.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    up = program.run("up")
    tap.ok(up.returncode == 0 and b.graph.one("MATCH (:One)-[:TO]->(n:Three) RETURN count(n)") == 1
           and b.graph.one("MATCH (m:Migration {status: 'SUCCESS'}) RETURN count(m)") == count + 1,
           f"{tool}: what comes behind it runs", said(up))
    changed = next(iter(files))
    with open(os.path.join(program.folder, changed), "w", encoding="utf-8") as file:
        file.write(CHANGESETS.replace("One", "Other") + "--changeset cid:third\n" + THIRD if tool == "liquibase" else "CREATE (:Other);\n")
    noticed = program.run("up")
    tap.ok(noticed.returncode == 4 and "modified after application" in noticed.stderr and b.graph.one("MATCH (n:Other) RETURN count(n)") == 0,
           f"{tool}: a file that is changed after that is noticed", said(noticed))


def handed_back(tap, b):
    made, label, files, later, _ = TOOLS["neo4j-migrations"]
    b.graph.wipe().run(made)
    program = b.of(files | later, wipe=False)
    program.run("adopt", "--yes", "--reason", "for a while")
    program.run("up")
    result = program.run("adopt", "--yes", "--hand-back", "neo4j-migrations", "--reason", "and back")
    chain = b.graph.run("MATCH p = (:__Neo4jMigration {version: 'BASELINE'})-[:MIGRATED_TO*]->(m) RETURN m.version, m.source ORDER BY length(p)")
    tap.ok(result.returncode == 0 and chain == [["1", "V1__first.cypher"], ["2", "R2__seen.cypher"], ["3", "V3__third.cypher"]],
           f"handed back: what was applied since stands in the {label} chain", f"{chain} {said(result)}")


def failures(tap, b):
    b.graph.wipe().run(RUNBOOK.replace("'SUCCESS', executionTime: 3", "'FAILED', description: 'FAILED: x', executionTime: 3"))
    program = b.of(TOOLS["native"][2], wipe=False)
    result = program.run("adopt", "--yes", "--reason", "try")
    tap.ok("failed there" in result.stdout + result.stderr and b.graph.one("MATCH (m:Migration) WHERE m.migrationId IS NOT NULL RETURN count(m)") <= 1,
           "a failed one of the runbook's program is told, and not taken for applied", said(result))
    b.graph.wipe().run(GOLANG.replace("version: 2, dirty: false", "version: 2, dirty: true"))
    program = b.of(TOOLS["golang-migrate"][2], wipe=False)
    before = everything(b.graph)
    result = program.run("adopt", "--yes", "--reason", "try")
    tap.ok(result.returncode == 3 and "dirty" in result.stderr and everything(b.graph) == before, "a dirty one is refused", said(result))
    b.graph.wipe().run(GOLANG)
    b.graph.run(CHAIN)
    result = program.run("adopt", "--yes", "--reason", "try")
    tap.ok(result.returncode != 0 and "--from" in result.stderr and "SchemaMigration" in result.stderr and "__Neo4jMigration" in result.stderr,
           "of two histories one must be named", said(result))
    b.graph.wipe()
    result = program.run("adopt", "--yes", "--reason", "try")
    tap.ok(result.returncode != 0 and b.graph.one("MATCH (m:Migration) RETURN count(m)") == 0, "of none, nothing is adopted", said(result))


def main():
    path, tap = binary(), Tap()
    with bench(path) as b:
        for tool in TOOLS:
            adopted(tap, b, tool)
        handed_back(tap, b)
        failures(tap, b)
        b.graph.wipe()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
