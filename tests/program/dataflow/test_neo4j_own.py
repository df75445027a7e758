#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Migrations that would delete or rewrite the nodes in which the migration history itself is kept: named by validate, refused by up and
down before anything runs, whatever form they have; and those that spare them are left alone. What the server holds is asked
through Neo4j's own driver.
"""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from graphs import bench
from migrations import Tap, binary, environment, said

FIRST = "// UP\nCREATE (:Person {name: 'anna', expired: true}), (:Person {name: 'ben'}), (:Company {name: 'acme'});\n// DOWN\nMATCH (n:Person|Company) DETACH DELETE n;\n"
REFUSED = {
    "a subquery in batches": "CALL { MATCH (n) DETACH DELETE n } IN TRANSACTIONS;",
    "a variable given to it": "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 100 ROWS;",
    "the older form": "MATCH (n) CALL { WITH n DETACH DELETE n } IN TRANSACTIONS OF 100 ROWS ON ERROR CONTINUE;",
    "a limit": "MATCH (n) WITH n LIMIT 1000000 CALL (n) { DETACH DELETE n } IN TRANSACTIONS;",
    "an optional relationship": "MATCH (n) OPTIONAL MATCH (n)-[r]-() CALL (n, r) { DELETE r, n } IN TRANSACTIONS;",
    "a list": "MATCH (n) WITH collect(n) AS list UNWIND list AS x CALL (x) { DETACH DELETE x } IN TRANSACTIONS;",
    "a condition that leaves out too little": "MATCH (n) WHERE NOT n:Person CALL (n) { DETACH DELETE n } IN TRANSACTIONS;",
    "one that leaves out the history alone": "MATCH (n) WHERE NOT n:Migration CALL (n) { DETACH DELETE n } IN TRANSACTIONS;",
    "an expression of labels": "MATCH (n:!Person) CALL (n) { DETACH DELETE n } IN TRANSACTIONS;",
    "one that leaves out all but the history": "MATCH (n) WHERE none(l IN labels(n) WHERE l STARTS WITH '_Migration') CALL (n) { DETACH DELETE n } IN TRANSACTIONS;",
    "labels of the ledger": "MATCH (n:_MigrationAudit) CALL (n) { DETACH DELETE n } IN TRANSACTIONS;",
    "text for APOC": "CALL apoc.periodic.iterate('MATCH (n) RETURN n', 'DETACH DELETE n', {batchSize: 1000});",
    "text for APOC by id": "CALL apoc.periodic.iterate('MATCH (n) RETURN id(n) AS id', 'MATCH (n) WHERE id(n) = id DETACH DELETE n', {});",
    "one transaction": "MATCH (n) DETACH DELETE n;",
    "the history": "MATCH (m:Migration) DELETE m;",
    "the history, detached": "MATCH (m:Person|Migration) DETACH DELETE m;",
    "a status": "MATCH (m:Migration) SET m.status = 'SUCCESS';",
    "one status": "MATCH (m:Migration {filename: '001_first.cypher'}) SET m.status = 'ROLLED_BACK';",
    "one record by its version": "MATCH (m:Migration) WHERE m.version = '001' AND m.status = 'SUCCESS' DELETE m;",
    "that or another": "MATCH (m:Migration) WHERE m.version = 'r1' OR m.status = 'SUCCESS' DELETE m;",
    "all but one": "MATCH (m:Migration) WHERE m.version <> 'r1' DELETE m;",
    "a status merged": "MERGE (m:Migration {filename: '001_first.cypher'}) ON MATCH SET m.checksum = 'x';",
    "properties from outside": "MATCH (m:Migration) SET m += {status: 'FAILED'};",
    "all properties": "MATCH (m:Migration) SET m = {a: 1};",
    "a property taken away": "MATCH (n) REMOVE n.migrationId;",
    "the label": "MATCH (m:Migration) REMOVE m:Migration;",
}
ALLOWED = {
    "a label": ("MATCH (n:Person) CALL (n) { DETACH DELETE n } IN TRANSACTIONS;", "MATCH (n:Person) RETURN count(n)", 0),
    "everything else": ("MATCH (n) WHERE NOT n:Migration AND none(l IN labels(n) WHERE l STARTS WITH '_Migration') "
                        "CALL (n) { DETACH DELETE n } IN TRANSACTIONS;", "MATCH (n:Person|Company) RETURN count(n)", 0),
    "a property that we do not have": ("MATCH (n) WHERE n.expired CALL (n) { DETACH DELETE n } IN TRANSACTIONS;",
                                       "MATCH (n:Person) RETURN count(n)", 1),
    "a value that we do not have": ("MATCH (n {name: 'acme'}) DETACH DELETE n;", "MATCH (n:Company) RETURN count(n)", 0),
    "a condition on the label": ("MATCH (n) WHERE n:Person DETACH DELETE n;", "MATCH (n:Person) RETURN count(n)", 0),
    "a property for all": ("MATCH (n) SET n.checkedByUs = true;", "MATCH (n:Person {checkedByUs: true}) RETURN count(n)", 2),
    "what has relationships": ("MATCH (a:Person), (b:Company) CREATE (a)-[:AT]->(b) WITH 1 AS x MATCH (n)-[:AT]->() DETACH DELETE n;",
                               "MATCH (n:Person) RETURN count(n)", 0),
    "labels like ours": ("CREATE (:MigrationPlan {status: 'x'}), (:migration {status: 'x'}) WITH 1 AS x "
                         "MATCH (m:MigrationPlan|migration) SET m.status = 'y';", "MATCH (n:MigrationPlan|migration {status: 'y'}) RETURN count(n)", 2),
    "another program's history": ("CREATE (:Migration {name: 'old'}) WITH 1 AS x MATCH (m:Migration) WHERE m.migrationId IS NULL DETACH DELETE m;",
                                  "MATCH (m:Migration) WHERE m.migrationId IS NULL RETURN count(m)", 0),
    "a record of its own, taken back": ("CREATE (:Migration {version: 'r1', name: 'own'}) WITH 1 AS x MATCH (m:Migration {version: 'r1'}) DELETE m;",
                                        "MATCH (m:Migration {version: 'r1'}) RETURN count(m)", 0),
    "a record of its own, merged": ("MERGE (m:Migration {version: 'r2'}) SET m.name = 'own', m.appliedAt = datetime();",
                                    "MATCH (m:Migration {version: 'r2'}) RETURN m.name", "own"),
    "migrations of birds": ("CREATE (:Migration {species: 'stork'}) WITH 1 AS x MATCH (m:Migration {species: 'stork'}) SET m.status = 'south';",
                            "MATCH (m:Migration {species: 'stork'}) RETURN m.status", "south"),
}


def kept(graph):
    """What a run that is refused leaves as it is: all nodes but for the lock and the log of that run."""
    rows = graph.run("MATCH (n) WHERE none(l IN labels(n) WHERE l IN ['_MigrationLock', '_MigrationMeta', '_MigrationAudit']) "
                     "RETURN labels(n), properties(n)")
    return sorted(repr((labels, sorted(properties.items(), key=str))) for labels, properties in rows)


def files_of(statements):
    return {"001_first.cypher": FIRST} | {f"{i + 100}_{what.replace(' ', '_')}.cypher": f"// UP\nMERGE (:Before {{a: 1}});\n\n{statement}\n"
                                          for i, (what, statement) in enumerate(statements.items())}


def ledger_findings(report):
    return [f for f in report["findings"] if f["rule"] == "ledger-nodes"]


def refused(tap, b):
    b.of({"001_first.cypher": FIRST}).run("up")
    before = kept(b.graph)
    files = files_of(REFUSED)
    status, report = b.of(files, wipe=False).json("validate")
    named = {f["migration"]: (f["severity"], f["line"], f["statement"]) for f in ledger_findings(report)}
    for name, what in zip(list(files)[1:], REFUSED):
        tap.ok(status == 4 and named.get(name[:-len(".cypher")]) == ("error", 4, 2), f"{what}: validate names it", named)
        program = b.of({"001_first.cypher": FIRST, name: files[name]}, wipe=False)
        result = program.run("up", "--force", "--reason", "try")
        tap.ok(result.returncode == 3 and name in result.stderr and "history itself" in result.stderr and "hint:" in result.stderr,
               f"{what}: up refuses it, with what to do, and is not to be forced", said(result))
    tap.ok(kept(b.graph) == before, "nothing of all that was run")
    proof = program.run("audit", "--verify")
    tap.ok(proof.returncode == 0, "and the log is whole", said(proof))


def allowed(tap, b):
    b.of({"001_first.cypher": FIRST}).run("up")
    files = {"001_first.cypher": FIRST}
    for i, (what, (statement, query, wanted)) in enumerate(ALLOWED.items()):
        b.graph.run("MATCH (n:Person|Company) DETACH DELETE n")
        b.graph.run("CREATE (:Person {name: 'anna', expired: true}), (:Person {name: 'ben'}), (:Company {name: 'acme'})")
        name = f"{i + 100}_{what.replace(' ', '_')}.cypher"
        files[name] = f"// UP\n{statement}\n"
        program = b.of(files, wipe=False)
        _, report = program.json("validate")
        tap.ok(not ledger_findings(report), f"{what}: validate has nothing to say", ledger_findings(report))
        result = program.run("up")
        history = b.graph.history()
        tap.ok(result.returncode == 0 and b.graph.one(query) == wanted and all(history.get(n) == "SUCCESS" for n in files),
               f"{what}: runs, is recorded, and so are those before", f"{history}\n{said(result)}")


def beginnings(tap, b):
    """On an empty database, where the history is only made by the run itself."""
    program = b.of({"001_first.cypher": FIRST, "002_second.cypher": "// UP\n" + REFUSED["one that leaves out all but the history"]})
    result = program.run("up")
    tap.ok(result.returncode == 3 and b.graph.history() == {}, "the first run ever: the rows that it is going to make count", said(result))
    tap.equal(b.graph.one("MATCH (n:Migration) RETURN count(n)"), 0, "the sample that was asked about is not there")
    program = b.of({"001_first.cypher": FIRST, "002_second.cypher": "// UP\n" + REFUSED["the history"],
                    "003_third.cypher": "// UP\n" + REFUSED["a subquery in batches"], "004_fourth.cypher": "// UP\n" + ALLOWED["a property that we do not have"][0]})

    def severities(report):
        return {f["migration"]: f["severity"] for f in ledger_findings(report)}

    status, report = program.json("validate")
    tap.ok(status == 4 and severities(report) == {"002_second": "warning", "003_third": "error"},
           "before the ledger is there, a label that may be another program's is a warning", report["findings"])
    result = subprocess.run([program.path, "validate", "--engine=neo4j", "--migrations", program.folder, "--json"], capture_output=True,
                            text=True, env=environment(), check=False)
    status, report = result.returncode, json.loads(result.stdout)
    tap.ok(status == 4 and severities(report) == {"002_second": "warning", "003_third": "error"}, "… and without a database", f"{report}")
    dry = program.run("up", "--dry-run")
    tap.ok("history itself" in dry.stdout + dry.stderr and b.graph.one("MATCH (n) RETURN count(n)") == 0,
           "a dry run says it, and writes nothing", said(dry))
    own = b.of({"20250102_090000_own.up.cypher": "/*\n * Migration: own\n * Version: 2025.01.02.090000\n */\nCREATE (:Migration {version: '20250102_090000', name: 'own'});\n",
                "20250102_090000_own.down.cypher": "MATCH (m:Migration {version: '20250102_090000'})\nDELETE m;\n"})
    _, report = own.json("validate")
    results = own.run("up"), own.run("down")
    tap.ok(not ledger_findings(report) and all(r.returncode == 0 for r in results)
           and b.graph.run("MATCH (m:Migration) RETURN m.version, m.status") == [["2025.01.02.090000", "ROLLED_BACK"]],
           "a file takes back the record that it wrote beside ours", f"{report['findings']}\n{said(results[0])}\n{said(results[1])}")
    coming = b.of({"001_first.cypher": FIRST, "002_second.cypher": "// UP\nMATCH (m:Migration {version: '001'}) DELETE m;\n"})
    result = coming.run("up")
    tap.ok(result.returncode == 3 and b.graph.history() == {}, "a record that the run is going to make is not to be deleted either", said(result))
    down = b.of({"001_first.cypher": FIRST.split("// DOWN")[0] + "// DOWN\nMATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS;\n"})
    down.run("up")
    result = down.run("down", "--force", "--reason", "try")
    tap.ok(result.returncode == 3 and b.graph.history() == {"001_first.cypher": "SUCCESS"}, "down refuses it, too", said(result))


def properties(tap, b):
    """Every property that the ledger's nodes have is known to be one."""
    program = b.of({"001_first.cypher": FIRST, "002_bad.cypher": "// UP\nCREATE INDEX a IF NOT EXISTS FOR (n:A) ON (n.a);\nMATCH (n:A) RETURN 1 / 0;\nCREATE (:A {n: 1/0});\n"})
    program.run("up", "--to", "001_first")
    program.run("up")
    program.run("down", "--force", "--steps", "2", "--reason", "try")
    program.run("up")
    with tempfile.TemporaryDirectory() as folder:
        made = program.run("backup", "--backup-folder", folder)
    tap.ok(made.returncode == 0, "a backup, so that there is one in the ledger", said(made))
    keys = [row[0] for row in b.graph.run("MATCH (n) WHERE any(l IN labels(n) WHERE l = 'Migration' OR l STARTS WITH '_Migration') "
                                          "UNWIND keys(n) AS k RETURN DISTINCT k ORDER BY k")]
    of_history = [row[0] for row in b.graph.run("MATCH (n:Migration) UNWIND keys(n) AS k RETURN DISTINCT k ORDER BY k")]
    files = {f"{i:03}_any.cypher": f"// UP\nMATCH (n) SET n.{key} = null;\n" for i, key in enumerate(keys)}
    files |= {f"{i + 500}_history.cypher": f"// UP\nMATCH (n:Migration) SET n.{key} = null;\n" for i, key in enumerate(of_history)}
    _, report = b.of(files, wipe=False).json("validate")
    named = {os.path.basename(f["file"]) for f in ledger_findings(report)}
    missing = [name for name in files if name not in named]
    tap.ok(len(keys) >= 55 and not missing, f"{len(keys)} properties of the ledger's nodes are known", [files[name] for name in missing])


def main():
    path, tap = binary(), Tap()
    with bench(path) as b:
        refused(tap, b)
        allowed(tap, b)
        beginnings(tap, b)
        properties(tap, b)
        b.graph.wipe()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
