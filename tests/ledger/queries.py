#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""queries.py ENGINE PUPPET: the runbooks' own queries, typed into the engine's own shell."""
import os
import re

from puppets import ServerError, main, tap

check, equal, contains = tap.check, tap.equal, tap.contains

# As the runbooks write them.
QUERIES = [
    "SELECT * FROM _migration_locks",
    "SELECT * FROM _migration_history ORDER BY applied_at DESC LIMIT 10",
    "SELECT * FROM _migration_audit_log ORDER BY timestamp DESC LIMIT 20",
    "DELETE FROM _migration_locks WHERE expires_at < NOW()",
    "SELECT * FROM dataflow_migration_locks",
    "SELECT * FROM v_migration_status",
    "SELECT * FROM _migration_versions",
    "SELECT * FROM _migration_history WHERE status = 'in_progress' AND applied_at < NOW() - INTERVAL '1' HOUR",
    "SELECT * FROM _migration_locks WHERE expires_at < NOW()",
    "SELECT MAX(created_at) FROM _backup_history WHERE type IN ('full', 'scheduled')",
    "SELECT migration_id, reason, success FROM _migration_rollback_history ORDER BY rolled_back_at DESC",
    "SELECT backup_id, restored_at, success FROM _backup_restoration_history",
    "SELECT metric_name, value, unit FROM _migration_performance_metrics WHERE migration_id = '001'",
]

# The columns that people and their scripts know.
COLUMNS = {
    "_migration_history": "migration_id name checksum applied_at applied_by duration_ms status rows_affected rolled_back_at "
                          "rollback_duration_ms metadata error_message environment",
    "_migration_locks": "lock_name lock_id acquired_at acquired_by hostname pid expires_at metadata",
    "_migration_audit_log": "audit_id migration_id action actor timestamp ip_address user_agent details",
    "_migration_rollback_history": "rollback_id migration_id rolled_back_at rolled_back_by reason duration_ms success "
                                   "error_message metadata",
    "_backup_history": "backup_id filename path size checksum created_at created_by type compressed encrypted "
                       "retention_days metadata",
    "_backup_restoration_history": "backup_id",
    "_migration_performance_metrics": "migration_id metric_name value unit",
    "dataflow_migration_locks": "schema_name holder_process_id acquired_at expires_at lock_data",
}


def for_engine(engine, query):
    """SQLite has no NOW(): its documented equivalent."""
    if engine != "sqlite":
        return query
    query = re.sub(r"NOW\(\) - INTERVAL '1' HOUR", "datetime('now', '-1 hour')", query)
    return query.replace("NOW()", "datetime('now')")


RUNBOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared", "runbooks", "neo4j-runbook.md")
REMOVED = re.compile(r"\b(?:db\.(?:constraints|indexes)|dbms\.(?:listTransactions|listQueries|killQuery)|apoc\.)")


def runbook_queries():
    """Every query of the graph's runbook that today's servers still know, as it stands there."""
    with open(RUNBOOK, encoding="utf-8") as file:
        text = file.read()
    for block in re.findall(r"```cypher\n(.*?)```", text, re.S):
        for query in re.sub(r"^\s*//.*$", "", block, flags=re.M).split(";"):
            if query.strip() and not REMOVED.search(query):
                yield " ".join(query.split())


def test_runbook(place):
    """Four migrations: one slow, one that failed, one rolled back, one just applied; and what the runbook's queries say."""
    if place.engine != "neo4j":
        return
    if not os.path.exists(RUNBOOK):
        return tap.skip("the runbook's queries", "the runbook is not here")
    name = place.database()
    run = place.puppet(name)
    for command in ("create", "take 0 0", "complete slow", "complete back", "complete new", "start broken", "fail broken",
                    "down back"):
        contains(run.told(command), "ok", command)
    ask = place.server.cypher
    ask("MATCH (m:Migration {migrationId: 'slow'}) SET m.executionTime = 20000, m.appliedAt = datetime() - duration('PT2H')")
    place.server.cypher("CREATE (:Movie)")
    seen = {}
    for query in runbook_queries():
        if "SET m.checksum" in query:
            continue
        try:
            seen[query] = ask(query)
            check(True, query)
        except ServerError as problem:
            check(False, query, problem)

    def rows(*words):
        found = [seen[query] for query in seen if all(word in query for word in words)]
        return found[0] if found else None

    files = lambda found: [row[0] for row in found]  # noqa: E731
    equal(files(rows("m.status = 'SUCCESS'", "LIMIT 5")), ["new.cypher", "slow.cypher"], "the newest successes, newest first")
    equal([row[:2] for row in rows("{status: 'FAILED'}")], [["broken.cypher", "FAILED: it went wrong"]], "what failed, and why")
    equal(files(rows("m.status = 'FAILED'", "DESC")), ["broken.cypher"], "in the other form, too")
    equal(rows("duration('PT1H')"), [["back.cypher", "ROLLED_BACK", "back"], ["new.cypher", "SUCCESS", "new"],
                                     ["broken.cypher", "FAILED", "FAILED: it went wrong"]], "what ran within the hour, in its order")
    equal([row[:2] for row in rows("executionTime > 10000")], [["slow.cypher", 20000]], "the slow one")
    equal([row[:2] for row in rows("executionTime > 5000")], [["slow.cypher", 20000]], "in the other form, too")
    equal([row[0:2] for row in rows("LIMIT 10", "m.executionTime")],
          [["broken.cypher", "FAILED"], ["new.cypher", "SUCCESS"], ["back.cypher", "ROLLED_BACK"], ["slow.cypher", "SUCCESS"]],
          "the recent ones, newest first")
    ask("MATCH (m:Migration {filename: 'new.cypher'}) SET m.checksum = 'new_checksum'")
    contains(run.told("query SELECT checksum FROM _migration_history WHERE migration_id = 'new'"), "new_checksum",
             "the checksum that a person sets is the one that counts")


