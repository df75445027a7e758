/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: made once, made by many at once, upgraded from the runbook's own, refused when they are newer.
 */
#include "ledger_test.h"

#include <sys/wait.h>
#include <unistd.h>

static void test_create(void)
{
    df_error err;
    place p = open_place(new_database(), false);
    df_applied *applied;
    size_t count = 1;
    df_arena arena = {0};
    check(!df_ledger_exists(p.ledger), "a new database has no history");
    check_code(df_ledger_applied(p.ledger, &arena, &applied, &count, &err), DF_OK, &err, "which is empty");
    check(count == 0, "no rows");
    check_code(df_lease_take(p.ledger, NULL, &err), DF_NOT_FOUND, &err, "and no lock can be taken");
    check_ok(df_ledger_create(p.ledger, any_error), "the tables are made");
    check(df_ledger_exists(p.ledger), "now they are there");
    check_ok(df_ledger_create(p.ledger, any_error), "making them again does nothing");
    place second = open_place(p.url, false);
    check(df_ledger_exists(second.ledger), "another session sees them");
    check(ask(p.conn, "SELECT COUNT(*) FROM _migration_meta") == 3,
          "version, fence and head of the audit log");
    for (const char *const *name = df_ledger_tables; *name; name++) {
        if (strstr(*name, "_seq")) continue;
        check(ask(p.conn, "SELECT COUNT(*) FROM %s", *name) >= 0, "%s can be read", *name);
    }
    close_place(&second);
    close_place(&p);
    df_arena_release(&arena);
}

static void test_at_once(void)
{
    enum { MANY = 8 };
    const char *url = new_database();
    pid_t children[MANY];
    int failed = 0, status;
    df_disconnect(connect_to(url)); /* SQLite makes the file */
    fflush(stdout);
    for (int i = 0; i < MANY; i++) {
        children[i] = fork();
        if (children[i] != 0) continue;
        df_error err = {0};
        place p = open_place(url, false);
        df_code code = df_ledger_create(p.ledger, &err);
        if (code != DF_OK) fprintf(stderr, "# %s\n", err.message);
        close_place(&p);
        _exit(code != DF_OK);
    }
    for (int i = 0; i < MANY; i++) {
        if (waitpid(children[i], &status, 0) != children[i] || status != 0) failed++;
    }
    check(failed == 0, "%d processes make the tables at once, and all succeed", MANY);
    place p = open_place(url, false);
    check(ask(p.conn, "SELECT COUNT(*) FROM _migration_meta") == 3, "they were made once");
    close_place(&p);
}

static void test_newer(void)
{
    df_error err;
    place p = open_place(new_database(), true);
    df_arena arena = {0};
    df_applied *applied;
    size_t count;
    sql(p.conn, "UPDATE _migration_meta SET number = 99 WHERE name = 'version'");
    place later = open_place(p.url, false);
    check_code(df_ledger_create(later.ledger, &err), DF_UNSUPPORTED, &err,
               "tables of a newer program are left alone");
    check(strstr(err.message, "99") != NULL, "and their version is told: %s", err.message);
    check_code(df_ledger_applied(later.ledger, &arena, &applied, &count, &err), DF_UNSUPPORTED, &err,
               "nor are they read");
    close_place(&later);
    close_place(&p);
    df_arena_release(&arena);
}

/* The tables as the runbook's own program made them: only its columns. */
static const char *const runbook_tables[][2] = {
    {"sqlite",
     "CREATE TABLE _migration_history (migration_id TEXT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT "
     "NULL,"
     " applied_at TEXT NOT NULL, applied_by TEXT NOT NULL, duration_ms INTEGER, status TEXT NOT NULL,"
     " rows_affected INTEGER, rolled_back_at TEXT, rollback_duration_ms INTEGER, metadata TEXT, "
     "error_message TEXT,"
     " environment TEXT NOT NULL)"},
    {"postgres", "CREATE TABLE _migration_history (migration_id VARCHAR(255) PRIMARY KEY, name VARCHAR(255) "
                 "NOT NULL, checksum"
                 " VARCHAR(64) NOT NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_by "
                 "VARCHAR(255) NOT NULL, duration_ms"
                 " BIGINT, status VARCHAR(20) NOT NULL, rows_affected BIGINT, rolled_back_at TIMESTAMPTZ, "
                 "rollback_duration_ms BIGINT,"
                 " metadata JSONB, error_message TEXT, environment VARCHAR(50) NOT NULL CHECK (environment "
                 "IN ('development',"
                 " 'staging', 'production', 'test')))"},
    {"mariadb", "CREATE TABLE _migration_history (migration_id VARCHAR(255) PRIMARY KEY, name VARCHAR(255) "
                "NOT NULL, checksum"
                " VARCHAR(64) NOT NULL, applied_at TIMESTAMP NOT NULL DEFAULT now(), applied_by VARCHAR(255) "
                "NOT NULL, duration_ms"
                " BIGINT, status VARCHAR(20) NOT NULL, rows_affected BIGINT, rolled_back_at TIMESTAMP NULL, "
                "rollback_duration_ms BIGINT,"
                " metadata JSON, error_message TEXT, environment VARCHAR(50))"},
};

