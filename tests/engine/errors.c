/* SPDX-License-Identifier: Apache-2.0 */
/* Codes and messages of what goes wrong; lost connections; connecting in vain. */
#include "contract.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_codes(df_conn *conn)
{
    df_error err;
    run_sql(conn, DF_OK, "CREATE TABLE e (id INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0))");
    run_sql(conn, DF_NOT_FOUND, "SELECT * FROM no_such_table");
    run_sql(conn, DF_CONFLICT, "CREATE TABLE e (id INTEGER)");
    run_sql(conn, DF_OK, "INSERT INTO e (id, n) VALUES (1, 1)");
    run_sql(conn, DF_CONFLICT, "INSERT INTO e (id, n) VALUES (1, 2)");
    run_sql(conn, DF_FAILED, "INSERT INTO e (id, n) VALUES (2, NULL)");
    run_sql(conn, DF_FAILED, "INSERT INTO e (id, n) VALUES (2, -1)");
    run_sql(conn, DF_FAILED, "SELECT no_such_column FROM e");
    check(true, "missing tables, duplicates and constraints have their codes");
    check(df_exec(conn, "SELECT '\xC3\xA4' -- \xE2\x82\xAC\n FROM e\n WHERE WHERE id = 1", NULL, 0, NULL,
                  &err) == DF_FAILED &&
              err.sql_line == 3,
          "a syntax error tells its line (%d)", err.sql_line);
    check(strstr(err.message, "\n") == NULL, "a message is one line: %s", err.message);
    df_value one = df_v_int(1);
    df_code code =
        df_exec(conn, "SELECT id FROM e WHERE id = ? AND no_such = ?", (df_value[]){one, one}, 2, NULL, &err);
    check(code == DF_FAILED, "an unknown column behind a parameter");
    if (strcmp(fl->engine, "postgres") == 0) {
        check(err.sql_offset == (int64_t)strlen("SELECT id FROM e WHERE id = ? AND ") + 1,
              "its offset is that of the text with ? (%lld)", (long long)err.sql_offset);
    }
    check(df_exec(conn, "SELECT 1", NULL, 0, NULL, NULL) == DF_OK &&
              df_exec(conn, "SELECT * FROM no_such_table", NULL, 0, NULL, NULL) == DF_NOT_FOUND,
          "err may be NULL");
    run_sql(conn, DF_OK, "DROP TABLE e");
}

/* What is longer than the server takes is told, and does not cost the connection. */
static void test_too_long(df_conn *conn)
{
    df_error err;
    enum { LENGTH = 20 << 20 };
    char *sql = malloc(LENGTH + 1);
    memset(sql, 'x', LENGTH);
    memcpy(sql, "SELECT '", 8);
    sql[LENGTH - 1] = '\'';
    sql[LENGTH] = '\0';
    df_code code = df_exec(conn, sql, NULL, 0, NULL, &err);
    check(code == DF_FAILED && strstr(err.message, "max_allowed_packet") && !df_conn_lost(conn), "a statement that is too long: %s",
          err.message);
    run_sql(conn, DF_OK, "SELECT 1");
    free(sql);
}

