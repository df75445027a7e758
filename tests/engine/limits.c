/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: they end what they should, with the right code and hint, and hold through rollbacks and resets. */
#include "contract.h"

#include "engine/session.h"

#include <string.h>

static bool is(const char *engine)
{
    return strcmp(fl->engine, engine) == 0;
}

static df_conn *guest(void)
{
    df_error err;
    df_conn *conn = NULL;
    df_code code = df_connect(test_url, &(df_open_options){.create = true, .guest = true}, &conn, &err);
    if (!check_code(code, DF_OK, &err, "a guest connects")) return connect_or_die();
    return conn;
}

/* What the server says of its own settings, as "lock statement" in milliseconds. */
static void settings_are(df_conn *conn, int64_t lock_ms, int64_t statement_ms, const char *when)
{
    int64_t lock, statement;
    if (is("postgres")) {
        lock = ask_int(conn, "SELECT setting::bigint FROM pg_settings WHERE name = 'lock_timeout'");
        statement = ask_int(conn, "SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'");
    } else {
        lock = ask_int(conn, "SELECT @@lock_wait_timeout * 1000");
        statement = ask_int(conn, "SELECT CAST(@@max_statement_time * 1000 AS SIGNED)");
        int64_t row = ask_int(conn, "SELECT @@innodb_lock_wait_timeout * 1000");
        check(row == lock || (row > lock && lock_ms > INT32_MAX), "rows and tables wait alike");
    }
    bool ok = check(lock == lock_ms && statement == statement_ms, "%s", when);
    if (!ok) note("%lld and %lld", (long long)lock, (long long)statement);
}

static void set(df_conn *conn, int64_t lock_ms, int64_t statement_ms)
{
    df_error err;
    df_code code = df_set_limits(conn, &(df_limits){lock_ms, statement_ms}, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, "limits are set");
}

static void test_lock_limit(df_conn *a, df_conn *b)
{
    df_error err;
    char limit[16];
    set(b, 1000, 0);
    check(df_begin(a, &err) == DF_OK, "begin");
    run_sql(a, DF_OK, "UPDATE l SET n = n + 1 WHERE id = 1");
    df_code code = df_begin(b, &err);
    if (code == DF_OK) code = df_exec(b, "UPDATE l SET n = n + 1 WHERE id = 1", NULL, 0, NULL, &err);
    check_code(code, DF_RETRY, &err, "the lock limit is met");
    const char *native = is("sqlite") ? "5" : is("postgres") ? "55P03" : "1205";
    check(strcmp(err.native, native) == 0, "with the server's code (%s)", err.native);
    snprintf(limit, sizeof limit, "1000 ms");
    check(strstr(err.hint, limit) != NULL, "and a hint that names the limit: %s", err.hint);
    df_rollback(b);
    df_rollback(a);
    check(df_begin(b, &err) == DF_OK, "then it is free again");
    run_sql(b, DF_OK, "UPDATE l SET n = n + 1 WHERE id = 1");
    check(df_commit(b, &err) == DF_OK, "and can be had");
}

/* A table that somebody changes, for somebody who wants to alter it. */
static void test_ddl_waits(df_conn *a, df_conn *b)
{
    df_error err;
    if (is("sqlite")) return;
    set(b, 1000, 0);
    check(df_begin(a, &err) == DF_OK, "begin");
    run_sql(a, DF_OK, "UPDATE l SET n = n + 1 WHERE id = 1");
    df_code code = df_exec(b, "ALTER TABLE l ADD COLUMN more INTEGER", NULL, 0, NULL, &err);
    check_code(code, DF_RETRY, &err, "ALTER TABLE does not wait for longer, either");
    df_rollback(a);
}

static const char *endless(void)
{
    if (is("sqlite"))
        return "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT COUNT(*) FROM c";
    return is("postgres") ? "SELECT pg_sleep(60)"
                          : "SELECT SUM(a.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b";
}