def test_queries(place):
    if place.engine == "neo4j":
        return
    name = place.database()
    run = place.puppet(name)
    run.told("create")
    run.told("take 0 0")
    run.told("begin")
    run.told("complete 001")
    for query in QUERIES:
        query = for_engine(place.engine, query)
        try:
            place.sql(name, query)
            check(True, query)
        except ServerError as problem:
            check(False, query, problem)
    equal(place.sql(name, "SELECT COUNT(*) FROM _migration_locks"), "1", "the DELETE of expired locks left a good one alone")
    for table, columns in COLUMNS.items():
        quoted = columns.replace("timestamp", "`timestamp`") if place.engine == "mariadb" else columns
        try:
            place.sql(name, f"SELECT {', '.join(quoted.split())} FROM {table}")
            check(True, f"{table} has its columns")
        except ServerError as problem:
            check(False, f"{table} has its columns", problem)


def test_time_zones(place):
    """A lease that is good is good in every session's time zone, and one that is over is over."""
    if place.engine in ("sqlite", "neo4j"):
        return
    name = place.database()
    run = place.puppet(name)
    run.told("create")
    run.told("take 0 60000")
    for zone in ("+00:00", "-11:00", "+13:00"):
        setting = f"SET time_zone = '{zone}'" if place.engine == "mariadb" else f"SET TIME ZONE INTERVAL '{zone}' HOUR TO MINUTE"
        equal(place.sql(name, f"{setting}; SELECT COUNT(*) FROM _migration_locks WHERE expires_at < NOW()"), "0",
              f"in {zone} it has not expired")
        ahead = "NOW() + INTERVAL '2' MINUTE" if place.engine == "postgres" else "NOW() + INTERVAL 2 MINUTE"
        equal(place.sql(name, f"{setting}; SELECT COUNT(*) FROM _migration_locks WHERE expires_at < {ahead}"), "1",
              f"in {zone} it will have in two minutes")


def test_remedy(place):
    """docs/ledger.md says how to go on after somebody has deleted rows of _migration_meta."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "ledger.md")) as f:
        language = "cypher" if place.engine == "neo4j" else "sql"
        remedy = re.search(r"When somebody has deleted [^\n]*:\n\n```" + language + r"\n(.*?)```", f.read(), re.S)[1]
    name = place.database()
    run = place.puppet(name)
    run.told("create")
    run.told("audit")
    run.told("audit")
    place.sql(name, "DELETE FROM _migration_meta WHERE name = 'fence' OR name = 'audit'")
    contains(run.told("take 0 0"), "corrupt", "without the fence no lock is taken")
    contains(run.told("audit"), "corrupt", "and without the head of the audit log nothing is recorded")
    if place.engine == "neo4j":
        for statement in re.sub(r"//.*", "", remedy).split(";"):
            if statement.strip():
                place.server.cypher(statement)
    else:
        place.sql(name, re.sub(r"--.*", "", remedy))
    contains(run.told("verify"), "ok intact 2", "the remedy of the documentation puts both rows back")
    equal(run.told("take 0 0"), "ok 1000001", "and the lock can be taken, with a fence above all others")
    contains(run.told("verify"), "ok intact 3", "and the log goes on")


if __name__ == "__main__":
    main([test_runbook, test_queries, test_time_zones, test_remedy])
