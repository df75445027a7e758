/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a ledger, and making or upgrading its tables. */
#include "ledger/ledger_int.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Whoever upgrades waits no longer than this for another who does. */
enum { TABLES_WAIT_MS = 30 * 1000 };
static const char TABLES_LOCK[] = "dataflow tables";

const char *const df_ledger_tables[] = {"_migration_meta",
                                        "_migration_history",
                                        "_migration_locks",
                                        "_migration_audit_log",
                                        "_migration_audit_log_audit_id_seq",
                                        "_migration_rollback_history",
                                        "_migration_rollback_history_rollback_id_seq",
                                        "_migration_performance_metrics",
                                        "_migration_performance_metrics_metric_id_seq",
                                        "_migration_journal",
                                        "_migration_sources",
                                        "_migration_schema",
                                        "_migration_schema_schema_id_seq",
                                        "_migration_versions",
                                        "_backup_history",
                                        "_backup_restoration_history",
                                        "_backup_restoration_history_restoration_id_seq",
                                        "v_migration_status",
                                        "dataflow_migration_locks",
                                        NULL};

const char *const *df_ledger_names(const df_conn *conn)
{
    static const char *const labels[] = {"Migration", "_Migration*", NULL};
    return df_conn_caps(conn) & DF_CAP_SQL ? df_ledger_tables : labels;
}

/* ---- opening ---- */

typedef struct place {
    df_arena *arena;
    df_str scope;
    bool found;
    int64_t version; /* -1: to be asked for */
} place;

static df_code take_place(void *context, const df_row *row, df_error *err)
{
    (void)err;
    place *p = context;
    p->scope = ledger_text_of(&row->values[0], p->arena);
    p->found = ledger_int_of(&row->values[1], 0) != 0;
    p->version = row->count > 2 ? ledger_int_of(&row->values[2], 0) : -1;
    return DF_OK;
}

static df_code find_tables(df_ledger *ledger, df_error *err)
{
    df_arena arena = {0};
    const char *named = df_conn_schema(ledger->conn);
    df_value schema = df_v_text(named ? named : "public");
    bool schemas = (df_conn_caps(ledger->conn) & DF_CAP_SCHEMAS) != 0;
    place p = {.arena = &arena};
    df_code code =
        df_query(ledger->conn, ledger->dialect->sql[LEDGER_find], &schema, schemas, take_place, &p, err);
    if (code == DF_OK && !p.scope.ptr) {
        code = df_fail(err, DF_USAGE, "the database URL names no database");
        df_error_hint(err, "put its name at the end of the URL's path: mariadb://user@host/NAME");
    }
    if (code == DF_OK) {
        df_buf prefix = {0};
        df_sql_put_name(df_conn_dialect(ledger->conn), &prefix, p.scope);
        df_buf_char(&prefix, '.');
        df_buf_cstr(&prefix);
        ledger->prefix = prefix.ptr;
        ledger->scope = df_strdup(p.scope);
        if (p.version > 0) ledger->version = p.version;
        if (p.found && p.version < 0) code = ledger_ask(ledger, LEDGER_version, NULL, 0, 0, &ledger->version, err);
    }
    df_arena_release(&arena);
    return code;
}

static char *operating_system_user(void)
{
    char space[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(geteuid(), &entry, space, sizeof space, &found) == 0 && found)
        return df_strdup(df_str_from(found->pw_name));
    snprintf(space, sizeof space, "uid %lld", (long long)geteuid());
    return df_strdup(df_str_from(space));
}

static const ledger_dialect *dialect_of(const df_conn *conn)
{
    static const ledger_dialect *const all[] = {&ledger_postgres, &ledger_mariadb, &ledger_sqlite, &ledger_neo4j};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i]->engine, df_conn_engine(conn)) == 0) return all[i];
    }
    return NULL;
}

static char *copy_or(const char *text, const char *otherwise)
{
    return text || otherwise ? df_strdup(df_str_from(text ? text : otherwise)) : NULL;
}

/* An engine that has something better to say has said it. */
static void hint_rights(df_code code, df_error *err, const char *hint)
{
    if (code == DF_PERMISSION && err && !*err->hint) df_error_hint(err, "%s", hint);
}

