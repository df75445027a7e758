#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Migrations of Neo4j through the command line, on a real server: order and record, down, changed files, splitting, failures,
statements that commit as they go, dry runs, environments, preconditions. What the server holds is asked through Neo4j's own
driver.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from graphs import bench, neo4j
from migrations import Tap, binary, environment, said

PEOPLE = """// @metadata {"author": "anna", "risk": "low", "description": "people and their names"}
// UP
CREATE (:Person {name: 'anna'}), (:Person {name: 'ben'});
// DOWN
MATCH (p:Person) DETACH DELETE p;
"""
UNIQUE = """// UP
CREATE CONSTRAINT person_name IF NOT EXISTS FOR (p:Person) REQUIRE p.name IS UNIQUE;
// DOWN
DROP CONSTRAINT person_name IF EXISTS;
"""
KNOWS = """// UP
MATCH (a:Person {name: 'anna'}), (b:Person {name: 'ben'}) CREATE (a)-[:KNOWS {since: 2020}]->(b);
// DOWN
MATCH ()-[k:KNOWS]->() DELETE k;
"""


def header(name, version, description, dependencies=()):
    lines = "".join(f"\n *   - {d}" for d in dependencies)
    return (f"/*\n * Migration: {name}\n * Version: {version}\n * Author: Ops\n * Ticket: CATALOG-001\n * Description:\n *   {description}\n *\n"
            f" * Dependencies:{lines or ' None'}\n *\n * Rollback: see the .down.cypher file\n */\n\n")


ENVIRONMENTS = {
    "common/2025-10-15_143022_people.up.cypher": header("people", "2025.10.15.143022", "People of the catalog")
    + "CREATE CONSTRAINT person_name IF NOT EXISTS FOR (p:Person) REQUIRE p.name IS UNIQUE;\n",
    "common/2025-10-15_143022_people.down.cypher": "DROP CONSTRAINT person_name IF EXISTS;\n",
    "common/20251016_090000_first.up.cypher": header("first", "20251016.090000", "The first person", ["2025-10-15_143022_people"])
    + "CREATE (:Person {name: 'anna', site: 'http://example.org/a;b'});\n",
    "common/20251016_090000_first.down.cypher": "MATCH (p:Person {name: 'anna'}) DETACH DELETE p;\n",
    "dev/2025-10-15_150000_samples.up.cypher": "MERGE (:Person {name: 'sample'});\n",
    "dev/2025-10-15_150000_samples.down.cypher": "MATCH (p:Person {name: 'sample'}) DETACH DELETE p;\n",
    "prod/2025-10-15_150000_real.up.cypher": "MERGE (:Person {name: 'real'});\n",
    "prod/2025-10-15_150000_real.down.cypher": "MATCH (p:Person {name: 'real'}) DETACH DELETE p;\n",
}


def order_and_record(tap, b):
    program = b.of(ENVIRONMENTS)
    result = program.run("up")
    tap.ok(result.returncode == 0, "environments: up", said(result))
    names = [row[0] for row in b.graph.run("MATCH (m:Migration) WHERE m.status = 'SUCCESS' "
                                           "RETURN m.filename, m.appliedAt, m.executionTime ORDER BY m.appliedAt")]
    tap.equal(names, ["common/2025-10-15_143022_people.up.cypher", "dev/2025-10-15_150000_samples.up.cypher",
                      "common/20251016_090000_first.up.cypher"], "development: common and dev, by their stamps")
    row = b.graph.run("MATCH (m:Migration {filename: 'common/20251016_090000_first.up.cypher'}) RETURN m.version, m.description, "
                      "size(m.checksum), m.appliedBy IS NOT NULL, m.appliedAt, m.executionTime")[0]
    row[4:] = [type(row[4]).__name__, row[4].tzinfo is not None, type(row[5]).__name__]
    tap.equal(row, ["20251016.090000", "The first person", 64, True, "DateTime", True, "int"],
              "the history's node has what the runbook's queries ask for")
    tap.equal(sorted(r[0] for r in b.graph.run("MATCH (p:Person) RETURN p.name")), ["anna", "sample"], "and did what it says")
    tap.equal(b.graph.one("MATCH (p:Person {name: 'anna'}) RETURN p.site"), "http://example.org/a;b", "a URL in a string survives")
    production = b.of(ENVIRONMENTS, "--env", "production")
    result = production.run("up")
    tap.equal(sorted(r[0] for r in b.graph.run("MATCH (p:Person) RETURN p.name")), ["anna", "real"], "production: common and prod")
    status, report = production.json("status")
    tap.ok(status == 0 and report["applied"] == 3 and report["pending"] == 0, "status counts", json.dumps(report)[:800])
    named = production.run("status", "--layout", report["layout"])
    tap.ok(report["layout"] == "pairs" and named.returncode == 0, "and names the layout in a word that --layout takes", said(named))


