/* SPDX-License-Identifier: Apache-2.0 */
/* What is a graph's alone: no tables, nodes that a migration may delete, nodes of another program with our
 * label. */
#include "ledger_test.h"

static const char file_text[] = "CREATE (:Person {name: 'Zoë'})";

static df_migration in_folder(const char *id, const char *version, const char *file)
{
    df_migration m = make_migration(id, version, "people", file_text, NULL);
    m.file = df_str_from(file);
    m.meta.description = DF_STR("People and their names");
    return m;
}

/* ---- everything is deleted ---- */

static int64_t nodes(place *p, const char *condition)
{
    return ask(p->conn, "MATCH (n) WHERE %s RETURN count(n)", condition);
}

static void refused(place *p, const char *statement, bool completes)
{
    df_error err;
    df_migration m = make_migration("001_wipe", "001", "wipe", statement, NULL);
    df_run run = make_run(&m, DF_UP, !completes);
    df_run_result result = {.duration_ms = 1};
    df_journal_row row = make_row(1, statement, DF_STEP_DONE);
    int64_t before = nodes(p, "true");
    if (!completes) {
        check_ok(df_ledger_start(p->ledger, &run, NULL, 0, any_error), "journalled");
        check_ok(df_ledger_intend(p->ledger, &run, NULL, 0, &row, 1, any_error), "statement by statement");
        before = nodes(p, "true");
    }
    check_ok(df_ledger_begin(p->ledger, any_error), "a migration");
    sql(p->conn, "%s", statement);
    df_code code = completes ? df_ledger_complete(p->ledger, &run, &result, &err)
                             : df_ledger_settle(p->ledger, &run, &row, 1, &err);
    check_code(code, DF_REFUSED, &err, statement);
    check(strstr(err.message, "_Migration") && strstr(err.hint, "label"),
          "is told what it did, and what to do: %s", err.hint);
    df_rollback(p->conn);
    check(nodes(p, "true") == before, "nothing is lost");
    check_ok(df_lease_check(p->ledger, any_error), "the lock is still ours");
    check_ok(df_ledger_fail(p->ledger, &run, &err, "all", 5, any_error), "and the failure is recorded");
    check(ask(p->conn, "MATCH (m:Migration {status: 'FAILED'}) WHERE m.description STARTS WITH 'FAILED: ' "
                       "RETURN count(m)") == 1,
          "as the runbook looks for it");
}

static void test_wiped(void)
{
    df_audit_proof proof;
    place p = open_place(new_database(), true);
    sql(p.conn, "CREATE (:Person)-[:KNOWS]->(:Person), ()");
    lease_or_die(&p, 0);
    refused(&p, "MATCH (n) DETACH DELETE n", true);
    refused(&p, "MATCH (n) DETACH DELETE n", false);
    refused(&p, "MATCH (n) WHERE NOT (n)--() DELETE n", true);
    refused(&p, "MATCH (n) SET n = {}", true);
    refused(&p, "MATCH (n) WHERE n:_MigrationMeta OR n:_MigrationLock REMOVE n:_MigrationMeta:_MigrationLock",
            true);

    df_migration m = make_migration("002_tidy", "002", "tidy", "-", NULL);
    df_run run = make_run(&m, DF_UP, false);
    df_run_result result = {.duration_ms = 1, .rows_affected = 3};
    check_ok(df_ledger_begin(p.ledger, any_error), "what the hint says");
    sql(p.conn, "MATCH (n) WHERE NOT n:Migration AND none(l IN labels(n) WHERE l STARTS WITH '_Migration') "
                "DETACH DELETE n");
    check_ok(df_ledger_complete(p.ledger, &run, &result, any_error), "is done, and recorded");
    check(nodes(&p, "n:Person") == 0, "the graph is empty");
    check_ok(df_audit_verify(p.ledger, NULL, &proof, any_error), "the audit log");
    check(proof.intact, "is intact: %s", proof.what);
    df_lease_give(p.ledger);
    close_place(&p);
}

/* ---- the nodes as the runbook has them ---- */