df_code df_ledger_open(df_conn *conn, const df_ledger_options *options, df_ledger **out, df_error *err)
{
    static const df_ledger_options defaults = {0};
    const ledger_dialect *dialect = dialect_of(conn);
    if (!options) options = &defaults;
    if (!dialect) {
        return df_fail(err, DF_UNSUPPORTED, "a history cannot be kept in this kind of database (%s)",
                       df_conn_engine(conn));
    }
    df_ledger *ledger = df_zalloc(sizeof *ledger);
    ledger->conn = conn;
    ledger->dialect = dialect;
    ledger->observer = options->observer;
    ledger->url = copy_or(options->url, NULL);
    ledger->environment = copy_or(options->environment, "development");
    ledger->actor = options->actor ? copy_or(options->actor, NULL) : operating_system_user();
    ledger->program = copy_or(options->program, "libdataflow " DF_VERSION);
    df_code code = find_tables(ledger, err);
    if (code != DF_OK) {
        df_ledger_close(ledger);
        hint_rights(code, err,
                    "its tables are another user's: connect as that one, or GRANT this one SELECT, INSERT, UPDATE and DELETE on them "
                    "(PostgreSQL: and USAGE on their sequences)");
        return df_error_prefix(err, "looking for the migration history");
    }
    *out = ledger;
    return DF_OK;
}

void df_ledger_close(df_ledger *ledger)
{
    if (!ledger) return;
    ledger_lease_forget(ledger);
    for (size_t i = 0; i < LEDGER_SQL_COUNT; i++) free(ledger->texts[i]);
    if (ledger->json) df_json_parser_close(ledger->json);
    free(ledger->url);
    free(ledger->environment);
    free(ledger->actor);
    free(ledger->program);
    free(ledger->scope);
    free(ledger->prefix);
    free(ledger);
}

bool df_ledger_exists(const df_ledger *ledger)
{
    return ledger->version > 0;
}

int64_t df_ledger_version(const df_ledger *ledger)
{
    return ledger->version;
}

const char *df_ledger_actor(const df_ledger *ledger)
{
    return ledger->actor;
}

void df_ledger_rebind(df_ledger *ledger, df_conn *conn)
{
    ledger_lease_forget(ledger);
    ledger->conn = conn;
    ledger->has_session = ledger->unpooled = false;
}

df_code ledger_need(const df_ledger *ledger, df_error *err)
{
    if (ledger->version > LEDGER_VERSION) return ledger_refuse_newer(ledger, err);
    if (ledger->version > 0) return DF_OK;
    df_fail(err, DF_NOT_FOUND, "there is no migration history in this database");
    df_error_hint(err, "run: dataflow init");
    return DF_NOT_FOUND;
}

df_code ledger_session(df_ledger *ledger, df_error *err)
{
    if (ledger->has_session) return DF_OK;
    DF_TRY(df_session_get(ledger->conn, &ledger->session, err));
    ledger->has_session = true;
    return DF_OK;
}

/* ---- creating and upgrading ---- */

df_code ledger_refuse_newer(const df_ledger *ledger, df_error *err)
{
    df_fail(err, DF_UNSUPPORTED, "the migration history has version %lld, this program knows only up to %d",
            (long long)ledger->version, LEDGER_VERSION);
    df_error_hint(err, "use the newer program that made it");
    return DF_UNSUPPORTED;
}

static df_code run_script(df_ledger *ledger, const char *sql, df_error *err)
{
    df_buf text = {0};
    ledger_expand(ledger, sql, &text);
    df_code code = df_exec_script(ledger->conn, df_buf_cstr(&text), err);
    df_buf_release(&text);
    return code;
}