def going_down(tap, b):
    program = b.of({"001_people.cypher": PEOPLE, "002_unique.cypher": UNIQUE, "003_knows.cypher": KNOWS,
                    "004_only_up.cypher": "// UP\nMERGE (:Flag {on: true});\n"})
    program.run("up")
    full = b.graph.state()
    refused = program.run("down")
    tap.ok(refused.returncode == 3 and "no down" in refused.stderr, "without a down it is refused", said(refused))
    forced = program.run("down", "--force", "--reason", "it is only a flag")
    tap.ok(forced.returncode == 0 and b.graph.history()["004_only_up.cypher"] == "ROLLED_BACK", "--force takes it out of the history", said(forced))
    lost = program.run("down")
    tap.ok(lost.returncode == 3 and "KNOWS: 1 relationship" in lost.stderr, "what would be lost is counted and refused", said(lost))
    tap.ok(b.graph.one("MATCH ()-[k:KNOWS]->() RETURN count(k)") == 1, "and is still there")
    down = program.run("down", "--force", "--yes", "--reason", "incident 4711")
    row = b.graph.run("MATCH (m:Migration {filename: '003_knows.cypher'}) RETURN m.status, m.rolledBackAt IS NOT NULL")[0]
    tap.ok(down.returncode == 0 and row == ["ROLLED_BACK", True], "down marks ROLLED_BACK, with its time", f"{row} {said(down)}")
    tap.equal(b.graph.one("MATCH ()-[k:KNOWS]->() RETURN count(k)"), 0, "and takes it back")
    to = program.run("down", "--to=001")
    tap.ok(to.returncode == 0 and b.graph.schema() == [], "down --to=001: the constraint goes without a question", said(to))
    tap.equal(b.graph.history(), {"001_people.cypher": "SUCCESS", "002_unique.cypher": "ROLLED_BACK",
                                  "003_knows.cypher": "ROLLED_BACK", "004_only_up.cypher": "ROLLED_BACK"}, "the history tells it")
    again = program.run("up")
    tap.ok(again.returncode == 0 and b.graph.state() == full, "up again gives the same graph", said(again))
    redo = program.run("redo", "--force")
    tap.ok(redo.returncode == 3 or redo.returncode == 0, "redo of one without a down", said(redo))
    steps = program.run("down", "--steps", "9", "--force")
    tap.ok(steps.returncode == 0 and b.graph.state()[0] == [] and b.graph.one("MATCH (p:Person) RETURN count(p)") == 0,
           "--steps takes all", said(steps))


def changed_files(tap, b):
    program = b.of({"001_people.cypher": PEOPLE, "002_unique.cypher": UNIQUE})
    program.run("up")
    before = b.graph.run("MATCH (m:Migration {filename: '001_people.cypher'}) RETURN properties(m)")
    with open(os.path.join(program.folder, "001_people.cypher"), "a", encoding="utf-8") as file:
        file.write("// a comment more\n")
    cosmetic = program.run("up")
    tap.ok(cosmetic.returncode == 0, "a comment does not count", said(cosmetic))
    with open(os.path.join(program.folder, "001_people.cypher"), "w", encoding="utf-8") as file:
        file.write(PEOPLE.replace("'ben'", "'bea'"))
    for command in ("validate", "up"):
        result = program.run(command)
        text = result.stdout + result.stderr
        tap.ok(result.returncode == 4 and re.search(r"001_people\S* has been modified after application!", text),
               f"a changed file: {command} says so", said(result))
    tap.equal(b.graph.run("MATCH (m:Migration {filename: '001_people.cypher'}) RETURN properties(m)"), before, "the SUCCESS node is untouched")
    no_reason = program.run("repair", "001")
    tap.ok(no_reason.returncode == 2, "repair wants a reason", said(no_reason))
    repaired = program.run("repair", "001", "--reason", "the name was a typing error, corrected by hand")
    tap.ok(repaired.returncode == 0 and program.run("validate").returncode == 0, "repair accepts it", said(repaired))
    _, audit = program.json("audit")
    entries = [e for e in (audit if isinstance(audit, list) else audit["entries"]) if e["action"] == "repaired"]
    tap.ok(entries and "typing error" in json.dumps(entries), "and the reason is in the audit log", json.dumps(audit)[-600:])
    tap.equal(program.run("audit", "--verify").returncode, 0, "whose chain holds")


