/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of whole databases: SQLite's own, and whether the engines' tools reach the same database with what
 * they are told. */
#include "engine/copy.h"

#include "engine/engine.h"
#include "engine/wrap/wrap.h"
#include "io/process.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static df_error err;

static void must(df_code code, const char *what)
{
    if (code == DF_OK) return;
    check(false, "%s: %s: %s", what, df_code_name(code), err.message);
    exit(tap_done());
}

static df_conn *open_url(const char *url, bool create)
{
    df_conn *conn;
    must(df_connect(url, &(df_open_options){.create = create}, &conn, &err), url);
    return conn;
}

static int64_t number(df_conn *conn, const char *sql)
{
    df_arena arena = {0};
    df_value value = DF_V_NULL;
    must(df_query_value(conn, sql, NULL, 0, &arena, &value, &err), sql);
    df_arena_release(&arena);
    return value.i;
}

static void run(df_conn *conn, const char *sql)
{
    must(df_exec(conn, sql, NULL, 0, NULL, &err), sql);
}

typedef struct watching {
    int64_t calls, last, total;
    int stop_after;
} watching;

static void on_progress(void *context, const df_progress *progress)
{
    watching *w = context;
    w->calls++;
    w->last = progress->done;
    w->total = progress->total;
}

static bool is_cancelled(void *context)
{
    const watching *w = context;
    return w->stop_after && w->calls >= w->stop_after;
}

