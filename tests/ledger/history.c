/* SPDX-License-Identifier: Apache-2.0 */
/* The history: runs in one transaction, rollbacks, failures, repairs. */
#include "ledger_test.h"

static df_applied *applied_rows(place *p, df_arena *arena, size_t expected)
{
    df_error err;
    df_applied *rows = NULL;
    size_t count = 0;
    df_code code = df_ledger_applied(p->ledger, arena, &rows, &count, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, "reading the history");
    if (!check(count == expected, "the history has %zu rows", expected)) note("it has %zu", count);
    return count == expected ? rows : df_arena_zalloc(arena, (expected + 1) * sizeof *rows);
}

/* A migration in one transaction, as the executor does it. */
static void run_whole(place *p, const df_run *run, const char *statement)
{
    df_journal_row rows[] = {make_row(1, statement, DF_STEP_DONE), make_row(2, "SELECT 1", DF_STEP_DONE)};
    rows[0].direction = rows[1].direction = run->direction;
    df_run_result result = {.rows = rows, .n_rows = 2, .duration_ms = 120, .rows_affected = 7};
    check_ok(df_ledger_begin(p->ledger, any_error), "BEGIN with the fence check");
    sql(p->conn, "%s", statement);
    check_ok(df_ledger_complete(p->ledger, run, &result, any_error), "the record and COMMIT");
    check(!df_in_transaction(p->conn), "the transaction is over");
}

static void test_up_and_down(void)
{
    df_error err;
    df_arena arena = {0};
    bool completed = false;
    df_str text;
    const char *create = "CREATE TABLE users (id INTEGER, \"naïve\" INTEGER)";
    df_migration m = make_migration("001_users", "001", "users", create, "DROP TABLE users");
    df_run up = make_run(&m, DF_UP, false), down = make_run(&m, DF_DOWN, false);
    place p = open_place(new_database(), true);
    lease_or_die(&p, 0);

    check_ok(df_ledger_outcome(p.ledger, &up, &completed, any_error),
             "asking for the outcome of what never ran");
    check(!completed, "it did not complete");
    run_whole(&p, &up, create);
    check_ok(df_ledger_outcome(p.ledger, &up, &completed, any_error), "asking for the outcome");
    check(completed, "it completed");
    df_applied *a = applied_rows(&p, &arena, 1);
    check(df_str_is(a->id, "001_users") && df_str_is(a->version, "001") && df_str_is(a->name, "users"),
          "its names");
    check(a->status == DF_APPLIED_COMPLETED && !a->repeatable && !a->adopted && !a->down, "its state");
    check(df_str_is(a->checksum, sum_a) && a->raw.len == 32, "its sums");
    check(a->duration_ms == 120 && a->estimated_ms == 1500 && a->rows_affected == 7, "its figures");
    check(df_str_is(a->applied_by, "ops") && df_str_is(a->environment, "test") && !a->error.ptr,
          "who and where");
    check(a->applied_ms > 1700000000000 && a->rolled_back_ms == 0, "when");
    check_ok(df_ledger_source(p.ledger, m.id, "down", &arena, &text, any_error), "the down text is kept");
    check(df_str_is(text, "DROP TABLE users"), "word by word");
    check_ok(df_ledger_source(p.ledger, m.id, "up", &arena, &text, any_error), "and the up text");
    check(df_str_is(text, create), "with its letters");
    check_ok(df_ledger_source(p.ledger, m.id, "verify", &arena, &text, any_error),
             "of a section that is not there");
    check(!text.ptr, "there is none");
    check(strstr(ask_text(p.conn, "SELECT metadata FROM _migration_history"), "Zoë") != NULL,
          "the header is kept");
    if (!is_engine("neo4j")) /* there they are properties of the row alone */
        check(ask(p.conn,
                  "SELECT COUNT(*) FROM _migration_performance_metrics WHERE migration_id = '001_users'") == 3,
              "metrics are recorded");

    run_whole(&p, &down, "DROP TABLE users");
    a = applied_rows(&p, &arena, 1);
    check(a->status == DF_APPLIED_ROLLED_BACK && a->rolled_back_ms >= a->applied_ms,
          "taken back, the row stays");
    check(ask(p.conn,
              "SELECT COUNT(*) FROM _migration_rollback_history WHERE migration_id = '001_users' AND reason ="
              " 'a test'") == 1,
          "and the rollback has its own row");
    df_run again = make_run(&m, DF_UP, false);
    run_whole(&p, &again, create);
    a = applied_rows(&p, &arena, 1);
    check(a->status == DF_APPLIED_COMPLETED && a->rolled_back_ms == 0 && a->sequence > 1, "applied again");
    check_code(df_ledger_begin(p.ledger, &err), DF_OK, &err, "a transaction that is given up");
    sql(p.conn, "CREATE TABLE given_up (id INTEGER)");
    df_rollback(p.conn);
    df_lease_give(p.ledger);
    check_code(df_ledger_begin(p.ledger, &err), DF_BUG, &err, "without the lock there is no BEGIN");
    close_place(&p);
    df_arena_release(&arena);
}