SPLITTING = r"""// UP
CREATE (:T {a: 'x; y', b: "it's // no comment", c: 'http://h/p'}); // a comment; with a semicolon
/* CREATE (:No {a: 1}); */
CREATE (:`odd;label` {`k;e``y`: 'a\'b;c\\'});
MATCH (t:T) SET t.d = CASE WHEN t.a IS NOT NULL THEN {x: 1, y: {z: [1, 2]}}.y.z[1] END;
CREATE (:T2 {text: 'CALL { } IN TRANSACTIONS'}); CREATE (:T3);
"""


def splitting(tap, b):
    program = b.of({"001_split.cypher": SPLITTING})
    result = program.run("up")
    tap.ok(result.returncode == 0, "odd texts: up", said(result))
    tap.equal(b.graph.run("MATCH (t:T) RETURN t.a, t.b, t.c, t.d"), [["x; y", "it's // no comment", "http://h/p", 2]], "strings are whole")
    tap.equal(b.graph.run("MATCH (n:`odd;label`) RETURN n.`k;e``y`"), [["a'b;c\\"]], "names in backticks too")
    tap.equal(b.graph.run("MATCH (n:No) RETURN count(n)"), [[0]], "comments are comments")
    tap.equal(b.graph.one("MATCH (m:Migration) RETURN m.journalled"), False, "IN TRANSACTIONS inside a string is none: one transaction")


def failures(tap, b):
    program = b.of({"001_people.cypher": PEOPLE, "002_unique.cypher": UNIQUE,
                    "003_bad.cypher": "// UP\nCREATE (:Person {name: 'carl'});\nMATCH (p:Person) SET p.seen = 1;\n"
                                      "CREATE (:Person {name: 'anna'});\n"})
    program.run("up", "--target", "002")
    before = b.graph.state()
    status, report = program.json("up")
    item = report["migrations"][0]
    tap.ok(status == 1 and item["undone"] == "all" and item["error"]["statement"] == 3, "data only: it fails at statement 3", json.dumps(report)[:1500])
    tap.equal(b.graph.state(), before, "and leaves nothing")
    node = b.graph.run("MATCH (m:Migration {filename: '003_bad.cypher'}) RETURN m.status, properties(m)")
    text = json.dumps(node, default=str)
    tap.ok(node and node[0][0] == "FAILED", "FAILED is recorded", text)
    try:
        b.graph.run("CREATE (:Person {name: 'anna'})")
        gql = None
    except neo4j.exceptions.Neo4jError as problem:
        gql = problem.gql_status
    if gql and gql != "50N42":  # which says that there is none
        tap.ok(gql in text + json.dumps(item), f"with the GQLSTATUS {gql}", text)
    else:
        tap.skip("with the GQLSTATUS", "this server gives none for it")
    for what, pattern in (("the statement", "statement 3"), ("the code", "Neo.ClientError.Schema.ConstraintValidationFailed"),
                          ("the server's text", "already exists"), ("the server's name of the node", "Person")):
        tap.ok(re.search(pattern, text + json.dumps(item)), f"with {what}", text)
    query = b.graph.run("MATCH (m:Migration {status: 'FAILED'}) RETURN m.filename, m.description, m.appliedAt")
    tap.ok(len(query) == 1 and query[0][1] and "FAILED" in query[0][1] and query[0][2] is not None, "the runbook's query of what failed", str(query))
    undone = program.run("down")
    tap.ok(undone.returncode == 0 and b.graph.state() == before and b.graph.history()["002_unique.cypher"] == "SUCCESS",
           "down after that takes the failed one back, and not the good one before it", f"{b.graph.history()} {said(undone)}")
    tap.equal(b.graph.history()["003_bad.cypher"], "ROLLED_BACK", "which is ROLLED_BACK then")
    with open(os.path.join(program.folder, "003_bad.cypher"), "w", encoding="utf-8") as file:
        file.write("// UP\nCREATE (:Person {name: 'carl'});\n")
    result = program.run("up")
    tap.ok(result.returncode == 0 and b.graph.history()["003_bad.cypher"] == "SUCCESS", "mended, it succeeds", said(result))