/* Details, hints and places of PostgreSQL's errors. */
static void test_postgres_errors(df_conn *conn)
{
    df_error err;
    run_sql(conn, DF_OK, "CREATE TABLE e (id INTEGER PRIMARY KEY)");
    run_sql(conn, DF_OK, "CREATE TABLE ee (id INTEGER REFERENCES e)");
    df_code code = df_exec(conn, "DROP TABLE e", NULL, 0, NULL, &err);
    check(code == DF_FAILED && strcmp(err.native, "2BP01") == 0 && strstr(err.message, "ee_id_fkey") &&
              strstr(err.hint, "CASCADE"),
          "detail and hint of a DROP: %s | %s", err.message, err.hint);
    code = df_exec(conn, "CREATE TABLE\n  e3 (id INTEGER,\n  b NOSUCHTYPE)", NULL, 0, NULL, &err);
    check(code == DF_FAILED && err.sql_line == 3 &&
              err.sql_offset == (int64_t)strlen("CREATE TABLE\n  e3 (id INTEGER,\n  b ") + 1,
          "the place in a statement that is no query (%d, %lld)", err.sql_line, (long long)err.sql_offset);
    run_sql(conn, DF_OK,
            "CREATE FUNCTION ef() RETURNS INTEGER LANGUAGE plpgsql AS $$ BEGIN\n RETURN (SELECT nope FROM "
            "e); END $$");
    code = df_exec(conn, "SELECT 1,\n ef()", NULL, 0, NULL, &err);
    check(code == DF_FAILED && err.sql_offset == 0 && err.sql_line == 0,
          "a place inside of a function is not taken for one in the text");
    check(strstr(err.message, "PL/pgSQL function ef() line 2") != NULL, "but told: %s", err.message);
    code = df_exec(
        conn,
        "DO $$ BEGIN RAISE EXCEPTION 'no %%' USING DETAIL = 'why', HINT = 'do', ERRCODE = '08001'; END $$",
        NULL, 0, NULL, &err);
    check(code == DF_FAILED && strcmp(err.native, "08001") == 0 && strstr(err.message, "(why)") &&
              strcmp(err.hint, "do") == 0 && !df_conn_lost(conn),
          "another server's lost connection is not ours: %s", err.message);
    code =
        df_exec(conn, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53100'; END $$", NULL, 0, NULL, &err);
    check(code == DF_DISK_FULL && err.hint[0], "53100 is a full disk: %s", err.message);
    code =
        df_exec(conn, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53200'; END $$", NULL, 0, NULL, &err);
    check(code == DF_NO_MEMORY, "53200 is a lack of memory");
    code =
        df_exec(conn, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$", NULL, 0, NULL, &err);
    check(code == DF_RETRY, "40001 is worth another try");
    run_sql(conn, DF_OK, "DROP FUNCTION ef()");
    run_sql(conn, DF_OK, "DROP TABLE ee, e");
}

/* A line number inside of a routine's dynamic statement is none of ours. */
static void test_mariadb_errors(df_conn *conn)
{
    df_error err;
    run_sql(conn, DF_OK, "CREATE PROCEDURE ep() EXECUTE IMMEDIATE 'SELECT\n\n WHERE WHERE'");
    df_code code = df_exec(conn, "CALL ep()", NULL, 0, NULL, &err);
    check(code == DF_FAILED && err.sql_line == 0 && err.sql_offset == 0, "a place inside of a routine: %s",
          err.message);
    run_sql(conn, DF_OK, "DROP PROCEDURE ep");
    code = df_exec(conn, "CREATE TABLE ek (i INTEGER REFERENCES no_such_table (id))", NULL, 0, NULL, &err);
    check(code == DF_FAILED && strcmp(err.native, "1005") == 0 && strstr(err.message, "no_such_table") &&
              err.message[strlen(err.message) - 1] != '.',
          "why a foreign key cannot be: %s", err.message);
    run_sql(conn, DF_OK, "CREATE TABLE ep (id BIGINT PRIMARY KEY)");
    code =
        df_exec(conn, "CREATE TABLE ek (i INTEGER, FOREIGN KEY (i) REFERENCES ep (id))", NULL, 0, NULL, &err);
    check(code == DF_FAILED && strstr(err.message, "'i' does not match"), "or which column: %s", err.message);
    run_sql(conn, DF_OK, "DROP TABLE ep");
}

static void test_read_only(void)
{
    df_error err;
    df_conn *conn = NULL;
    df_conn *writer = connect_or_die();
    run_sql(writer, DF_OK, "CREATE TABLE r (id INTEGER)");
    df_code code = df_connect(test_url, &(df_open_options){.read_only = true}, &conn, &err);
    check_code(code, DF_OK, &err, "a connection that only reads");
    if (code == DF_OK) {
        check(ask_int(conn, "SELECT COUNT(*) FROM r") == 0, "reads");
        code = df_exec(conn, "INSERT INTO r (id) VALUES (1)", NULL, 0, NULL, &err);
        check_code(code, DF_PERMISSION, &err, "and does not write");
        check(strncmp(err.message, "Permission denied: ", 19) == 0, "\"%s\"", err.message);
        check(df_begin(conn, &err) == DF_OK && ask_int(conn, "SELECT COUNT(*) FROM r") == 0 &&
                  df_commit(conn, &err) == DF_OK,
              "a transaction that only reads");
        df_disconnect(conn);
    }
    run_sql(writer, DF_OK, "DROP TABLE r");
    df_disconnect(writer);
}

/* ---- servers ---- */

static void test_lost(void)
{
    df_error err;
    bool postgres = strcmp(fl->engine, "postgres") == 0;
    df_conn *victim = connect_or_die(), *killer = connect_or_die();
    int64_t id = ask_int(victim, postgres ? "SELECT pg_backend_pid()" : "SELECT CONNECTION_ID()");
    check(df_begin(victim, &err) == DF_OK, "begin");
    run_sql(victim, DF_OK, "CREATE TABLE lost (id INTEGER)");
    run_sql(killer, DF_OK, postgres ? "SELECT pg_terminate_backend(%lld)" : "KILL %lld", (long long)id);
    df_code code = df_exec(victim, "INSERT INTO lost (id) VALUES (1)", NULL, 0, NULL, &err);
    check_code(code, DF_CONNECT, &err, "a lost connection");
    check(strncmp(err.message, "Database connection failed: ", 28) == 0, "\"%s\"", err.message);
    check(df_conn_lost(victim), "is known to be lost");
    check(df_exec(victim, "SELECT 1", NULL, 0, NULL, &err) == DF_CONNECT, "later calls fail cleanly");
    check(df_commit(victim, &err) == DF_CONNECT && !df_in_transaction(victim), "so does the commit");
    bool taken;
    check(df_lock(victim, "x", 1000, &taken, &err) == DF_CONNECT && !taken, "and a lock");
    df_rollback(victim);
    df_cancel(victim);
    df_disconnect(victim);
    run_sql(killer, DF_OK, "DROP TABLE IF EXISTS lost");
    df_disconnect(killer);
}

static void test_connecting(void)
{
    char variable[64], url[1024];
    df_error err;
    df_conn *conn = NULL;
    snprintf(variable, sizeof variable, "TEST_URL_%s_TCP",
             strcmp(fl->engine, "postgres") == 0 ? "POSTGRES" : "MARIADB");
    const char *tcp = getenv(variable);
    if (!tcp) {
        skip("no TCP address");
        return;
    }
    check_code(df_connect(tcp, NULL, &conn, &err), DF_OK, &err, "over TCP with a password");
    df_disconnect(conn);

    const char *password = strchr(strstr(tcp, "//"), ':') + 1, *host = strchr(tcp, '@');
    snprintf(url, sizeof url, "%.*ssw0rdfish%s", (int)(password - tcp), tcp, host);
    check_code(df_connect(url, NULL, &conn, &err), DF_CONNECT, &err, "with a wrong password");
    check(strncmp(err.message, "Database connection failed: ", 28) == 0, "\"%s\"", err.message);
    check(!strstr(err.message, "sw0rdfish") && !strstr(err.hint, "sw0rdfish"), "which is not told");

    snprintf(url, sizeof url, "%.*s/no_such_db", (int)(strrchr(tcp, '/') - tcp), tcp);
    check_code(df_connect(url, NULL, &conn, &err), DF_NOT_FOUND, &err, "a database that does not exist");
    check(strncmp(err.message, "Database connection failed: ", 28) == 0, "\"%s\"", err.message);

    snprintf(url, sizeof url, "%.*s@127.0.0.1:1/x", (int)(host - tcp), tcp);
    check_code(df_connect(url, NULL, &conn, &err), DF_CONNECT, &err, "a port where nobody listens");
    check(strncmp(err.message, "Database connection failed: ", 28) == 0, "\"%s\"", err.message);
}

/* ---- files ---- */

static void test_sqlite_files(void)
{
    char url[1200], path[1100];
    df_error err;
    df_conn *conn = NULL;
    const char *file = test_url + strlen("sqlite://");
    int folder = (int)(strrchr(file, '/') - file);
    snprintf(url, sizeof url, "sqlite://%.*s/absent.db", folder, file);
    check_code(df_connect(url, NULL, &conn, &err), DF_NOT_FOUND, &err, "a file that is not there");
    check(strncmp(err.message, "Database connection failed: ", 28) == 0, "\"%s\"", err.message);
    conn = connect_with(url, DF_OK);
    snprintf(path, sizeof path, "%.*s/absent.db", folder, file);
    check(access(path, F_OK) != 0, "creating is put off until something is done");
    bool held = true;
    check(df_lock_held(conn, "x", &held, &err) == DF_OK && !held && access(path, F_OK) != 0,
          "looking at a lock is nothing");
    run_sql(conn, DF_OK, "CREATE TABLE t (id INTEGER)");
    check(access(path, F_OK) == 0, "and then done");
    df_disconnect(conn);

    snprintf(url, sizeof url, "sqlite://%.*s/no/such/folder/x.db", folder, file);
    check(df_connect(url, &(df_open_options){.create = true}, &conn, &err) == DF_NOT_FOUND,
          "a folder that is not there");
    snprintf(url, sizeof url, "sqlite://%.*s", folder, file);
    check(df_connect(url, NULL, &conn, &err) == DF_CONNECT, "a folder instead of a file: %s", err.message);
    snprintf(path, sizeof path, "%.*s/garbage.db", folder, file);
    FILE *garbage = fopen(path, "w");
    for (int i = 0; i < 1000; i++) fputs("this is no database\n", garbage);
    fclose(garbage);
    snprintf(url, sizeof url, "sqlite://%s", path);
    check(df_connect(url, NULL, &conn, &err) == DF_CONNECT, "garbage: %s", err.message);
    snprintf(url, sizeof url, "sqlite://%.*s/a%%20b%%3F%%25%%23.db", folder, file);
    snprintf(path, sizeof path, "%.*s/a b?%%#.db", folder, file);
    conn = connect_with(url, DF_OK);
    run_sql(conn, DF_OK, "CREATE TABLE t (id INTEGER)");
    check(access(path, F_OK) == 0, "a path with escapes");
    df_disconnect(conn);
    conn = connect_with("sqlite::memory:", DF_OK);
    run_sql(conn, DF_OK, "CREATE TABLE t (id INTEGER)");
    check(ask_int(conn, "SELECT COUNT(*) FROM t") == 0, "a database in memory");
    df_disconnect(conn);
}

static void test_sqlite_full(void)
{
    df_error err;
    char url[1200];
    snprintf(url, sizeof url, "%.*s/full.db", (int)(strrchr(test_url, '/') - test_url), test_url);
    df_conn *conn = connect_with(url, DF_OK);
    run_sql(conn, DF_OK, "CREATE TABLE f (t TEXT)");
    df_arena arena = {0};
    df_value pages;
    check(df_query_value(conn, "PRAGMA max_page_count = 20", NULL, 0, &arena, &pages, &err) == DF_OK,
          "a small disk");
    check(df_begin(conn, &err) == DF_OK, "begin");
    df_code code = DF_OK;
    for (int i = 0; i < 1000 && code == DF_OK; i++) {
        code = df_exec(conn, "INSERT INTO f VALUES (hex(randomblob(1000)))", NULL, 0, NULL, &err);
    }
    check_code(code, DF_DISK_FULL, &err, "a full disk");
    check(strncmp(err.message, "Disk space exhausted: ", 22) == 0 && err.hint[0], "\"%s\" (%s)", err.message,
          err.hint);
    check(df_exec(conn, "INSERT INTO f VALUES ('x')", NULL, 0, NULL, &err) == DF_FAILED,
          "SQLite has rolled back by itself; nothing slips in outside of the transaction");
    df_rollback(conn);
    check(ask_int(conn, "SELECT COUNT(*) FROM f") == 0, "nothing stays");
    run_sql(conn, DF_OK, "DROP TABLE f");
    df_arena_release(&arena);
    df_disconnect(conn);
}

/* As an unprivileged user, since root may do everything. */
static void in_unwritable_folder(const char *url)
{
    df_error err;
    df_conn *conn = NULL;
    bool held = true;
    df_code code = df_connect(url, &(df_open_options){.read_only = true}, &conn, &err);
    if (code != DF_OK) {
        check(false, "opens for reading: %s", err.message);
        return;
    }
    check(df_lock_held(conn, "x", &held, &err) == DF_OK && !held,
          "lock_held answers where nothing can be written");
    bool taken = false;
    code = df_lock(conn, "x", 0, &taken, &err);
    check(code == DF_PERMISSION && !taken, "a lock cannot be taken there: %s", err.message);
    df_disconnect(conn);
    conn = NULL;
    code = df_connect(url, NULL, &conn, &err);
    if (code == DF_OK) code = df_exec(conn, "INSERT INTO t VALUES (1)", NULL, 0, NULL, &err);
    check(code == DF_PERMISSION && strncmp(err.message, "Permission denied: ", 19) == 0, "nor written: %s",
          err.message);
    df_disconnect(conn);
}

static void test_sqlite_permissions(void)
{
    char folder[1100], url[1200];
    const char *file = test_url + strlen("sqlite://");
    snprintf(folder, sizeof folder, "%.*s/closed", (int)(strrchr(file, '/') - file), file);
    snprintf(url, sizeof url, "sqlite://%s/c.db", folder);
    if (mkdir(folder, 0755) != 0) return;
    df_conn *conn = connect_with(url, DF_OK);
    run_sql(conn, DF_OK, "PRAGMA journal_mode = DELETE");
    run_sql(conn, DF_OK, "CREATE TABLE t (id INTEGER)");
    df_disconnect(conn);
    chmod(folder, 0555);
    snprintf(folder, sizeof folder, "%.*s/closed/c.db", (int)(strrchr(file, '/') - file), file);
    chmod(folder, 0444);
    fflush(stdout);
    int results[2];
    if (pipe(results) != 0) return;
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(9);
        in_unwritable_folder(url);
        int counts[2] = {tap_count, tap_failed}; /* what the child counted goes home */
        fflush(stdout);
        _exit(write(results[1], counts, sizeof counts) == sizeof counts ? 0 : 9);
    }
    int status = 0, counts[2];
    waitpid(child, &status, 0);
    if (status == 0 && read(results[0], counts, sizeof counts) == sizeof counts) {
        tap_count = counts[0];
        tap_failed = counts[1];
    }
    check(status == 0, "the unprivileged child ended well");
    close(results[0]);
    close(results[1]);
}

void test_errors(void)
{
    df_conn *conn = connect_or_die();
    test_codes(conn);
    if (strcmp(fl->engine, "postgres") == 0) test_postgres_errors(conn);
    if (strcmp(fl->engine, "mariadb") == 0) test_mariadb_errors(conn);
    if (strcmp(fl->engine, "mariadb") == 0) test_too_long(conn);
    df_disconnect(conn);
    test_read_only();
    if (strcmp(fl->engine, "sqlite") == 0) {
        test_sqlite_files();
        test_sqlite_full();
        test_sqlite_permissions();
    } else {
        test_lost();
        test_connecting();
    }
}