static const char rows[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
                           "INSERT INTO t SELECT i, hex(randomblob(40)) FROM n";

static void test_copies(const char *folder)
{
    char url[300], copy[300], copy_url[320];
    snprintf(url, sizeof url, "sqlite://%s/copy-source.db", folder);
    snprintf(copy, sizeof copy, "%s/copy.partial", folder);
    snprintf(copy_url, sizeof copy_url, "sqlite://%s", copy);
    df_conn *conn = open_url(url, true);
    run(conn, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    run(conn, rows);
    watching w = {0};
    df_observer observer = {.context = &w, .progress = on_progress, .cancelled = is_cancelled};

    df_conn *traced = df_wrap_trace(open_url(url, false), NULL);
    must(df_backup_to(traced, copy, &observer, &err), "copy");
    check(w.calls > 3 && w.total > 5000000 && w.last <= w.total, "progress is told: %d calls", (int)w.calls);
    df_disconnect(traced);
    df_conn *other = open_url(copy_url, false);
    check(number(other, "SELECT count(*) FROM t") == 60000, "the copy holds all rows");
    check(number(other, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1,
          "the copy is whole");
    df_disconnect(other);

    run(conn, "DELETE FROM t WHERE a % 2 = 0");
    run(conn, "CREATE TABLE later (x)");
    df_conn *reader = open_url(url, false);
    check(number(reader, "SELECT count(*) FROM t") == 30000, "before the way back");
    w = (watching){.stop_after = 2};
    check(df_backup_from(conn, copy, &observer, &err) == DF_CANCELLED, "the way back is interrupted: %s",
          err.message);
    check(number(reader, "SELECT count(*) FROM t") == 30000 &&
              number(conn, "SELECT count(*) FROM later") == 0,
          "then all is as it was");
    w = (watching){0};
    must(df_backup_from(conn, copy, &observer, &err), "back");
    check(number(reader, "SELECT count(*) FROM t") == 60000 &&
              number(reader, "SELECT count(*) FROM sqlite_schema WHERE name = 'later'") == 0,
          "another session sees the content of the copy");
    check(number(conn, "SELECT count(*) FROM t") == 60000, "and so does our own");

    must(df_begin(reader, &err), "begin");
    run(reader, "DELETE FROM t");
    df_conn *hasty;
    snprintf(copy_url, sizeof copy_url, "%s?busy_timeout=100", url);
    hasty = open_url(copy_url, false);
    check(df_backup_from(hasty, copy, NULL, &err) == DF_RETRY && err.hint[0], "a writer is in the way: %s",
          err.message);
    df_rollback(reader);
    df_disconnect(hasty);

    /* Another size of pages than the live database has. */
    remove(copy);
    snprintf(copy_url, sizeof copy_url, "sqlite://%s", copy);
    other = open_url(copy_url, true);
    run(other, "PRAGMA journal_mode=DELETE");
    run(other, "PRAGMA page_size=1024");
    run(other, "VACUUM");
    run(other, "CREATE TABLE small (x)");
    df_disconnect(other);
    df_disconnect(reader);
    must(df_backup_from(conn, copy, NULL, &err), "back from small pages");
    check(number(conn, "SELECT page_size FROM pragma_page_size") == 1024 &&
              number(conn, "SELECT count(*) FROM small") == 0,
          "pages of another size");
    df_arena arena = {0};
    df_value mode;
    must(df_query_value(conn, "PRAGMA journal_mode", NULL, 0, &arena, &mode, &err), "mode");
    check(df_str_is(mode.s, "wal"), "the journal is a write-ahead log again: %.*s", DF_FMT(mode.s));
    df_arena_release(&arena);

    FILE *f = fopen(copy, "w");
    if (f)
        fputs("no database at all, but long enough to be taken for the header of one, if one does not look",
              f);
    if (f) fclose(f);
    df_code code = df_backup_from(conn, copy, NULL, &err);
    check(code == DF_CORRUPT && strstr(err.message, copy), "a file that is no database: %s: %s", df_code_name(code), err.message);
    check(number(conn, "SELECT count(*) FROM small") == 0, "changes nothing");
    remove(copy);
    df_disconnect(conn);
}

/* Runs a tool with what it is told, and compares its answer. */
static void ask_tool(const df_process_options *options, const char *expected, const char *what)
{
    df_process p;
    char answer[200] = "";
    must(df_process_start(options, &p, &err), what);
    for (size_t at = 0, n = 1; n; at += n)
        must(df_process_read(&p, answer + at, sizeof answer - 1 - at, &n, NULL, &err), what);
    df_code code = df_process_end(&p, NULL, &err);
    answer[strcspn(answer, "\n")] = '\0';
    check(code == DF_OK && strcmp(answer, expected) == 0, "%s: %s", what,
          code == DF_OK ? answer : err.message);
    df_process_release(&p);
}

static void test_postgres(const char *url)
{
    df_arena arena = {0};
    df_tool_access access;
    df_conn *conn = open_url(url, false);
    must(df_tool_access_get(conn, &arena, &access, &err), "access");
    setenv("PGHOST", "/nowhere", 1);
    setenv("PGSERVICE", "none", 1);
    const char *tool = df_program_find("psql", &arena);
    const char *argv[] = {tool, "-XAtqw", "-c", "SELECT current_database() || '/' || current_user", NULL};
    df_process_options options = {
        .argv = argv, .environment = access.environment, .in = DF_PROCESS_NULL, .out = DF_PROCESS_PIPE};
    if (tool) ask_tool(&options, "dataflow/dataflow", "psql reaches the database");
    if (!tool) skip("psql is not installed");
    unsetenv("PGHOST");
    unsetenv("PGSERVICE");
    check(df_backup_to(conn, "/tmp/none", NULL, &err) == DF_UNSUPPORTED, "%s", err.message);
    df_disconnect(conn);
    df_arena_release(&arena);
}

static void ask_mariadb(const char *url, const char *expected, const char *what)
{
    df_arena arena = {0};
    df_tool_access access;
    int fd;
    char defaults[64];
    df_conn *conn = open_url(url, false);
    must(df_tool_access_get(conn, &arena, &access, &err), "access");
    must(df_memory_file(access.option_file, &fd, &err), "option file");
    snprintf(defaults, sizeof defaults, "--defaults-file=/dev/fd/%d", fd);
    const char *tool = df_program_find("mariadb", &arena);
    const char *argv[] = {tool,
                          defaults,
                          "-NB",
                          "-e",
                          "SELECT CONCAT(DATABASE(), '/', SUBSTRING_INDEX(USER(), '@', 1))",
                          access.database,
                          NULL};
    df_process_options options = {.argv = argv,
                                  .environment = access.environment,
                                  .in = DF_PROCESS_NULL,
                                  .out = DF_PROCESS_PIPE,
                                  .keep = &fd,
                                  .n_keep = 1};
    if (tool) ask_tool(&options, expected, what);
    if (!tool) skip("mariadb is not installed");
    close(fd);
    df_disconnect(conn);
    df_arena_release(&arena);
}

/* A password in which everything that an option file could misread occurs. */
static void test_nasty_password(const char *url)
{
    df_conn *conn = open_url(url, false);
    run(conn, "CREATE OR REPLACE USER nasty@localhost IDENTIFIED BY ' #\"a''\\t\\[;=%\\'");
    run(conn, "GRANT ALL ON dataflow.* TO nasty@localhost");
    const char *socket = strstr(url, "socket=");
    char nasty[400];
    snprintf(nasty, sizeof nasty,
             "mariadb://nasty:%%20%%23%%22a%%27%%5Ct%%5C%%5B%%3B%%3D%%25%%5C@localhost/dataflow?%s",
             socket ? socket : "");
    ask_mariadb(nasty, "dataflow/nasty", "a password of special characters");
    run(conn, "DROP USER nasty@localhost");
    df_disconnect(conn);
}

int main(void)
{
    const char *folder = getenv("TEST_URL_SQLITE"), *postgres = getenv("TEST_URL_POSTGRES");
    const char *postgres_tcp = getenv("TEST_URL_POSTGRES_TCP"), *mariadb = getenv("TEST_URL_MARIADB");
    char own[] = "/tmp/df-copy-XXXXXX";
    if (!folder) folder = mkdtemp(own);
    if (folder) test_copies(folder);
    if (postgres) test_postgres(postgres);
    if (postgres_tcp) test_postgres(postgres_tcp);
    if (!postgres) skip("no PostgreSQL server");
    if (mariadb) ask_mariadb(mariadb, "dataflow/dataflow", "mariadb reaches the database");
    if (mariadb) ask_mariadb(getenv("TEST_URL_MARIADB_TCP"), "dataflow/dataflow", "and over TCP");
    if (mariadb) test_nasty_password(mariadb);
    if (!mariadb) skip("no MariaDB server");
    return tap_done();
}