def mixed_failures(tap, b):
    files = {"001_mixed.cypher": "// UP\nCREATE CONSTRAINT t_id IF NOT EXISTS FOR (t:T) REQUIRE t.id IS UNIQUE;\n"
                                 "CREATE (:T {id: 1});\nCREATE INDEX t_v IF NOT EXISTS FOR (t:T) ON (t.v);\nCREATE (:T {id: 1});\n"
                                 "// DOWN\nDROP INDEX t_v IF EXISTS;\nMATCH (t:T) DETACH DELETE t;\nDROP CONSTRAINT t_id IF EXISTS;\n"}
    program = b.of(files)
    status, report = program.json("up")
    tap.ok(status == 1 and report["migrations"][0]["undone"] == "all" and b.graph.state() == ([], ([], [])),
           "schema and data: what was done is taken back by its down statements", json.dumps(report)[:1200])
    files["001_mixed.cypher"] = files["001_mixed.cypher"].split("// DOWN")[0]
    program = b.of(files)
    status, report = program.json("up")
    tap.ok(status == 7 and report["migrations"][0]["undone"] == "none" and len(b.graph.schema()) == 2,
           "without a down it stays, and is said", json.dumps(report)[:1200])
    with open(os.path.join(program.folder, "001_mixed.cypher"), "w", encoding="utf-8") as file:
        file.write(files["001_mixed.cypher"].replace("ON (t.v);\nCREATE (:T {id: 1})", "ON (t.v);\nCREATE (:T {id: 2})"))
    result = program.run("up")
    tap.ok(result.returncode == 0 and b.graph.one("MATCH (t:T) RETURN count(t)") == 2, "mended, it goes on at that statement", said(result))
    partial = program.run("status")
    tap.ok("applied" in partial.stdout, "and is applied", said(partial))
    program = b.of({"001_long.cypher": "// UP\nCREATE (:L {v: reduce(s = '', i IN range(1, 2000) | s + 'abcdefgh')});\n"
                                       "CREATE INDEX l_v FOR (l:L) ON (l.v);\nCREATE (:L {v: 'short'});\n"})
    result = program.run("up")
    tap.ok(result.returncode in (1, 7) and "statement 2" in result.stderr and "index" in result.stderr.lower(),
           "an index that cannot be populated fails its statement", said(result))
    tap.equal((b.graph.schema(), b.graph.one("MATCH (l:L {v: 'short'}) RETURN count(l)")), ([], 0), "it does not stay, and what follows is not run")


FAILS = "CREATE CONSTRAINT t_never FOR (t:T) REQUIRE t.v IS UNIQUE;\n"


def undoing(tap, b):
    """What a failed migration had made goes by its own down, when that takes nothing else."""
    ups = {"several": "CREATE (:T {id: 1});\nCREATE (:T {id: 2, v: 0}), (:T {id: 3, v: 0});\n",
           "rows": "UNWIND range(1, 50) AS i CREATE (:T {id: i, v: 0});\n",
           "merged": "UNWIND range(1, 50) AS i MERGE (t:T {id: i}) ON CREATE SET t.v = 0;\n",
           "joined": "CREATE (:T {v: 0})-[:R]->(:T {v: 0});\n"}
    tail = "// DOWN\nMATCH (t:T) DETACH DELETE t;\nDROP INDEX t_x IF EXISTS;\n"
    for what, up in ups.items():
        text = f"// UP\nCREATE INDEX t_x IF NOT EXISTS FOR (t:T) ON (t.x);\n{up}{FAILS}{tail}"
        program = b.of({"001_t.cypher": text})
        status, report = program.json("up")
        tap.ok(status == 1 and report["migrations"][0]["undone"] == "all" and b.graph.state() == ([], ([], [])),
               f"{what}: one down statement takes back all that was made", json.dumps(report)[:1200])
        program = b.of({"001_t.cypher": text})
        b.graph.run("CREATE (:T {id: 2, v: 17, precious: true})")
        result = program.run("up")
        tap.ok(result.returncode == 7 and "would take" in result.stderr and "surely made" in result.stderr
               and b.graph.one("MATCH (t:T {precious: true}) RETURN count(t)") == 1,
               f"{what}: what was there before is not taken with it, and the reason is told", said(result))
        down = program.run("down")
        tap.ok(down.returncode == 3 and "T: " in down.stderr and b.graph.one("MATCH (t:T {precious: true}) RETURN count(t)") == 1,
               f"{what}: down counts what would go, and asks", said(down))
    merged = f"// UP\nCREATE INDEX t_x IF NOT EXISTS FOR (t:T) ON (t.x);\nMERGE (:T {{id: 1}});\n{FAILS}{tail}"
    program = b.of({"001_t.cypher": merged.replace("MERGE (:T", "CREATE (:S {a: 1});\nMERGE (:T").replace("// DOWN", "// DOWN\nMATCH (s:S {a: 1}) DELETE s;")})
    b.graph.run("CREATE (:T {id: 1, v: 0}), (:T {id: 2, v: 0})")
    status, report = program.json("up")
    tap.ok(status == 1 and report["migrations"][0]["undone"] == "all" and b.graph.one("MATCH (t:T) RETURN count(t)") == 2
           and b.graph.one("MATCH (s:S) RETURN count(s)") == 0, "MERGE that found what was there needs no undoing", json.dumps(report)[:1200])
    values = f"// UP\nCREATE INDEX t_x IF NOT EXISTS FOR (t:T) ON (t.x);\nMATCH (t:T) WHERE t.id < 3 SET t.x = 1;\n{FAILS}" \
             "// DOWN\nMATCH (t:T) REMOVE t.x;\nDROP INDEX t_x IF EXISTS;\n"
    for x, undone, left in (("null", "all", 0), ("5", "none", 3)):
        program = b.of({"001_t.cypher": values})
        b.graph.run(f"CREATE (:T {{id: 1, v: 0}}), (:T {{id: 2, v: 0}}), (:T {{id: 3, v: 1, x: {x}}})")
        _, report = program.json("up")
        tap.ok(report["migrations"][0]["undone"] == undone and b.graph.one("MATCH (t:T) RETURN count(t.x)") == left,
               f"SET and REMOVE, where another has {x}: {undone}", json.dumps(report)[:1200])


