/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL: pg_dump's custom format, uncompressed (we compress). It goes back as SQL: pg_restore turns it
 * into a script of one transaction, and psql runs it. On the live database that transaction begins with
 * dropping all there is, so that nobody ever sees anything between the old content and the new; whoever dies
 * on the way, the transaction dies, since its COMMIT is the last that pg_restore writes.
 */
#include "operate/backup_int.h"

#include "backup_clear_postgres.h"
#include "backup_sql_postgres.h"
#include "base/clock.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 15000 };

static const char session_sql[] =
    "SET statement_timeout = 0; SET lock_timeout = '60s'; SET idle_in_transaction_session_timeout = 0;"
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = "
    "'transaction_timeout';"
    "SET row_security = off; SET IntervalStyle = 'postgres'; SET lc_monetary = 'C'; SET search_path = ''";

static const char *program(df_arena *arena, const char *folder, const char *name)
{
    return df_arena_printf(arena, "%s/%s", folder, name);
}

/* ---- making ---- */

static df_code prepare(bk_making *m, df_error *err)
{
    const char *folder;
    DF_TRY(bk_postgres_tools(df_conn_server(m->place->conn), m->arena, &folder, &m->tool, err));
    m->tools = df_arena_cstr(m->arena, df_str_from(folder));
    return df_connect(m->place->url, &(df_open_options){.application = "dataflow backup"}, &m->conn, err);
}

static df_code describe(bk_making *m, df_json_writer *head, df_error *err)
{
    (void)m, (void)head, (void)err;
    return DF_OK;
}

/* Everything is counted, and dumped, in one snapshot. Reading takes locks that keep the tables as they are.
 */