static void test_description(void)
{
    df_error why = {.code = DF_FAILED, .message = "no such index", .native = "42N51"};
    df_migration m = in_folder("2025-10-15_143022_people", "2025-10-15_143022",
                               "common/2025-10-15_143022_people.up.cypher");
    df_run up = make_run(&m, DF_UP, false), down = make_run(&m, DF_DOWN, false);
    df_run_result result = {.duration_ms = 12345, .rows_affected = 3};
    place p = open_place(new_database(), true);
    lease_or_die(&p, 0);
    check_ok(df_ledger_fail(p.ledger, &up, &why, "all", 7, any_error), "a failure");
    check(strcmp(ask_text(p.conn, "MATCH (m:Migration) RETURN m.status + ' ' + m.description"),
                 "FAILED FAILED: no such index [42N51]") == 0,
          "its description says why");
    check_ok(df_ledger_complete(p.ledger, &up, &result, any_error), "it succeeds later");
    check(strcmp(ask_text(p.conn, "MATCH (m:Migration) RETURN m.status + ' ' + m.description"),
                 "SUCCESS People and their names") == 0,
          "and has its own description again");
    check(strcmp(ask_text(p.conn, "MATCH (m:Migration) RETURN m.filename"),
                 "common/2025-10-15_143022_people.up.cypher") == 0,
          "the file's name is relative");
    check(ask(p.conn,
              "MATCH (m:Migration) WHERE m.executionTime = 12345 AND m.appliedAt > datetime() - "
              "duration('PT1H') AND "
              "m.checksum = '%s' AND m.appliedBy = 'ops' AND m.version = '2025-10-15_143022' RETURN count(m)",
              sum_a) == 1,
          "with the other properties of the runbook");
    m.meta.version = DF_STR("2025.10.15.143022");
    check_ok(df_ledger_complete(p.ledger, &up, &result, any_error), "with a version in its header");
    check(strcmp(ask_text(p.conn, "MATCH (m:Migration) RETURN m.version + ' ' + m.fileVersion"),
                 "2025.10.15.143022 2025-10-15_143022") == 0,
          "the record has that, and the file's beside it");
    check_ok(df_ledger_start(p.ledger, &down, NULL, 0, any_error), "a way back");
    check(strcmp(ask_text(p.conn, "MATCH (m:Migration) RETURN m.status"), "RUNNING") == 0, "is running");
    check_ok(df_ledger_fail(p.ledger, &down, &why, "part", 7, any_error), "fails half-way");
    check(strcmp(ask_text(p.conn, "MATCH (m:Migration) RETURN m.status + ' ' + m.description"),
                 "FAILED FAILED: no such index [42N51]") == 0,
          "which is said");
    check_ok(df_ledger_complete(p.ledger, &down, &result, any_error), "and is done");
    check(strcmp(ask_text(p.conn, "MATCH (m:Migration) RETURN m.status + ' ' + m.description"),
                 "ROLLED_BACK People and their names") == 0,
          "it is rolled back, and has its own description");
    df_lease_give(p.ledger);
    close_place(&p);
}

/* ---- another program's nodes with our label ---- */

static void test_strangers(void)
{
    df_error err;
    df_arena arena = {0};
    df_applied *applied;
    size_t count = 0;
    df_migration m = in_folder("2025-10-15_143022_people", "2025.10.15.143022",
                               "common/2025-10-15_143022_people.up.cypher");
    df_run run = make_run(&m, DF_UP, false);
    df_run_result result = {.duration_ms = 1};
    const char *url = new_database();
    df_conn *conn = connect_to(url);
    sql(conn, "CREATE CONSTRAINT migration_filename_unique IF NOT EXISTS FOR (m:Migration) REQUIRE "
              "m.filename IS UNIQUE");
    sql(conn, "CREATE CONSTRAINT migration_version_unique IF NOT EXISTS FOR (m:Migration) REQUIRE m.version "
              "IS UNIQUE");
    sql(conn, "CREATE (:Migration {filename: "
              "'/home/ann/schema/migrations/common/2025-10-15_143022_people.up.cypher', "
              "version: '2025.10.15.143022', checksum: 'theirs', appliedAt: "
              "datetime('2025-10-16T08:00:00.123456Z'), appliedBy: 'ann', "
              "executionTime: 77, status: 'SUCCESS', description: 'by them'})");
    sql(conn, "CREATE (:Migration {filename: 'dev/2025-11-01_000000_later.up.cypher', version: "
              "'2025.11.01.000000', status: 'FAILED', "
              "appliedAt: 'yesterday'})");
    df_disconnect(conn);
    place p = open_place(url, false);
    check(!df_ledger_exists(p.ledger), "another program's nodes are no history of ours");
    check_ok(df_ledger_create(p.ledger, any_error), "ours is made beside them");
    check_ok(df_ledger_applied(p.ledger, &arena, &applied, &count, any_error), "it is read");
    check(count == 0, "and empty");
    lease_or_die(&p, 0);
    check_code(df_ledger_complete(p.ledger, &run, &result, &err), DF_CONFLICT, &err,
               "their constraint stands in the way of a run");
    check(strstr(err.hint, "adopt"), "and the remedy is told: %s", err.hint);
    check_ok(df_ledger_mark(p.ledger, &m, sum_b, 1760601600123, "taken over", any_error), "adopted,");
    check(ask(p.conn, "MATCH (m:Migration) RETURN count(m)") == 2, "the node is the same one");
    check(ask(p.conn,
              "MATCH (m:Migration {migrationId: '2025-10-15_143022_people', status: 'SUCCESS', checksum: "
              "'%s'}) WHERE "
              "m.filename = 'common/2025-10-15_143022_people.up.cypher' AND m.appliedBy = 'ann' AND "
              "m.executionTime = 77 AND "
              "m.appliedAt = datetime('2025-10-16T08:00:00.123456Z') AND m.formerChecksum = 'theirs' RETURN "
              "count(m)",
              sum_b) == 1,
          "with its time and author, and what it said before");
    check_ok(df_ledger_applied(p.ledger, &arena, &applied, &count, any_error), "it is read");
    check(count == 1 && applied[0].adopted && applied[0].applied_ms == 1760601600123, "as adopted");
    check_ok(df_ledger_forget(p.ledger, m.id, "a test", any_error), "forgotten, it is gone");
    check(ask(p.conn, "MATCH (m:Migration) RETURN count(m)") == 1,
          "and the other one is still there, untouched");
    df_lease_give(p.ledger);
    sql(p.conn, "DROP CONSTRAINT migration_filename_unique");
    sql(p.conn, "DROP CONSTRAINT migration_version_unique");
    close_place(&p);
    df_arena_release(&arena);
}

void test_graph(void)
{
    if (!is_engine("neo4j")) return;
    test_wiped();
    test_description();
    test_strangers();
}