def in_transactions(tap, b):
    program = b.of({"001_many.cypher": "// UP\nUNWIND range(1, 1000) AS i CREATE (:N {i: i});\n",
                    "002_batches.cypher": "// UP\nMATCH (n:N) CALL (n) { SET n.done = true } IN /* not one */ TRANSACTIONS OF 100 ROWS;\n",
                    "003_concurrent.cypher": "// UP\nMATCH (n:N) CALL (n) { SET n.more = n.i } IN 2 CONCURRENT TRANSACTIONS OF 100 ROWS;\n",
                    "004_none.cypher": "// UP\nCREATE (:X {`IN TRANSACTIONS`: 'CALL {} IN TRANSACTIONS'}); // IN TRANSACTIONS\n"})
    result = program.run("up")
    tap.ok(result.returncode == 0, "CALL … IN TRANSACTIONS runs", said(result))
    tap.equal(b.graph.one("MATCH (n:N) WHERE n.done AND n.more = n.i RETURN count(n)"), 1000, "and did all")
    tap.equal([r[0] for r in b.graph.run("MATCH (m:Migration) RETURN m.journalled ORDER BY m.filename")], [False, True, True, False],
              "by its tokens: not in strings, comments, names")
    counted = "// UP\nMATCH (n:N) WITH n ORDER BY n.i CALL (n) { SET n.count = coalesce(n.count, 0) + 1 / (500 - n.i) } IN TRANSACTIONS OF 100 ROWS;\n"
    program = b.of({"001_many.cypher": "// UP\nUNWIND range(1, 1000) AS i CREATE (:N {i: i});\n", "002_count.cypher": counted})
    result = program.run("up")
    tap.ok(result.returncode == 7 and "--statement-again 1" in result.stderr, "a batch that fails half-way and may not be run again is in doubt", said(result))
    done = b.graph.one("MATCH (n:N) WHERE n.count IS NOT NULL RETURN count(n)")
    again = program.run("up")
    tap.ok(again.returncode == 7 and b.graph.one("MATCH (n:N) WHERE n.count IS NOT NULL RETURN count(n)") == done == 400,
           "and is not run again by itself", f"{done} {said(again)}")
    decided = program.run("repair", "002", "--statement-done", "1", "--reason", "the rest was counted by hand")
    result = program.run("up")
    tap.ok(decided.returncode == 0 and result.returncode == 0, "a person decides", said(decided) + said(result))
    program = b.of({"001_many.cypher": "// UP\nUNWIND range(1, 1000) AS i CREATE (:N {i: i});\n",
                    "002_flag.cypher": counted.replace("n.count = coalesce(n.count, 0) + 1 / (500 - n.i)", "n.v = 1 / (500 - n.i)")})
    result = program.run("up")
    with open(os.path.join(program.folder, "002_flag.cypher"), "w", encoding="utf-8") as file:
        file.write("// UP\nMATCH (n:N) CALL (n) { SET n.v = 1 } IN TRANSACTIONS OF 100 ROWS;\n")
    again = program.run("up")
    tap.ok(result.returncode == 7 and again.returncode == 0 and b.graph.one("MATCH (n:N {v: 1}) RETURN count(n)") == 1000,
           "one that may be run again is, once mended", said(result) + said(again))


