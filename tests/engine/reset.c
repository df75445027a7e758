/* SPDX-License-Identifier: Apache-2.0 */
/* Resetting a session: what a script leaves behind is gone, what is ours is there again. */
#include "contract.h"

#include "engine/session.h"

#include <string.h>

static bool is(const char *engine)
{
    return strcmp(fl->engine, engine) == 0;
}

/* The settings of a session as the server tells them, one a line. */
static df_code take_setting(void *context, const df_row *row, df_error *err)
{
    (void)err;
    for (size_t i = 0; i < row->count; i++) {
        df_value v = row->values[i];
        if (v.type == DF_TEXT || v.type == DF_BLOB) df_buf_str_add(context, v.s);
        if (v.type == DF_INT64 || v.type == DF_BOOL) df_buf_int(context, v.i);
        if (v.type == DF_DOUBLE) df_buf_printf(context, "%g", v.d);
        df_buf_char(context, i + 1 < row->count ? '=' : '\n');
    }
    return DF_OK;
}

static void ask_settings(df_conn *conn, df_buf *out)
{
    static const char *const queries[] = {
        "postgres",
        "SELECT name, setting FROM pg_settings ORDER BY name",
        "postgres",
        "SELECT current_user::text, session_user::text, current_schemas(false)::text",
        "postgres",
        "SELECT 'prepared', COUNT(*) FROM pg_prepared_statements",
        "postgres",
        "SELECT 'cursors', COUNT(*) FROM pg_cursors",
        "postgres",
        "SELECT 'temporary', COUNT(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()",
        "postgres",
        "SELECT 'listening', COUNT(*) FROM pg_listening_channels()",
        "mariadb",
        "SELECT VARIABLE_NAME, SESSION_VALUE FROM information_schema.SYSTEM_VARIABLES WHERE SESSION_VALUE IS "
        "NOT NULL AND "
        "VARIABLE_NAME NOT IN ('TIMESTAMP', 'RAND_SEED1', 'RAND_SEED2', 'LAST_INSERT_ID', 'IDENTITY', "
        "'WARNING_COUNT', "
        "'ERROR_COUNT', 'INSERT_ID', 'LAST_GTID') ORDER BY VARIABLE_NAME",
        "mariadb",
        "SELECT 'database', DATABASE(), CURRENT_ROLE(), ABS(UNIX_TIMESTAMP() - UNIX_TIMESTAMP(SYSDATE())) < "
        "100",
        "mariadb",
        "SELECT 'variables', COUNT(*) FROM information_schema.USER_VARIABLES WHERE VARIABLE_VALUE IS NOT "
        "NULL",
        "sqlite",
        "SELECT 'foreign_keys', foreign_keys FROM pragma_foreign_keys",
        "sqlite",
        "PRAGMA defer_foreign_keys",
        "sqlite",
        "PRAGMA legacy_alter_table",
        "sqlite",
        "PRAGMA ignore_check_constraints",
        "sqlite",
        "PRAGMA recursive_triggers",
        "sqlite",
        "PRAGMA writable_schema",
        "sqlite",
        "PRAGMA busy_timeout",
        "sqlite",
        "PRAGMA query_only",
        "sqlite",
        "PRAGMA locking_mode",
        "sqlite",
        "PRAGMA journal_mode",
        "sqlite",
        "PRAGMA synchronous",
        "sqlite",
        "PRAGMA cache_size",
        "sqlite",
        "PRAGMA temp_store",
        "sqlite",
        "SELECT 'a' LIKE 'A'",
        "sqlite",
        "SELECT name FROM pragma_database_list WHERE name <> 'temp'",
        "sqlite",
        "SELECT COUNT(*) FROM sqlite_temp_schema",
    };
    df_error err;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i += 2) {
        if (!is(queries[i])) continue;
        df_code code = df_query(conn, queries[i + 1], NULL, 0, take_setting, out, &err);
        if (code != DF_OK) check_code(code, DF_OK, &err, queries[i + 1]);
    }
}

