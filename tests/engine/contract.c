/* SPDX-License-Identifier: Apache-2.0 */
/* contract ENGINE [PART]: runs the contract suite against the engine that TEST_URL_<ENGINE> names. */
#include "alone.h"
#include "contract.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const flavour flavours[] = {
    {"sqlite", "TEXT", "BLOB", "INTEGER", "REAL", "iif(t IS NULL, NULL, hex(t))", false, false, true, true,
     false},
    {"postgres", "TEXT", "BYTEA", "BOOLEAN", "DOUBLE PRECISION",
     "upper(encode(convert_to(t, 'UTF8'), 'hex'))", true, true, true, false, false},
    {.engine = "neo4j", .graph = true},
    {.engine = "neo4j_newest", .graph = true},
    {.engine = "neo4j_44", .graph = true},
    {"mariadb", "LONGTEXT", "LONGBLOB", "TINYINT(1)", "DOUBLE", "HEX(t)", false, false, false, true, false},
};

const flavour *fl;
const char *test_url;
static char own_url[1024], folder[256], own_name[64], server_url[1024];

_Noreturn static void give_up(void)
{
    if (!tap_failed) tap_failed = 1; /* giving up is never a pass */
    exit(tap_done());
}

df_conn *connect_with(const char *url, df_code expected)
{
    df_error err;
    df_conn *conn = NULL;
    df_code code =
        df_connect(url, &(df_open_options){.create = true, .application = "contract"}, &conn, &err);
    if (code != expected) check_code(code, expected, &err, "connects as expected");
    return conn;
}

df_conn *connect_or_die(void)
{
    df_conn *conn = connect_with(test_url, DF_OK);
    if (!conn) give_up();
    return conn;
}

bool check_code(df_code got, df_code expected, const df_error *err, const char *what)
{
    bool ok = check(got == expected, "%s", what);
    if (!ok) {
        note("got %s, expected %s: %s [%s]", df_code_name(got), df_code_name(expected),
             got == DF_OK ? "" : err->message, got == DF_OK ? "" : err->native);
    }
    return ok;
}

bool run_sql(df_conn *conn, df_code expected, const char *fmt, ...)
{
    char sql[4096];
    va_list args;
    df_error err;
    va_start(args, fmt);
    vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    df_code code = df_exec(conn, sql, NULL, 0, NULL, &err);
    if (code == expected) return true;
    return check_code(code, expected, &err, sql);
}

int64_t ask_int(df_conn *conn, const char *fmt, ...)
{
    char sql[4096];
    va_list args;
    df_error err;
    df_value value;
    df_arena arena = {0};
    va_start(args, fmt);
    vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    df_code code = df_query_value(conn, sql, NULL, 0, &arena, &value, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, sql);
    df_arena_release(&arena);
    return code == DF_OK && (value.type == DF_INT64 || value.type == DF_BOOL) ? value.i : -1;
}

/* ---- a place of our own ---- */

static void set_up_sqlite(const char *base)
{
    if (base) {
        snprintf(folder, sizeof folder, "%s/%s", base, own_name);
        if (mkdir(folder, 0755) != 0) perror(folder);
    } else {
        snprintf(folder, sizeof folder, "/tmp/%s-XXXXXX", own_name);
        if (!mkdtemp(folder) || chmod(folder, 0755) != 0) perror(folder);
    }
    snprintf(own_url, sizeof own_url, "sqlite://%s/contract.db", folder);
}

static void set_up_server(const char *url)
{
    snprintf(server_url, sizeof server_url, "%s", url);
    df_conn *conn = connect_with(url, DF_OK);
    if (!conn) give_up();
    note("%s", df_conn_server(conn));
    if (fl->graph) { /* one database is all there is: the tests keep to labels of their own */
        snprintf(own_url, sizeof own_url, "%s", url);
    } else if (df_conn_caps(conn) & DF_CAP_SCHEMAS) {
        run_sql(conn, DF_OK, "CREATE SCHEMA %s", own_name);
        snprintf(own_url, sizeof own_url, "%s&schema=%s", url, own_name);
    } else {
        run_sql(conn, DF_OK, "CREATE DATABASE %s CHARACTER SET utf8mb4", own_name);
        const char *path = strstr(url, "/dataflow?");
        snprintf(own_url, sizeof own_url, "%.*s/%s%s", (int)(path - url), url, own_name,
                 path + strlen("/dataflow"));
    }
    df_disconnect(conn);
}

static void tear_down(void)
{
    if (folder[0]) {
        char command[300];
        snprintf(command, sizeof command, "rm -rf '%s'", folder);
        if (system(command) != 0) note("could not remove %s", folder);
        return;
    }
    if (fl->graph) return;
    df_conn *conn = connect_with(server_url, DF_OK);
    if (!conn) return;
    bool schemas = (df_conn_caps(conn) & DF_CAP_SCHEMAS) != 0;
    run_sql(conn, DF_OK, schemas ? "DROP SCHEMA %s CASCADE" : "DROP DATABASE %s", own_name);
    df_disconnect(conn);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void), (*run_graph)(void); /* in SQL and in Cypher; NULL: there is nothing to it */
    } parts[] = {
        {"values", test_values, test_graph_values},
        {"statements", test_statements, test_graph_statements},
        {"bulk", test_bulk, test_graph_bulk},
        {"transactions", test_transactions, test_graph_transactions},
        {"locks", test_locks, test_locks},
        {"errors", test_errors, NULL},
        {"wrappers", test_wrappers, NULL},
        {"cancel", test_cancel, test_graph_cancel},
        {"limits", test_limits, test_graph_limits},
        {"reset", test_reset, NULL},
        {"sessions", test_sessions, test_graph_sessions},
        {"commands", test_commands, test_graph_commands},
        {"observe", test_observe, NULL},
        {"inspect", test_inspect, test_graph_schema},
    };
    const char *engine = argc > 1 ? argv[1] : "sqlite", *part = argc > 2 ? argv[2] : NULL;
    char variable[64] = "TEST_URL_";
    for (size_t i = 0; engine[i] && i < 40; i++) variable[9 + i] = (char)toupper(engine[i]);
    const char *url = getenv(variable);
    for (size_t i = 0; i < sizeof flavours / sizeof *flavours; i++) {
        if (strcmp(flavours[i].engine, engine) == 0) fl = &flavours[i];
    }
    if (!fl) return 2;
    snprintf(own_name, sizeof own_name, "contract_%d", (int)getpid());
    test_url = own_url;
    if (strcmp(engine, "sqlite") == 0) {
        set_up_sqlite(url);
    } else if (!url) {
        printf("1..0 # SKIP %s is not set (tests/run.py starts the servers)\n", variable);
        return 0;
    } else {
        if (fl->graph) alone_with(engine);
        set_up_server(url);
    }
    bool known = !part;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (part && strcmp(part, parts[i].name) != 0) continue;
        if (fl->graph && parts[i].run_graph) parts[i].run_graph();
        if (!fl->graph) parts[i].run();
        known = true;
    }
    if (!known) check(false, "there is no part \"%s\"", part);
    tear_down();
    return tap_done();
}