def administration(tap, b):
    program = b.of({"001_use.cypher": "// UP\n:use neo4j\nCREATE (:U {v: 1});\nCREATE (:U {v: 2});\n",
                    "002_user.cypher": "// UP\nCREATE (:U {v: 3});\n:use system\nCREATE USER dataflow_tester IF NOT EXISTS SET PASSWORD 'a-b-c-d-e-f' "
                                       "CHANGE NOT REQUIRED;\n// DOWN\nDROP USER dataflow_tester IF EXISTS;\n"})
    result = program.run("up")
    users = [r[0] for r in b.graph.run("SHOW USERS YIELD user")]
    tap.ok(result.returncode == 0 and "dataflow_tester" in users and b.graph.one("MATCH (u:U) RETURN count(u)") == 3,
           ":use of this database, and administration", f"{users} {said(result)}")
    down = program.run("down", "--force")
    users = [r[0] for r in b.graph.run("SHOW USERS YIELD user")]
    tap.ok(down.returncode == 0 and "dataflow_tester" not in users, "and down again", f"{users} {said(down)}")
    program = b.of({"001_other.cypher": "// UP\nCREATE (:U {v: 1});\n:use elsewhere\nCREATE (:U {v: 2});\n"})
    result = program.run("up")
    tap.ok(result.returncode == 3 and "NEO4J_DATABASE=elsewhere" in result.stderr and b.graph.one("MATCH (u:U) RETURN count(u)") == 0,
           ":use of another database is refused, with what to do", said(result))


def dry_run(tap, b):
    program = b.of({"001_people.cypher": PEOPLE, "002_unique.cypher": UNIQUE + "", "003_knows.cypher": KNOWS,
                    "004_batches.cypher": "// UP\nMATCH (p:Person) CALL (p) { SET p.x = 1 } IN TRANSACTIONS OF 10 ROWS;\n"})
    first = program.run("up", "--target", "001")
    tap.ok(first.returncode == 0, "up --target", said(first))
    before = b.graph.state(), b.graph.run("MATCH (n) RETURN count(n)"), b.graph.run("MATCH (m:Migration) RETURN properties(m)")
    status, report = program.json("up", "--dry-run")
    tap.ok(status == 0 and len(report["migrations"]) == 3, "dry run", json.dumps(report)[:800])
    steps = [s for m in report["migrations"] for s in m["statements"]]
    tap.ok(all(s["state"] == "explained" and s["plan"] for s in steps), "every statement is explained, with its plan", json.dumps(steps)[:1500])
    tap.ok(all(s["ms"] is None for s in steps), "and has no time, since it did not run", json.dumps(steps)[:800])
    table = program.run("up", "--dry-run").stdout
    tap.ok(" µs" not in table and re.search(r"explained +– ", table), "nor in the table", table[:1500])
    notes = [s["note"] for s in steps]
    tap.ok(notes[0].startswith("changes the schema") and notes[1] == "writes; the plan expects about 0 rows" and "batch by batch" in notes[2],
           "kind and estimated rows are told", json.dumps(notes))
    tap.equal((b.graph.state(), b.graph.run("MATCH (n) RETURN count(n)"), b.graph.run("MATCH (m:Migration) RETURN properties(m)")), before,
              "nothing was written: neither data, nor schema, nor record")
    broken = b.of({"001_bad.cypher": "// UP\nCREATE (:A);\nMATCH (n RETURN n;\n", "002_next.cypher": "// UP\nCREATE (:B);\n"})
    result = broken.run("up", "--dry-run")
    tap.ok(result.returncode == 1 and "statement 2" in result.stderr and "failed" in result.stdout and "not reached" in result.stdout,
           "a statement that the server does not understand is named, and the status says it", said(result))
    tap.equal(b.graph.one("MATCH (n) RETURN count(n)"), 0, "on an empty database it stays empty")
    fresh = b.of({"001_people.cypher": PEOPLE})
    result = fresh.run("up", "--dry-run")
    tap.ok(result.returncode == 0 and b.graph.run("SHOW CONSTRAINTS YIELD name") == [] and b.graph.one("MATCH (n) RETURN count(n)") == 0,
           "not even the ledger's own constraints are made", said(result))


def preconditions(tap, b):
    program = b.of({"001_people.cypher": PEOPLE,
                    "002_enterprise.cypher": "// assume that edition is enterprise\n// UP\nCREATE (:Enterprise);\n",
                    "003_new.cypher": "// assume that version is ge 5\n// UP\nCREATE (:Five);\n",
                    "004_asked.cypher": "// assume q' RETURN EXISTS { (:Person {name: 'anna'}) }\n// UP\nCREATE (:Asked);\n",
                    "005_not.cypher": "// assume q' RETURN EXISTS { (:Nobody) }\n// UP\nCREATE (:NotAsked);\n"})
    result = program.run("up")
    labels = sorted(r[0] for r in b.graph.run("MATCH (n) WHERE labels(n)[0] IN ['Enterprise', 'Five', 'Asked', 'NotAsked'] RETURN labels(n)[0]"))
    tap.ok(result.returncode == 0 and labels == ["Asked", "Five"], "what is assumed and does not hold is passed over", f"{labels} {said(result)}")
    _, audit = program.json("audit")
    entries = audit if isinstance(audit, list) else audit["entries"]
    tap.ok(sum(e["action"] == "migration_skipped" and "edition" in json.dumps(e) for e in entries) == 1, "with its reason in the audit log")
    again = program.run("up")
    tap.ok(again.returncode == 0, "and stands in nobody's way", said(again))
    program = b.of({"001_people.cypher": PEOPLE, "002_no.cypher": "// assert that version is lt 4\n// UP\nCREATE (:Old);\n",
                    "003_more.cypher": "// UP\nCREATE (:More);\n"})
    result = program.run("up")
    tap.ok(result.returncode == 3 and "version is lt 4" in result.stderr and b.graph.one("MATCH (n:Old|More) RETURN count(n)") == 0
           and b.graph.history() == {"001_people.cypher": "SUCCESS"}, "what is asserted and does not hold stops the run", said(result))