static const char *const scripts[] = {
    "postgres", "SET search_path = ''",
    "postgres", "SET TimeZone = 'Asia/Tokyo'",
    "postgres", "SET DateStyle = 'German'",
    "postgres", "SET standard_conforming_strings = off",
    "postgres", "SET bytea_output = escape",
    "postgres", "SET session_replication_role = replica",
    "postgres", "SET default_transaction_isolation = serializable",
    "postgres", "SET client_encoding = LATIN1",
    "postgres", "SET application_name = 'somebody else'",
    "postgres", "SET check_function_bodies = false; ",
    "postgres", "CREATE TEMPORARY TABLE t1 (id INTEGER)",
    "postgres", "PREPARE p AS SELECT 1",
    "postgres", "LISTEN something",
    "postgres", "BEGIN",
    "postgres", "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "postgres", "COMMIT",
    "postgres", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "postgres", "SET ROLE reset_role",
    "postgres", "SET SESSION AUTHORIZATION reset_role",
    "mariadb",  "SET sql_mode = 'ORACLE', foreign_key_checks = 0, unique_checks = 0",
    "mariadb",  "SET NAMES latin1",
    "mariadb",  "SET time_zone = '+05:00'",
    "mariadb",  "SET autocommit = 0",
    "mariadb",  "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "mariadb",  "SET timestamp = 1000000000",
    "mariadb",  "SET @a = 1, @`odd``name` = 'x'",
    "mariadb",  "SET group_concat_max_len = 7, sql_log_bin = 0, sql_safe_updates = 1",
    "mariadb",  "CREATE TEMPORARY TABLE IF NOT EXISTS t1 (id INTEGER)",
    "mariadb",  "LOCK TABLES kept WRITE",
    "mariadb",  "COMMIT", /* without autocommit there is always a transaction */
    "mariadb",  "SET SESSION TRANSACTION READ ONLY",
    "mariadb",  "USE information_schema",
    "mariadb",  "SET ROLE reset_role",
    "sqlite",   "PRAGMA foreign_keys = ON",
    "sqlite",   "PRAGMA legacy_alter_table = ON",
    "sqlite",   "PRAGMA ignore_check_constraints = ON",
    "sqlite",   "PRAGMA recursive_triggers = ON",
    "sqlite",   "PRAGMA busy_timeout = 1",
    "sqlite",   "PRAGMA synchronous = OFF",
    "sqlite",   "PRAGMA cache_size = 5",
    "sqlite",   "PRAGMA temp_store = MEMORY",
    "sqlite",   "PRAGMA case_sensitive_like = ON",
    "sqlite",   "ATTACH ':memory:' AS \"other \"\"one\"",
    "sqlite",   "CREATE TEMPORARY TABLE t1 (id INTEGER PRIMARY KEY)",
    "sqlite",   "CREATE TEMPORARY VIEW v1 AS SELECT * FROM t1",
    "sqlite",   "CREATE TEMPORARY TRIGGER g1 AFTER INSERT ON kept BEGIN SELECT 1; END",
    "sqlite",   "PRAGMA writable_schema = ON",
    "sqlite",   "PRAGMA locking_mode = EXCLUSIVE",
    "sqlite",   "PRAGMA query_only = ON",
};

/* Runs the scripts one by one, or all together, and compares the settings before and after a reset. */
static void spoil_and_reset(df_conn *conn, size_t only, const df_buf *wanted)
{
    df_error err;
    df_buf now = {0};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i += 2) {
        if (is(scripts[i]) && (only == SIZE_MAX || only == i)) run_sql(conn, DF_OK, "%s", scripts[i + 1]);
    }
    const char *what = only == SIZE_MAX ? "all of it together" : scripts[only + 1];
    if (!check_code(df_session_reset(conn, &err), DF_OK, &err, what)) return;
    ask_settings(conn, &now);
    bool same = check(df_str_eq(df_buf_str(&now), df_buf_str(wanted)), "everything is as before: %s", what);
    if (!same) {
        const char *a = df_buf_cstr(&now), *b = wanted->ptr;
        while (*a && *a == *b) a++, b++;
        while (a > now.ptr && a[-1] != '\n') a--, b--;
        note("got %.60s", a);
        note("not %.60s", b);
    }
    df_buf_release(&now);
}

static void prepare(df_conn *conn)
{
    run_sql(conn, DF_OK, "CREATE TABLE kept (id INTEGER)");
    if (is("postgres")) {
        run_sql(conn, DF_OK,
                "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'reset_role') THEN "
                "CREATE ROLE reset_role; END IF; END $$");
    } else if (is("mariadb")) {
        run_sql(conn, DF_OK, "CREATE ROLE IF NOT EXISTS reset_role");
    }
}