static void test_failures(void)
{
    df_arena arena = {0};
    df_migration m = make_migration("002_broken", "002", "broken", "CREATE TABLE x (id INTEGER)", NULL);
    df_run run = make_run(&m, DF_UP, false), down = make_run(&m, DF_DOWN, false);
    df_error why = {
        .code = DF_FAILED, .statement = 2, .line = 17, .native = "42601", .message = "it’s wrong"};
    df_run_result result = {.duration_ms = 5, .rows_affected = -1};
    place p = open_place(new_database(), true);
    lease_or_die(&p, 0);
    snprintf(why.file, sizeof why.file, "002_broken.sql");
    check_ok(df_ledger_fail(p.ledger, &run, &why, "all", 30, any_error), "a failure is recorded");
    df_applied *a = applied_rows(&p, &arena, 1);
    check(a->status == DF_APPLIED_FAILED && a->steps == 0, "as failed, and nothing of it is left");
    check(df_str_is(a->error, "002_broken.sql:17: statement 2: it’s wrong [42601]"),
          "with what went wrong: %.*s", DF_FMT(a->error));
    check_ok(df_ledger_complete(p.ledger, &run, &result, any_error),
             "it succeeds later, in a transaction of the ledger's own");
    a = applied_rows(&p, &arena, 1);
    check(a->status == DF_APPLIED_COMPLETED && !a->error.ptr && a->rows_affected == -1,
          "and the error is gone");
    check_ok(df_ledger_fail(p.ledger, &down, &why, "all", 30, any_error), "a rollback fails");
    a = applied_rows(&p, &arena, 1);
    check(a->status == DF_APPLIED_COMPLETED, "that was taken back itself: the migration is still applied");
    check(
        ask(p.conn,
            "SELECT COUNT(*) FROM _migration_rollback_history WHERE error_message LIKE '%%statement 2%%'") ==
            1,
        "the attempt is recorded");
    close_place(&p);
    df_arena_release(&arena);
}

static void test_repairs(void)
{
    df_error err;
    df_arena arena = {0};
    df_str text;
    df_migration a = make_migration("001_a", "001", "a", "CREATE TABLE a (id INTEGER)", NULL);
    df_migration renamed = make_migration("001_better", "001", "better", "CREATE TABLE a (id INTEGER)", NULL);
    df_migration view = make_migration("R__view", NULL, "view", "CREATE VIEW v AS SELECT 1", NULL);
    place p = open_place(new_database(), true);
    lease_or_die(&p, 0);
    check_ok(df_ledger_mark(p.ledger, &a, sum_b, 1600000000123, "was there before", any_error),
             "marked as applied");
    check_ok(df_ledger_mark(p.ledger, &view, NULL, 0, "was there before", any_error),
             "a repeatable one, too");
    df_applied *rows = applied_rows(&p, &arena, 2);
    check(rows[0].adopted && rows[0].applied_ms == 1600000000123 && df_str_is(rows[0].checksum, sum_b),
          "with the time it was applied: %lld", (long long)rows[0].applied_ms);
    check(rows[1].repeatable && !rows[1].checksum.ptr && !rows[1].version.ptr, "without a version");
    check_ok(df_ledger_set_checksum(p.ledger, &a, sum_a, "only a comment", any_error),
             "a changed file is accepted");
    check_ok(df_ledger_rename(p.ledger, a.id, &renamed, "better name", any_error), "a file was renamed");
    rows = applied_rows(&p, &arena, 2);
    check(df_str_is(rows[0].id, "001_better") && df_str_is(rows[0].checksum, sum_a),
          "both are in the history");
    check_ok(df_ledger_source(p.ledger, renamed.id, "up", &arena, &text, any_error), "its text");
    check(df_str_is(text, "CREATE TABLE a (id INTEGER)"), "came along");
    check_ok(df_ledger_forget(p.ledger, renamed.id, "file is gone", any_error), "taken out of the history");
    applied_rows(&p, &arena, 1);
    check(ask(p.conn, "SELECT COUNT(*) FROM _migration_audit_log WHERE action = 'repaired'") == 3 &&
              ask(p.conn, "SELECT COUNT(*) FROM _migration_audit_log WHERE action = 'adopted'") == 2,
          "each with an entry in the audit log");
    df_audit_proof proof;
    check_code(df_audit_verify(p.ledger, NULL, &proof, &err), DF_OK, &err, "which is verified");
    check(proof.intact && proof.entries == 6, "intact, with the lock's own entry: %lld %s",
          (long long)proof.entries, proof.what);
    close_place(&p);
    df_arena_release(&arena);
}