static df_code begin_snapshot(bk_making *m, df_value *snapshot, df_error *err)
{
    df_value size;
    DF_TRY(df_exec_script(m->conn, session_sql, err));
    DF_TRY(df_exec(m->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", NULL, 0, NULL, err));
    DF_TRY(
        df_query_value(m->conn, "SELECT pg_catalog.pg_export_snapshot()", NULL, 0, m->arena, snapshot, err));
    DF_TRY(df_query_value(m->conn, SQL_pg_size, NULL, 0, m->arena, &size, err));
    m->estimate = size.i;
    return bk_content_read(m->conn, m->place->observer, m->id, &m->content, err);
}

static df_code dump(bk_making *m, df_error *err)
{
    df_value snapshot;
    df_tool_access access;
    df_process tool;
    DF_TRY(begin_snapshot(m, &snapshot, err));
    DF_TRY(df_tool_access_get(m->conn, m->arena, &access, err));
    const char *const argv[] = {program(m->arena, m->tools, "pg_dump"),
                                "--format=custom",
                                "--compress=0",
                                "--no-password",
                                "--no-subscriptions",
                                "--exclude-schema=_dataflow_restore",
                                "--lock-wait-timeout=60s",
                                df_arena_printf(m->arena, "--snapshot=%.*s", DF_FMT(snapshot.s)),
                                NULL};
    df_process_options options = {
        .argv = argv, .environment = access.environment, .in = DF_PROCESS_NULL, .out = DF_PROCESS_PIPE};
    DF_TRY(df_process_start(&options, &tool, err));
    df_code code = bk_pump_out(m, &tool, NULL, err);
    df_process_release(&tool);
    return code;
}

static df_code put_name(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_json_add_str(context, NULL, row->values[0].s);
    return DF_OK;
}

static df_code put_extension(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_json_begin(context, NULL, '[');
    for (size_t i = 0; i < 2; i++) df_json_add_str(context, NULL, row->values[i].s);
    df_json_end(context, ']');
    return DF_OK;
}

/* Still in the snapshot. */
static df_code conclude(bk_making *m, df_json_writer *w, df_error *err)
{
    df_json_begin(w, "schemas", '[');
    DF_TRY(df_query(m->conn, SQL_pg_schemas, NULL, 0, put_name, w, err));
    df_json_end(w, ']');
    df_json_begin(w, "extensions", '[');
    DF_TRY(df_query(m->conn, SQL_pg_extensions, NULL, 0, put_extension, w, err));
    df_json_end(w, ']');
    return df_exec(m->conn, "COMMIT", NULL, 0, NULL, err);
}

/* ---- loading ---- */

typedef struct shell {
    df_process restore, psql; /* pg_restore's output is psql's input */
    int script;               /* what psql runs first; -1: nothing */
    const df_observer *observer;
} shell;

static void put_setting(const bk_loading *l, df_buf *script, const char *name)
{
    df_buf json = {0};
    df_json value = df_json_get(l->manifest, name);
    if (df_json_typeof(value) == DF_JSON_ARRAY)
        df_json_put(&json, value);
    else
        df_buf_text(&json, "[]");
    df_buf_printf(script, "SET LOCAL dataflow.%s = ", name);
    df_sql_put_literal(df_conn_dialect(l->conn), script, df_buf_str(&json));
    df_buf_text(script, ";\n");
    df_buf_release(&json);
}

static df_code make_clearing(const bk_loading *l, int *fd, df_error *err)
{
    df_buf script = {0};
    df_value may;
    DF_TRY(df_query_value(l->conn,
                          "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')",
                          NULL, 0, l->arena, &may, err));
    df_buf_printf(
        &script,
        "BEGIN;\nSET LOCAL lock_timeout = %d;\nSET LOCAL statement_timeout = 0;\n"
        "SET LOCAL idle_in_transaction_session_timeout = 0;\nSET LOCAL client_min_messages = error;\n"
        "SET LOCAL search_path = pg_catalog;\n",
        LOCK_WAIT_MS);
    put_setting(l, &script, "extensions");
    put_setting(l, &script, "schemas");
    df_buf_text(&script, SQL_pg_clear);
    if (may.i) bk_state_script(l->conn, &l->state, &script);
    df_code code = df_memory_file(df_buf_str(&script), fd, err);
    df_buf_release(&script);
    return code;
}

static df_code start_psql(const bk_loading *l, shell *s, const char *folder, const char *const *environment,
                          int in, df_error *err)
{
    const char *argv[16] = {program(l->arena, folder, "psql"),
                            "--no-psqlrc",
                            "--quiet",
                            "--no-password",
                            "--variable=ON_ERROR_STOP=1",
                            "--variable=VERBOSITY=verbose",
                            "--output=/dev/null"};
    size_t n = 7;
    if (s->script >= 0) argv[n++] = df_arena_printf(l->arena, "--file=/dev/fd/%d", s->script);
    argv[n] = "--file=-";
    df_process_options options = {.argv = argv,
                                  .environment = environment,
                                  .in = in,
                                  .out = DF_PROCESS_NULL,
                                  .keep = &s->script,
                                  .n_keep = s->script >= 0};
    return df_process_start(&options, &s->psql, err);
}

static df_code start(const bk_loading *l, shell *s, const char *folder, df_error *err)
{
    df_tool_access access;
    int between[2];
    DF_TRY(df_tool_access_get(l->conn, l->arena, &access, err));
    size_t n = 0;
    while (access.environment[n]) n++;
    const char **environment = df_arena_alloc(l->arena, (n + 2) * sizeof *environment);
    memcpy(environment, access.environment, n * sizeof *environment);
    environment[n] = "PGAPPNAME=dataflow restore";
    environment[n + 1] = NULL;
    DF_TRY(df_process_pipe(between, err));
    df_code code = start_psql(l, s, folder, environment, between[0], err);
    if (code == DF_OK) {
        const char *const argv[] = {program(l->arena, folder, "pg_restore"), "--single-transaction",
                                    "--file=-", NULL};
        df_process_options options = {
            .argv = argv, .environment = environment, .in = DF_PROCESS_PIPE, .out = between[1]};
        code = df_process_start(&options, &s->restore, err);
    }
    close(between[0]);
    close(between[1]);
    s->restore.beside = &s->psql;
    return code;
}

/* "… ERROR:  55P03: canceling …": the code between two colons, whatever the language. */
static void find_sqlstate(df_str said, char out[6])
{
    out[0] = '\0';
    for (size_t i = 0; i + 10 < said.len; i++) {
        if (memcmp(said.ptr + i, ":  ", 3) != 0 || said.ptr[i + 8] != ':') continue;
        size_t good = 0;
        while (good < 5 && ((said.ptr[i + 3 + good] >= '0' && said.ptr[i + 3 + good] <= '9') ||
                            (said.ptr[i + 3 + good] >= 'A' && said.ptr[i + 3 + good] <= 'Z')))
            good++;
        if (good < 5) continue;
        memcpy(out, said.ptr + i + 3, 5);
        out[5] = '\0';
    }
}

static df_code put_holder(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_buf *text = context;
    const df_value *v = row->values;
    df_buf_printf(text, "%spid %lld (%.*s, %.*s", text->len ? "; " : "", (long long)v[0].i, DF_FMT(v[1].s),
                  DF_FMT(v[2].s));
    if (v[3].type == DF_DOUBLE) {
        df_buf_text(text, " for ");
        df_put_duration(text, v[3].d);
    }
    df_buf_printf(text, "): %.*s", DF_FMT(v[4].s));
    return DF_OK;
}

static df_code blocked(const bk_loading *l, df_error *err)
{
    df_buf text = {0};
    df_error ignored;
    if (df_query(l->conn, SQL_pg_holders, NULL, 0, put_holder, &text, &ignored) != DF_OK) df_buf_clear(&text);
    df_fail(err, DF_LOCKED,
            "nothing was changed: other sessions use the database, and the restore waited %d s for %s",
            LOCK_WAIT_MS / 1000, text.len ? df_buf_cstr(&text) : "their locks");
    df_error_hint(err, "stop the traffic, or end them: SELECT pg_terminate_backend(pid)");
    df_buf_release(&text);
    return DF_LOCKED;
}

static const struct {
    const char *state;
    df_code code;
    const char *hint;
} known_failures[] = {
    {"42501", DF_PERMISSION, "restore as the owner of the database's objects, or as a superuser"},
    {"53100", DF_DISK_FULL, "free space on the disk of the database, then run the same command again"},
    {"53200", DF_FAILED, "raise max_locks_per_transaction: a restore locks every table in one transaction"},
    {"57P01", DF_CONNECT, NULL},
    {"08006", DF_CONNECT, NULL},
};

/* The places in the server's source, which come with the SQLSTATE, are of no use here. */
static bool is_complaint(df_str line)
{
    return !df_str_starts(line, DF_STR("LOCATION:"));
}

/* psql knows best; pg_restore only complains when its reader is gone. */
static df_code psql_failed(const bk_loading *l, shell *s, df_error *err)
{
    char state[6];
    find_sqlstate(df_buf_str(&s->psql.said), state);
    if (strcmp(state, "55P03") == 0) return blocked(l, err);
    bk_keep_lines(&s->psql, is_complaint);
    df_code code = df_process_failed(&s->psql, err);
    for (size_t i = 0; i < sizeof known_failures / sizeof *known_failures; i++) {
        if (strcmp(state, known_failures[i].state) != 0) continue;
        code = known_failures[i].code;
        if (known_failures[i].hint) df_error_hint(err, "%s", known_failures[i].hint);
    }
    if (WIFEXITED(s->psql.status) && WEXITSTATUS(s->psql.status) == 2) code = DF_CONNECT;
    if (err) {
        err->code = code;
        snprintf(err->native, sizeof err->native, "%s", state);
        snprintf(err->engine, sizeof err->engine, "postgres");
    }
    return code;
}

static df_code put_bytes(void *context, df_str bytes, df_error *err)
{
    shell *s = context;
    return df_process_write(&s->restore, bytes.ptr, bytes.len, s->observer, err);
}

/*
 * pg_restore first: only when it has ended well has its COMMIT been written, and psql's end is the end of the
 * transaction. When both have failed, psql's story is the one to tell: pg_restore's reader was gone.
 */
static df_code finish(const bk_loading *l, shell *s, df_code pumped, df_error *err)
{
    df_error other = {0};
    if (pumped != DF_OK && pumped != DF_FAILED) return pumped;
    df_code code = df_process_end(&s->restore, s->observer, err);
    if (code == DF_CANCELLED) return code;
    df_code ended = df_process_end(&s->psql, s->observer, &other);
    if (ended == DF_FAILED) return psql_failed(l, s, err);
    if (code == DF_OK && ended != DF_OK && err) *err = other;
    return code != DF_OK ? code : ended;
}

static df_code load(bk_loading *l, df_error *err)
{
    shell s = {.script = -1, .observer = l->place->observer};
    const char *folder, *version;
    DF_TRY(bk_postgres_tools(df_conn_server(l->conn), l->arena, &folder, &version, err));
    df_code code = l->live ? make_clearing(l, &s.script, err) : DF_OK;
    if (code == DF_OK) code = start(l, &s, folder, err);
    if (code == DF_OK) {
        code = bk_pump_in(l, put_bytes, &s, err);
        code = finish(l, &s, code, err);
    }
    df_process_release(&s.restore);
    df_process_release(&s.psql);
    if (s.script >= 0) close(s.script);
    return code;
}

/* ---- what it is called, what it holds ---- */

static df_code name_of(const df_backup_place *place, df_arena *arena, df_str *out, df_error *err)
{
    return bk_database_name(place, "SELECT current_database()", arena, out, err);
}

/* As it was when the backup's tables were counted. */
static df_code settle(df_conn *conn, df_error *err)
{
    return df_exec_script(conn,
                          "SET statement_timeout = 0; SET IntervalStyle = 'postgres'; SET lc_monetary = 'C';"
                          "SET search_path = ''; BEGIN",
                          err);
}

const bk_engine bk_postgres_engine = {
    .name = "postgres",
    .format = "pg_dump custom",
    .prepare = prepare,
    .describe = describe,
    .conclude = conclude,
    .dump = dump,
    .load = load,
    .counter = &bk_postgres_counter,
    .database = name_of,
    .ping = "SELECT 1",
    .state = &bk_postgres_state,
    .scratch = &bk_postgres_scratch,
    .settle = settle,
};