static void test_one_connection(bool guest)
{
    df_error err;
    df_conn *conn = NULL, *other = connect_or_die();
    df_buf wanted = {0};
    bool taken = false, held = false;
    df_code code = df_connect(
        test_url, &(df_open_options){.create = true, .guest = guest, .application = "reset"}, &conn, &err);
    if (!check_code(code, DF_OK, &err, guest ? "a guest" : "an owner")) return;
    if (is("mariadb")) run_sql(conn, DF_OK, "GRANT reset_role TO CURRENT_USER");
    check(df_set_limits(conn, &(df_limits){5000, 0}, &err) == DF_OK && df_session_reset(conn, &err) == DF_OK,
          "a first reset");
    check(df_lock(conn, "kept lock", 0, &taken, &err) == DF_OK && taken, "a lock");
    ask_settings(conn, &wanted);
    df_buf_cstr(&wanted);
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i += 2) {
        if (!is(scripts[i]) || is("sqlite")) continue;
        bool needs_others = strstr(scripts[i + 1], "CURSOR") || strcmp(scripts[i + 1], "BEGIN") == 0 ||
                            strcmp(scripts[i + 1], "COMMIT") == 0;
        if (!needs_others) spoil_and_reset(conn, i, &wanted);
    }
    spoil_and_reset(conn, SIZE_MAX, &wanted);
    spoil_and_reset(conn, SIZE_MAX, &wanted);
    check(df_lock_held(other, "kept lock", &held, &err) == DF_OK && held, "the lock is still held");
    check(df_unlock(conn, "kept lock", &err) == DF_OK, "and by this session");
    if (!is("sqlite")) run_sql(conn, DF_NOT_FOUND, "SELECT * FROM t1");
    check(ask_int(conn, "SELECT COUNT(*) FROM kept") == 0, "and it is at home again");
    check(df_begin(conn, &err) == DF_OK && df_session_reset(conn, &err) == DF_BUG,
          "not inside a transaction");
    df_rollback(conn);
    run_sql(conn, DF_OK, "BEGIN");
    check(df_server_in_transaction(conn) && !df_in_transaction(conn), "a script's transaction is seen");
    check(df_session_reset(conn, &err) == DF_FAILED && err.hint[0], "nor inside a script's: %s", err.message);
    run_sql(conn, DF_OK, "ROLLBACK");
    check(!df_server_in_transaction(conn) && df_session_reset(conn, &err) == DF_OK, "after it, yes");
    df_buf_release(&wanted);
    df_disconnect(conn);
    df_disconnect(other);
}

/* A guest on SQLite changes nothing of the file. */
static void test_guest_file(void)
{
    df_error err;
    char url[1200];
    df_conn *conn = NULL;
    snprintf(url, sizeof url, "%.*s/guest.db", (int)(strrchr(test_url, '/') - test_url), test_url);
    check(df_connect(url, &(df_open_options){.create = true, .guest = true}, &conn, &err) == DF_OK,
          "a new file");
    run_sql(conn, DF_OK, "CREATE TABLE t (id INTEGER)");
    check(ask_int(conn, "SELECT journal_mode = 'delete' FROM pragma_journal_mode") == 1,
          "the journal's mode is SQLite's own");
    check(ask_int(conn, "SELECT foreign_keys FROM pragma_foreign_keys") == 0,
          "foreign keys are off, as is SQLite's default");
    check(ask_int(conn, "SELECT synchronous FROM pragma_synchronous") == 2,
          "and every commit reaches the disk");
    run_sql(conn, DF_OK, "PRAGMA journal_mode = OFF");
    check(df_session_reset(conn, &err) == DF_OK &&
              ask_int(conn, "SELECT journal_mode = 'delete' FROM pragma_journal_mode") == 1,
          "a script without a journal is the only one");
    df_disconnect(conn);
    for (int on = 0; on < 2; on++) {
        char with[1300];
        snprintf(with, sizeof with, "%s?foreign_keys=%s", url, on ? "on" : "off");
        check(df_connect(with, &(df_open_options){.guest = true}, &conn, &err) == DF_OK &&
                  ask_int(conn, "SELECT foreign_keys FROM pragma_foreign_keys") == on,
              "the URL says foreign_keys=%s", on ? "on" : "off");
        run_sql(conn, DF_OK, "PRAGMA foreign_keys = %d", !on);
        check(df_session_reset(conn, &err) == DF_OK &&
                  ask_int(conn, "SELECT foreign_keys FROM pragma_foreign_keys") == on,
              "and a reset gives it back");
        df_disconnect(conn);
    }
    snprintf(url, sizeof url, "%s?foreign_keys=maybe", test_url);
    check(df_connect(url, NULL, &conn, &err) == DF_USAGE, "%s", err.message);
}

/* What a guest's statements mean on MariaDB is what the server's settings say. */
static void test_guest_mode(void)
{
    df_error err;
    df_conn *conn = NULL;
    check(df_connect(test_url, &(df_open_options){.guest = true}, &conn, &err) == DF_OK, "a guest");
    check(ask_int(conn, "SELECT @@sql_mode = @@GLOBAL.sql_mode AND @@time_zone = @@GLOBAL.time_zone") == 1,
          "has the server's mode and time zone");
    check(ask_int(conn, "SELECT \"a\\\"b\" = 'a\"b'") == 1,
          "text may stand in double quotes, with backslashes");
    df_disconnect(conn);
}

void test_reset(void)
{
    df_conn *conn = connect_or_die();
    prepare(conn);
    test_one_connection(true);
    test_one_connection(false);
    if (is("sqlite")) test_guest_file();
    if (is("mariadb")) test_guest_mode();
    run_sql(conn, DF_OK, "DROP TABLE kept");
    if (!is("sqlite")) run_sql(conn, DF_OK, "DROP ROLE IF EXISTS reset_role");
    df_disconnect(conn);
}
