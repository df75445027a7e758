/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mark of a restore. Where the engine can, it comes into the database together with the restored content;
 * who finds it knows that the content is whole, and that only the records were not yet put right. Where the
 * engine cannot (MariaDB), it is there before anything is dropped, and says which backup has the state from
 * before.
 */
#include "operate/backup_int.h"

#include "backup_sql_postgres.h"
#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

static bool has_schemas(const df_conn *conn)
{
    return df_conn_caps(conn) & DF_CAP_SCHEMAS;
}

/* In PostgreSQL a schema of its own, because every other one may come with the dump. */
static const char *table_of(const df_conn *conn)
{
    return has_schemas(conn) ? "_dataflow_restore.state" : "_dataflow_restore_state";
}

typedef struct kept {
    df_arena *arena;
    bk_state *state;
} kept;

static df_code keep_state(void *context, const df_row *row, df_error *err)
{
    (void)err;
    kept *k = context;
    df_str texts[6];
    for (size_t i = 0; i < 6; i++) texts[i] = row->values[i].s;
    *k->state = (bk_state){.found = true,
                           .backup = df_arena_cstr(k->arena, texts[0]),
                           .safety = df_arena_cstr(k->arena, texts[1]),
                           .restored = df_str_is(texts[2], "restored"),
                           .started = df_arena_cstr(k->arena, texts[3]),
                           .host = df_arena_cstr(k->arena, texts[4]),
                           .kept = df_arena_cstr(k->arena, texts[5])};
    return DF_OK;
}

static const char *exists_sql(const df_conn *conn)
{
    if (has_schemas(conn)) return SQL_pg_state_exists;
    if (strcmp(df_conn_engine(conn), "sqlite") == 0)
        return "SELECT count(*) FROM sqlite_schema WHERE name = '_dataflow_restore_state'";
    return "SELECT COUNT(*) FROM information_schema.TABLES "
           "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '_dataflow_restore_state'";
}

df_code bk_state_read(df_conn *conn, df_arena *arena, bk_state *out, df_error *err)
{
    kept k = {arena, out};
    df_value exists;
    char sql[160];
    *out = (bk_state){0};
    DF_TRY(df_query_value(conn, exists_sql(conn), NULL, 0, arena, &exists, err));
    if (!exists.i) return DF_OK;
    snprintf(sql, sizeof sql, "SELECT backup_id, safety_id, state, started_at, host, kept FROM %s",
             table_of(conn));
    return df_query(conn, sql, NULL, 0, keep_state, &k, err);
}

enum { STATE_COLUMNS = 6 };

static void put_columns(df_conn *conn, df_buf *out)
{
    bool mariadb = strcmp(df_conn_engine(conn), "mariadb") == 0; /* its TEXT holds 64 KiB */
    df_buf_printf(
        out,
        "CREATE TABLE IF NOT EXISTS %s (backup_id VARCHAR(64) NOT NULL PRIMARY KEY, "
        "safety_id VARCHAR(64) NOT NULL, state VARCHAR(20) NOT NULL, started_at VARCHAR(40) NOT NULL, "
        "host VARCHAR(255) NOT NULL, kept %s NOT NULL)",
        table_of(conn), mariadb ? "LONGTEXT" : "TEXT");
}

typedef struct state_values {
    char now[40], host[256];
    df_str texts[STATE_COLUMNS];
} state_values;

static void fill_values(const bk_state *state, state_values *out)
{
    df_time_format(df_now_ms(), out->now);
    if (gethostname(out->host, sizeof out->host) != 0) strcpy(out->host, "localhost");
    out->host[sizeof out->host - 1] = '\0';
    const char *texts[STATE_COLUMNS] = {
        state->backup, state->safety, state->restored ? "restored" : "restoring",
        out->now,      out->host,     state->kept ? state->kept : "{}"};
    for (size_t i = 0; i < STATE_COLUMNS; i++) out->texts[i] = df_str_from(texts[i] ? texts[i] : "");
}

void bk_state_script(df_conn *conn, const bk_state *state, df_buf *out)
{
    state_values values;
    fill_values(state, &values);
    if (has_schemas(conn)) df_buf_text(out, "CREATE SCHEMA IF NOT EXISTS _dataflow_restore;\n");
    put_columns(conn, out);
    df_buf_printf(out, ";\nDELETE FROM %s;\nINSERT INTO %s VALUES (", table_of(conn), table_of(conn));
    for (size_t i = 0; i < STATE_COLUMNS; i++) {
        df_buf_text(out, i ? ", " : "");
        df_sql_put_literal(df_conn_dialect(conn), out, values.texts[i]);
    }
    df_buf_text(out, ");\n");
}

df_code bk_state_write(df_conn *conn, const bk_state *state, df_error *err)
{
    df_buf sql = {0};
    state_values values;
    df_value params[STATE_COLUMNS];
    fill_values(state, &values);
    for (size_t i = 0; i < STATE_COLUMNS; i++) params[i] = df_v_str(values.texts[i]);
    put_columns(conn, &sql);
    df_code code = df_exec(conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
    df_buf_clear(&sql);
    df_buf_printf(&sql, "DELETE FROM %s", table_of(conn));
    if (code == DF_OK) code = df_exec(conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
    df_buf_clear(&sql);
    df_buf_printf(&sql, "INSERT INTO %s VALUES (?, ?, ?, ?, ?, ?)", table_of(conn));
    if (code == DF_OK) code = df_exec(conn, df_buf_cstr(&sql), params, STATE_COLUMNS, NULL, err);
    df_buf_release(&sql);
    return code;
}

/* Without its row it means nothing. It may stay where dropping is not wanted (an event trigger may refuse
 * it). */
df_code bk_state_clear(df_conn *conn, df_error *err)
{
    char sql[100];
    df_error ignored;
    df_arena arena = {0};
    df_value exists;
    df_code code = df_query_value(conn, exists_sql(conn), NULL, 0, &arena, &exists, err);
    df_arena_release(&arena);
    if (code != DF_OK || !exists.i) return code;
    snprintf(sql, sizeof sql, "DELETE FROM %s", table_of(conn));
    DF_TRY(df_exec(conn, sql, NULL, 0, NULL, err));
    const char *drop =
        has_schemas(conn) ? "DROP SCHEMA _dataflow_restore CASCADE" : "DROP TABLE _dataflow_restore_state";
    return df_exec(conn, drop, NULL, 0, NULL, &ignored) == DF_CONNECT
               ? df_fail(err, DF_CONNECT, "%s", ignored.message)
               : DF_OK;
}