static void test_long_history(void)
{
    enum { MANY = 1000 };
    df_error err;
    df_arena arena = {0};
    place p = open_place(new_database(), true);
    check_ok(df_begin(p.conn, any_error), "a thousand rows");
    for (int i = 0; i < MANY; i++)
        sql(p.conn,
            "INSERT INTO _migration_history (migration_id, name, checksum, applied_by, status, version, "
            "sequence,"
            " origin) VALUES ('m%d', 'n', '%s', 'x', 'completed', '%d', %d, 'run')",
            i, sum_a, i, MANY - i);
    check_code(df_commit(p.conn, &err), DF_OK, &err, "are there");
    df_applied *rows = applied_rows(&p, &arena, MANY);
    check(df_str_is(rows[0].id, "m999") && df_str_is(rows[MANY - 1].id, "m0"),
          "in the order of their sequence");
    close_place(&p);
    df_arena_release(&arena);
}

static void test_odd_sessions(void)
{
    place p = open_place(new_database(), true);
    df_migration m = make_migration("003_größe", "003", "größe",
                                    "CREATE TABLE t (id INTEGER); -- 'quotes' \\ and ünicode", NULL);
    df_run run = make_run(&m, DF_UP, true);
    df_journal_row row = make_row(1, "INSERT INTO größe VALUES ('it''s \\ ü')", DF_STEP_DONE);
    df_run_result result = {.duration_ms = 1};
    df_arena arena = {0};
    df_journal_row *rows = NULL;
    size_t count = 0;
    lease_or_die(&p, 0);
    check_ok(df_ledger_start(p.ledger, &run, NULL, 0, any_error), "a run whose script changes its session");
    if (is_engine("mariadb")) {
        sql(p.conn, "SET NAMES latin1");
        sql(p.conn, "SET sql_mode = ''");
        sql(p.conn, "SET time_zone = '+05:30'");
        sql(p.conn, "CREATE DATABASE IF NOT EXISTS ledger_elsewhere");
        sql(p.conn, "USE ledger_elsewhere");
        sql(p.conn, "SET autocommit = 0");
    } else if (is_engine("postgres")) {
        sql(p.conn, "CREATE ROLE ledger_nobody_%d", (int)(ask(p.conn, "SELECT pg_backend_pid()")));
        sql(p.conn, "SET client_encoding = 'LATIN1'");
        sql(p.conn, "SET standard_conforming_strings = off");
        sql(p.conn, "SET TimeZone = 'Asia/Kolkata'");
        sql(p.conn, "SET DateStyle = 'German'");
        sql(p.conn, "SET search_path = pg_catalog");
        sql(p.conn, "SET ROLE ledger_nobody_%d", (int)(ask(p.conn, "SELECT pg_backend_pid()")));
    }
    check_ok(df_ledger_intend(p.ledger, &run, NULL, 0, &row, 1, any_error), "its journal is written all the same");
    check_ok(df_ledger_begin(p.ledger, any_error), "its transactions begin");
    if (is_engine("postgres"))
        check(strncmp(ask_text(p.conn, "SELECT current_user"), "ledger_nobody", 13) == 0,
              "as the role that it chose");
    check_ok(df_ledger_settle(p.ledger, &run, &row, 1, any_error), "its statements settle");
    check_ok(df_commit(p.conn, any_error), "and commit");
    check_ok(df_ledger_complete(p.ledger, &run, &result, any_error), "and it completes");
    if (is_engine("mariadb")) sql(p.conn, "DROP DATABASE ledger_elsewhere");
    if (is_engine("postgres")) {
        sql(p.conn, "RESET ROLE");
        sql(p.conn, "DROP ROLE ledger_nobody_%d", (int)(ask(p.conn, "SELECT pg_backend_pid()")));
    }
    place other = open_place(p.url, false);
    check_ok(df_ledger_journal(other.ledger, m.id, DF_UP, &arena, &rows, &count, any_error),
             "another session reads it");
    check(count == 1 && df_str_is(rows[0].text, "INSERT INTO größe VALUES ('it''s \\ ü')"),
          "every letter as it was: %.*s", count ? (int)rows[0].text.len : 0, count ? rows[0].text.ptr : "");
    df_applied *a = applied_rows(&other, &arena, 1);
    check(df_str_is(a->name, "größe") && a->applied_ms > 1700000000000 && a->applied_ms < 4000000000000,
          "and the history");
    int64_t now =
        ask(other.conn, is_engine("neo4j")      ? "RETURN timestamp()"
                        : is_engine("mariadb")  ? "SELECT CAST(UNIX_TIMESTAMP() * 1000 AS SIGNED)"
                        : is_engine("postgres") ? "SELECT (extract(epoch FROM now()) * 1000)::bigint"
                                                : "SELECT CAST(strftime('%%s', 'now') AS INTEGER) * 1000");
    check(llabs(now - a->applied_ms) < 600000, "times are right in any time zone");
    df_audit_proof proof;
    check_ok(df_audit_verify(other.ledger, NULL, &proof, any_error), "the audit log");
    check(proof.intact, "is intact: %s", proof.what);
    close_place(&other);
    close_place(&p);
    df_arena_release(&arena);
}

void test_history(void)
{
    test_up_and_down();
    test_failures();
    test_repairs();
    test_long_history();
    test_odd_sessions();
}