static void test_statement_limit(df_conn *conn)
{
    df_error err;
    set(conn, 0, 200);
    df_code code = df_exec(conn, endless(), NULL, 0, NULL, &err);
    check_code(code, DF_FAILED, &err, "the statement limit is met");
    const char *native = is("sqlite") ? "9" : is("postgres") ? "57014" : "1969";
    check(strcmp(err.native, native) == 0, "with the server's code (%s: %s)", err.native, err.message);
    check(strstr(err.hint, "200 ms") != NULL, "and a hint that names the limit: %s", err.hint);
    check(!df_conn_lost(conn) && ask_int(conn, "SELECT 1") == 1, "the connection works on");
    set(conn, 0, 0);
    check(df_begin(conn, &err) == DF_OK, "begin");
    set(conn, 0, 200);
    code = df_exec(conn, endless(), NULL, 0, NULL, &err);
    check_code(code, DF_FAILED, &err, "set inside a transaction, too");
    df_rollback(conn);
    set(conn, 0, 0);
}

/* What the server has, at every turn. */
static void test_what_is_set(df_conn *conn)
{
    df_error err;
    set(conn, 3000, 5000);
    settings_are(conn, 3000, 5000, "the server has the limits");
    check(df_begin(conn, &err) == DF_OK, "begin");
    set(conn, 4000, 6000);
    settings_are(conn, 4000, 6000, "new ones inside a transaction");
    df_rollback(conn);
    settings_are(conn, 4000, 6000, "hold after a rollback");
    check(df_begin(conn, &err) == DF_OK, "begin");
    check(df_savepoint(conn, "s", &err) == DF_OK, "savepoint");
    set(conn, 7000, 0);
    settings_are(conn, 7000, 0, "new ones behind a savepoint");
    check(df_rollback_to(conn, "s", &err) == DF_OK, "rollback to it");
    settings_are(conn, 7000, 0, "hold after a rollback to it");
    check(df_commit(conn, &err) == DF_OK, "commit");
    settings_are(conn, 7000, 0, "and after a commit");
    set(conn, 7000, 9000);
    check(df_begin(conn, &err) == DF_OK, "begin takes limits along");
    settings_are(conn, 7000, 9000, "and they are there");
    df_rollback(conn);
    settings_are(conn, 7000, 9000, "and stay");
    check(df_session_reset(conn, &err) == DF_OK, "reset");
    settings_are(conn, 7000, 9000, "a reset keeps them");
    set(conn, 0, 0);
    settings_are(conn, is("postgres") ? 0 : 31536000000, 0, "no limits");
}

/* A script's own limits are its own, until somebody asks for others or the session is reset. */
static void test_script_limits(df_conn *conn)
{
    df_error err;
    set(conn, 3000, 5000);
    if (is("postgres")) {
        run_sql(conn, DF_OK, "-- a comment\nSET lock_timeout = '1s'");
        set(conn, 3000, 5000);
        settings_are(conn, 1000, 5000, "a script's own limit holds when nothing else is asked for");
        set(conn, 3000, 6000);
        settings_are(conn, 1000, 6000, "also when another limit is changed");
        set(conn, 4000, 6000);
        settings_are(conn, 4000, 6000, "and ends when it is changed itself");
        run_sql(conn, DF_OK, "SET lock_timeout = '1s'");
        check(df_session_reset(conn, &err) == DF_OK, "or by a reset");
        settings_are(conn, 4000, 6000, "which gives back what was asked for");
        check(df_begin(conn, &err) == DF_OK, "begin");
        run_sql(conn, DF_OK, "SET LOCAL lock_timeout = '1s'");
        check(df_rehearse_commit(conn, true, &err) == DF_OK && df_server_in_transaction(conn),
              "or, inside a transaction, by what stands for its commit");
        settings_are(conn, 4000, 6000, "which gives it back, too");
        df_rollback(conn);
        settings_are(conn, 4000, 6000, "also behind a rollback");
        run_sql(conn, DF_OK, "RESET ALL");
        settings_are(conn, 4000, 6000, "a script's RESET ALL does not take limits away");
        run_sql(conn, DF_OK, "DISCARD ALL");
        settings_are(conn, 4000, 6000, "nor does DISCARD ALL");
        check(ask_int(conn, "SELECT n FROM l WHERE id = 1") >= 0,
              "the connection's own settings are back, too");
        run_sql(conn, DF_OK, "BEGIN");
        set(conn, 8000, 0);
        run_sql(conn, DF_OK, "SELECT 1");
        run_sql(conn, DF_OK, "ROLLBACK");
        settings_are(conn, 8000, 0, "nor its own ROLLBACK");
    } else {
        run_sql(conn, DF_OK, "SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1");
        set(conn, 3000, 5000);
        settings_are(conn, 1000, 5000, "a script's own limit holds when nothing else is asked for");
        check(df_session_reset(conn, &err) == DF_OK, "reset");
        settings_are(conn, 3000, 5000, "and is gone after a reset");
        run_sql(conn, DF_OK, "/*!50000 SET max_statement_time = 7 */");
        settings_are(conn, 3000, 7000, "also in a comment that is executed");
        set(conn, 3000, 6000);
        settings_are(conn, 3000, 6000, "other limits end it");
    }
    set(conn, 0, 0);
}