def header_things(tap, b):
    slow = "// @metadata {\"estimatedDuration\": 1, \"risk\": \"high\", \"dependencies\": [\"001_people\"]}\n// UP\n" \
           "UNWIND range(1, 30000) AS i CREATE (:Bulk {i: i});\n"
    program = b.of({"001_people.cypher": PEOPLE, "002_slow.cypher": slow})
    refused = program.run("up", "--max-risk", "medium")
    tap.ok(refused.returncode == 3 and "risk high" in refused.stderr, "a risk above what is allowed is refused", said(refused))
    result = program.run("up")
    tap.ok(result.returncode == 0 and "twice its estimate" in result.stdout + result.stderr, "twice the estimate is a warning", said(result))
    program = b.of({"001_a.cypher": "// @metadata {\"dependencies\": [\"000_missing\"]}\n// UP\nCREATE (:A);\n"})
    result = program.run("up")
    tap.ok(result.returncode == 4 and "000_missing" in result.stderr and b.graph.one("MATCH (a:A) RETURN count(a)") == 0,
           "a dependency that is not there stops it", said(result))
    program = b.of({"001_p.cypher": "// UP\nCREATE (:P {v: '${region}'});\n"}, "--placeholder", "region=eu")
    first = program.run("up")
    other = type(program)(program.path, program.url, program.folder, "--placeholder", "region=us")
    tap.ok(first.returncode == 0 and b.graph.one("MATCH (p:P) RETURN p.v") == "eu" and other.run("validate").returncode == 0,
           "placeholders are filled in after the checksum", said(first))


def proof(tap, b):
    """The scratch database is this test's own; there is no other beside it."""
    files = {"001_people.cypher": PEOPLE, "002_unique.cypher": UNIQUE, "003_knows.cypher": KNOWS,
             "004_leaves.cypher": "// UP\nCREATE (:Left {v: 1}), (:Left {v: 2});\n// DOWN\nMATCH (l:Left {v: 1}) DELETE l;\n",
             "005_next.cypher": "// UP\nMATCH (p:Person) SET p.good = true;\n// DOWN\nMATCH (p:Person) REMOVE p.good;\n",
             "006_loses.cypher": "// UP\nMATCH (p:Person) SET p.kind = 'x';\n// DOWN\nMATCH (p:Person) REMOVE p.kind, p.good;\n",
             "007_fails.cypher": "// UP\nCREATE INDEX person_kind IF NOT EXISTS FOR (p:Person) ON (p.kind);\n"
                                 "// DOWN\nDROP INDEX person_kind;\nDROP INDEX nowhere;\n",
             "008_last.cypher": "// UP\nMATCH (p:Person {good: true, kind: 'x'}) CREATE (p)-[:SEEN]->(:Day {n: 1});\n// DOWN\nMATCH (d:Day) DETACH DELETE d;\n"}
    program = b.of(files)
    same = program.run("verify", "--scratch-url", b.graph.url)
    tap.ok(same.returncode == 3 and "is the database itself" in same.stderr and b.graph.one("MATCH (n:Person) RETURN count(n)") == 0,
           "the database itself is no scratch database", said(same))
    program.command = lambda *a: [program.path, *map(str, a), "--migrations", program.folder, "--scratch-url", b.graph.url]
    b.graph.wipe()
    status, report = program.json("verify")
    states = {m["file"]: m["state"] for m in report["migrations"]}
    tap.equal(states, {"001_people.cypher": "proved", "002_unique.cypher": "proved", "003_knows.cypher": "proved",
                       "004_leaves.cypher": "left data", "005_next.cypher": "proved", "006_loses.cypher": "differs",
                       "007_fails.cypher": "down failed", "008_last.cypher": "proved"},
              "verify: schema and content are compared, and what follows a broken one is judged")
    details = {m["file"]: m["detail"] for m in report["migrations"]}
    tap.ok(status == 4 and "(:Left): 1 instead of 0" in (details["004_leaves.cypher"] or ""), "and what is left is named", json.dumps(details))
    tap.equal(b.graph.one("MATCH (p:Person)-[:SEEN]->(:Day) RETURN count(p)"), 2, "008 found what 005 and 006 had made, replayed")
    b.graph.wipe().run("CREATE (:Precious)")
    status, report = program.json("verify")
    details = {m["file"]: m["detail"] for m in report["migrations"]}
    tap.ok(status == 4 and "was not empty when it was given" in details["004_leaves.cypher"] and len(details) == 4
           and b.graph.one("MATCH (p:Precious) RETURN count(p)") == 1, "a scratch database with something in it is not emptied", json.dumps(details))
    b.graph.wipe()
    alone = type(program)(program.path, b.graph.url, program.folder).run("verify")
    tap.ok(alone.returncode != 0 and "--scratch-url" in alone.stderr, "Community makes no scratch database: what to do is said", said(alone))