static void test_upgrade(void)
{
    df_error err;
    df_arena arena = {0};
    df_applied *applied;
    size_t count = 0;
    const char *url = new_database();
    df_conn *conn = connect_to(url);
    for (size_t i = 0; i < 3; i++) {
        if (is_engine(runbook_tables[i][0])) sql(conn, "%s", runbook_tables[i][1]);
    }
    if (is_engine("postgres")) {
        sql(conn,
            "CREATE TABLE _migration_audit_log (audit_id SERIAL PRIMARY KEY, migration_id VARCHAR(255) "
            "REFERENCES"
            " _migration_history, action VARCHAR(50) NOT NULL CHECK (action IN ('migration_started')), actor"
            " VARCHAR(255) NOT NULL, timestamp TIMESTAMPTZ NOT NULL DEFAULT now(), ip_address INET, "
            "user_agent TEXT,"
            " details JSONB)");
        sql(conn, "CREATE VIEW v_migration_status AS SELECT status, count(*) FROM _migration_history GROUP "
                  "BY status");
    }
    sql(conn, "CREATE TABLE _migration_performance_metrics (metric_name VARCHAR(100), value INTEGER, unit "
              "VARCHAR(20))");
    sql(conn, "INSERT INTO _migration_performance_metrics VALUES ('their own', 1, 'x')");
    sql(conn,
        "INSERT INTO _migration_history (migration_id, name, checksum, applied_at, applied_by, status, "
        "environment)"
        " VALUES ('002', 'second', '%s', '2025-02-01 10:00:00', 'old tool', 'completed', 'production'),"
        " ('001', 'first', '%s', '2025-01-01 10:00:00', 'old tool', 'completed', 'production')",
        sum_a, sum_b);
    df_disconnect(conn);
    place p = open_place(url, false);
    check(!df_ledger_exists(p.ledger), "another program's history is not ours yet");
    check_ok(df_ledger_create(p.ledger, any_error), "its tables get our columns");
    check_code(df_ledger_applied(p.ledger, &arena, &applied, &count, &err), DF_OK, &err, "its rows are read");
    check(count == 2 && df_str_is(applied[0].id, "001") && df_str_is(applied[1].id, "002"),
          "in the order of application");
    check(count == 2 && applied[0].adopted && !applied[0].checksum.ptr && applied[0].sequence == 1,
          "as adopted ones: another program's checksums are not ours");
    check(count == 2 && applied[0].applied_ms == 1735725600000, "with their times: %lld",
          count ? (long long)applied[0].applied_ms : 0);
    check(ask(p.conn,
              "SELECT COUNT(*) FROM _migration_performance_metrics WHERE metric_name = 'their own'") == 1,
          "its metrics stay");
    lease_or_die(&p, 0);
    df_lease_give(p.ledger);
    check(ask(p.conn, "SELECT COUNT(*) FROM _migration_audit_log") == 2,
          "and the audit log takes our actions");
    close_place(&p);
    df_arena_release(&arena);
}

static void test_schemas(void)
{
    df_error err;
    const char *url = new_database();
    char with_schema[1200];
    snprintf(with_schema, sizeof with_schema, "%s&schema=Tenant%%2042", url);
    place p = open_place(with_schema, true);
    check(ask(p.conn, "SELECT COUNT(*) FROM \"Tenant 42\"._migration_history") == 0,
          "the schema of the URL is made");
    place other = open_place(url, false);
    check(!df_ledger_exists(other.ledger), "in the other schema there is no history");
    check_ok(df_ledger_create(other.ledger, any_error), "there it is made, too");
    lease_or_die(&p, 0);
    lease_or_die(&other, 0);
    check(df_lease_held(p.ledger) && df_lease_held(other.ledger), "two schemas have two locks");
    sql(p.conn, "SET search_path = nowhere");
    check_ok(df_ledger_begin(p.ledger, any_error), "whatever a script does to the search path");
    check_code(df_audit_add(p.ledger, DF_AUDIT_HOOK_RUN, DF_STR_NONE, DF_STR_NONE, &err), DF_OK, &err,
               "the ledger finds its tables");
    df_rollback(p.conn);
    close_place(&p);
    close_place(&other);

    /* A schema with the user's name would come first in the search path. */
    df_conn *conn = connect_to(url);
    sql(conn, "CREATE SCHEMA AUTHORIZATION CURRENT_USER");
    df_disconnect(conn);
    other = open_place(url, false);
    check(df_ledger_exists(other.ledger), "a schema that comes to stand in front does not hide the history");
    close_place(&other);
}

void test_tables(void)
{
    test_create();
    test_at_once();
    test_newer();
    if (!is_engine("neo4j")) test_upgrade();
    if (is_engine("postgres")) test_schemas();
}