/* How many statements the server has had from this session. */
static int64_t statements(df_conn *conn)
{
    return ask_int(
        conn,
        "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = "
        "'QUESTIONS'");
}

static void test_cheap(df_conn *a, df_conn *b)
{
    df_error err;
    set(a, 3000, 5000);
    if (is("mariadb")) {
        check(df_session_reset(a, &err) == DF_OK, "reset");
        int64_t before = statements(a);
        set(a, 3000, 5000);
        check(statements(a) == before + 1, "the same limits again cost nothing");
        run_sql(a, DF_OK, "CREATE TABLE cheap (id INTEGER AUTO_INCREMENT PRIMARY KEY, n INTEGER)");
        check(df_begin(a, &err) == DF_OK, "begin");
        run_sql(a, DF_OK, "INSERT INTO cheap (n) VALUES (1)");
        run_sql(a, DF_OK, "UPDATE cheap SET n = 2");
        check(df_commit(a, &err) == DF_OK, "commit");
        run_sql(a, DF_OK, "ALTER TABLE cheap ADD COLUMN m INTEGER");
        run_sql(a, DF_OK, "CREATE INDEX cheap_n ON cheap (n)");
        run_sql(a, DF_OK, "DROP TABLE cheap");
        before = statements(a);
        set(a, 3000, 5000);
        check(df_session_reset(a, &err) == DF_OK && statements(a) == before + 1,
              "nor does a reset when nothing was changed");
    } else {
        int64_t pid = ask_int(a, "SELECT pg_backend_pid() AS the_last_statement");
        set(a, 3000, 5000);
        check(ask_int(b,
                      "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = %lld AND query LIKE "
                      "'%%the_last_statement'",
                      (long long)pid) == 1,
              "the same limits again cost nothing");
        set(a, 100, 200);
        check(ask_int(b,
                      "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = %lld AND query LIKE "
                      "'%%the_last_statement'",
                      (long long)pid) == 1,
              "others wait for the next statement");
    }
    set(a, 0, 0);
}

void test_limits(void)
{
    df_conn *a = guest(), *b = guest();
    run_sql(a, DF_OK, "CREATE TABLE l (id INTEGER PRIMARY KEY, n INTEGER)");
    run_sql(a, DF_OK, "INSERT INTO l VALUES (1, 0)");
    test_lock_limit(a, b);
    test_ddl_waits(a, b);
    test_statement_limit(a);
    if (!is("sqlite")) {
        test_what_is_set(a);
        test_script_limits(a);
        test_cheap(a, b);
    }
    run_sql(a, DF_OK, "DROP TABLE l");
    df_disconnect(a);
    df_disconnect(b);
}