def repeatables(tap, b):
    files = {"V1__first.cypher": "CREATE (:First);\n", "R2__refresh.cypher": "MERGE (c:Counter) SET c.n = coalesce(c.n, 0) + 1;\n"}
    program = b.of(files)
    first = program.run("up")
    second = program.run("up")
    tap.ok(first.returncode == second.returncode == 0 and b.graph.one("MATCH (c:Counter) RETURN c.n") == 1, "a repeatable runs once", said(first))
    with open(os.path.join(program.folder, "R2__refresh.cypher"), "a", encoding="utf-8") as file:
        file.write("MATCH (c:Counter) SET c.more = true;\n")
    third = program.run("up")
    tap.ok(third.returncode == 0 and b.graph.one("MATCH (c:Counter) RETURN c.n") == 2, "and again when it has changed", said(third))
    program = b.of({"V1__first.cypher": "CREATE (:First);\n", "beforeMigrate.cypher": "MERGE (c:Called) SET c.before = coalesce(c.before, 0) + 1;\n",
                    "afterMigrate__last.cypher": "MERGE (c:Called) SET c.after = true;\n"})
    result = program.run("up")
    tap.ok(result.returncode == 0 and b.graph.run("MATCH (c:Called) RETURN c.before, c.after") == [[1, True]], "callbacks run around it", said(result))


def by_variables(tap, b):
    program = b.of({"001_people.cypher": PEOPLE})
    variables = {"NEO4J_URI": b.graph.address, "NEO4J_USERNAME": b.graph.user, "NEO4J_PASSWORD": b.graph.password}
    program.command = lambda *a: [program.path, *map(str, a)]
    nested = os.path.join(program.folder, "project")
    os.makedirs(os.path.join(nested, "schema"))
    os.symlink(program.folder, os.path.join(nested, "schema", "migrations"))
    result = program.run("up", "--verbose", env=variables, cwd=nested)
    tap.ok(result.returncode == 0 and b.graph.one("MATCH (p:Person) RETURN count(p)") == 2, "NEO4J_URI and its like; schema/migrations", said(result))
    tap.ok(b.graph.password not in result.stdout + result.stderr, "the password is in no output", said(result))
    with open(os.path.join(nested, ".env"), "w", encoding="utf-8") as file:
        file.writelines(f"{k}={v}\n" for k, v in variables.items())
    result = program.run("status", "--json", cwd=nested)
    tap.ok(result.returncode == 0 and json.loads(result.stdout)["applied"] == 1 and b.graph.password not in result.stdout, ".env", said(result))
    wrong = program.run("status", env=variables | {"NEO4J_PASSWORD": "s3cret-and-wrong"}, cwd=nested)
    tap.ok(wrong.returncode != 0 and "s3cret" not in wrong.stderr + wrong.stdout and "Traceback" not in wrong.stderr,
           "a wrong password is told, not shown", said(wrong))
    database = program.run("status", env=variables | {"NEO4J_DATABASE": "nosuch"}, cwd=nested)
    tap.ok(database.returncode != 0 and "nosuch" in database.stderr, "NEO4J_DATABASE names the database", said(database))


def main():
    path, tap = binary(), Tap()
    topics = [order_and_record, going_down, changed_files, splitting, failures, mixed_failures, undoing, in_transactions, administration, dry_run, preconditions,
              header_things, proof, repeatables, by_variables]
    wanted = os.environ.get("TOPICS", "").split()
    with bench(path) as b:
        for topic in topics:
            if not wanted or topic.__name__ in wanted:
                topic(tap, b)
    return tap.done()


if __name__ == "__main__":
    assert environment()
    sys.exit(main())