/* "table column definition": adds the column when the table lacks it. */
static df_code add_column(df_ledger *ledger, df_str line, df_error *err)
{
    const char *blank = memchr(line.ptr, ' ', line.len);
    df_str table = {line.ptr, (size_t)(blank - line.ptr)}, rest = df_str_skip(line, table.len + 1);
    blank = memchr(rest.ptr, ' ', rest.len);
    df_str column = {rest.ptr, (size_t)(blank - rest.ptr)};
    df_value names[2] = {df_v_str(table), df_v_str(column)};
    df_arena arena = {0};
    df_value found;
    df_code code = df_query_value(ledger->conn, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", names, 2,
                                  &arena, &found, err);
    if (code == DF_NOT_FOUND) {
        df_buf sql = {0};
        df_buf_printf(&sql, "ALTER TABLE %s%.*s ADD COLUMN %.*s", ledger->prefix, DF_FMT(table),
                      DF_FMT(rest));
        code = df_exec(ledger->conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
        df_buf_release(&sql);
    }
    df_arena_release(&arena);
    return code;
}

static df_code add_columns(df_ledger *ledger, const char *lines, df_error *err)
{
    for (df_str rest = df_str_from(lines); rest.len;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        df_str line = {rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        if (line.len) DF_TRY(add_column(ledger, line, err));
        rest = df_str_skip(rest, line.len + (end != NULL));
    }
    return DF_OK;
}

/* The schema that the URL names may have to be made; asked first, since making needs a right even where it
 * exists. */
static df_code make_scope(df_ledger *ledger, df_error *err)
{
    if (!ledger->dialect->sql[LEDGER_has_schema]) return DF_OK;
    int64_t there;
    df_value name = df_v_text(ledger->scope);
    DF_TRY(ledger_ask(ledger, LEDGER_has_schema, &name, 1, 0, &there, err));
    if (there) return DF_OK;
    df_buf sql = {0};
    df_buf_text(&sql, "CREATE SCHEMA ");
    df_sql_put_name(df_conn_dialect(ledger->conn), &sql, df_str_from(ledger->scope));
    df_code code = df_exec(ledger->conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
    df_buf_release(&sql);
    return code;
}

/* Where DDL commits by itself a run that died half-way is simply repeated: the version comes last. */
static df_code make_tables(df_ledger *ledger, df_error *err)
{
    const ledger_dialect *d = ledger->dialect;
    df_conn *conn = ledger->conn;
    bool transactional = (df_conn_caps(conn) & DF_CAP_TRANSACTIONAL_DDL) != 0;
    df_value version[] = {df_v_int(LEDGER_VERSION), df_v_text(ledger->program)};
    if (transactional) DF_TRY(df_begin(conn, err));
    df_code code = make_scope(ledger, err);
    if (code == DF_OK) code = run_script(ledger, d->sql[LEDGER_schema], err);
    if (code == DF_OK && d->sql[LEDGER_columns]) code = add_columns(ledger, d->sql[LEDGER_columns], err);
    if (code == DF_OK && d->sql[LEDGER_rest]) code = run_script(ledger, d->sql[LEDGER_rest], err);
    if (code == DF_OK) code = ledger_exec(ledger, LEDGER_version_write, version, 2, NULL, err);
    if (code == DF_OK && transactional) code = df_commit(conn, err);
    if (code != DF_OK) df_rollback(conn);
    if (err && code != DF_OK) err->statement = 0;
    return code;
}

/* A named lock behind a transaction pooler would stay with a session that nobody finds again. */
df_code ledger_refuse_pooler(df_ledger *ledger, df_error *err)
{
    bool pooled;
    char how[200];
    if (!ledger->url || ledger->unpooled) return DF_OK;
    DF_TRY(df_session_pooled(ledger->conn, ledger->url, &pooled, how, err));
    ledger->unpooled = !pooled;
    if (!pooled) return DF_OK;
    df_fail(
        err, DF_UNSUPPORTED,
        "between this program and the database stands a pooler that gives each transaction another session "
        "(%s): no lock holds there",
        how);
    df_error_hint(err, "connect to the database server's own port, or set the pooler to session mode "
                       "(PgBouncer: pool_mode = session) for this user");
    return DF_UNSUPPORTED;
}

void ledger_look_anew(df_ledger *ledger)
{
    free(ledger->scope);
    free(ledger->prefix);
    ledger->scope = ledger->prefix = NULL;
    ledger->version = 0;
    for (size_t i = 0; i < LEDGER_SQL_COUNT; i++) {
        free(ledger->texts[i]);
        ledger->texts[i] = NULL;
    }
}

df_code df_ledger_create(df_ledger *ledger, df_error *err)
{
    bool taken;
    if (ledger->version > LEDGER_VERSION) return ledger_refuse_newer(ledger, err);
    if (ledger->version == LEDGER_VERSION) return DF_OK;
    DF_TRY(ledger_refuse_pooler(ledger, err));
    DF_TRY(df_lock(ledger->conn, TABLES_LOCK, TABLES_WAIT_MS, &taken, err));
    if (!taken) {
        return df_fail(err, DF_LOCKED, "another run has been making the migration history's tables for %d s",
                       TABLES_WAIT_MS / 1000);
    }
    /* Somebody else may have done it while this one waited. */
    ledger_look_anew(ledger);
    df_code code = find_tables(ledger, err);
    if (code == DF_OK && ledger->version > LEDGER_VERSION) code = ledger_refuse_newer(ledger, err);
    if (code == DF_OK && ledger->version < LEDGER_VERSION) code = make_tables(ledger, err);
    if (code == DF_OK) ledger->version = LEDGER_VERSION;
    hint_rights(code, err,
                "GRANT this user the right to make tables there, or let one that has it run `dataflow init` once and GRANT SELECT, INSERT, "
                "UPDATE and DELETE on them (PostgreSQL: and USAGE on their sequences)");
    if (code != DF_OK) df_error_prefix(err, "making the migration history's tables");
    df_code unlocked =
        df_conn_lost(ledger->conn) ? code : df_unlock(ledger->conn, TABLES_LOCK, code == DF_OK ? err : NULL);
    return code != DF_OK ? code : unlocked;
}
