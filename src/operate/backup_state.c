/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mark of a restore. Where the engine can, it comes into the database together with the restored content;
 * who finds it knows that the content is whole, and that only the records were not yet put right. Where the
 * engine cannot (MariaDB), it is there before anything is dropped, and says which backup has the state from
 * before.
 */
#include "operate/backup_int.h"

#include "backup_sql_neo4j.h"
#include "backup_sql_postgres.h"
#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

/* In PostgreSQL a schema of its own, because every other one may come with the dump. */
#define TABLE_POSTGRES "_dataflow_restore.state"
#define TABLE          "_dataflow_restore_state"
#define COLUMNS(text)                                                                                        \
    " (backup_id VARCHAR(64) NOT NULL PRIMARY KEY, safety_id VARCHAR(64) NOT NULL, "                         \
    "state VARCHAR(20) NOT NULL, started_at VARCHAR(40) NOT NULL, host VARCHAR(255) NOT NULL, kept " text    \
    " NOT NULL)"
#define SELECT "SELECT backup_id, safety_id, state, started_at, host, kept FROM "

const bk_state_words bk_postgres_state = {
    .exists = SQL_pg_state_exists,
    .create = "CREATE TABLE IF NOT EXISTS " TABLE_POSTGRES COLUMNS("TEXT"),
    .remove = "DELETE FROM " TABLE_POSTGRES,
    .insert = "INSERT INTO " TABLE_POSTGRES " VALUES (?, ?, ?, ?, ?, ?)",
    .select = SELECT TABLE_POSTGRES,
    .drop = "DROP SCHEMA _dataflow_restore CASCADE",
};
const bk_state_words bk_mariadb_state = {
    .exists = "SELECT COUNT(*) FROM information_schema.TABLES "
              "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" TABLE "'",
    .create = "CREATE TABLE IF NOT EXISTS " TABLE COLUMNS("LONGTEXT"), /* its TEXT holds 64 KiB */
    .remove = "DELETE FROM " TABLE,
    .insert = "INSERT INTO " TABLE " VALUES (?, ?, ?, ?, ?, ?)",
    .select = SELECT TABLE,
    .drop = "DROP TABLE " TABLE,
};
const bk_state_words bk_sqlite_state = {
    .exists = "SELECT count(*) FROM sqlite_schema WHERE name = '" TABLE "'",
    .create = "CREATE TABLE IF NOT EXISTS " TABLE COLUMNS("TEXT"),
    .remove = "DELETE FROM " TABLE,
    .insert = "INSERT INTO " TABLE " VALUES (?, ?, ?, ?, ?, ?)",
    .select = SELECT TABLE,
    .drop = "DROP TABLE " TABLE,
};
const bk_state_words bk_neo4j_state = {
    .exists = SQL_neo_state_exists,
    .remove = SQL_neo_state_remove,
    .insert = SQL_neo_state_insert,
    .select = SQL_neo_state_select,
};

static df_code words_of(const df_conn *conn, const bk_state_words **out, df_error *err)
{
    const bk_engine *engine;
    DF_TRY(bk_engine_of(conn, &engine, err));
    *out = engine->state;
    return DF_OK;
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

df_code bk_state_read(df_conn *conn, df_arena *arena, bk_state *out, df_error *err)
{
    kept k = {arena, out};
    df_value exists;
    const bk_state_words *words;
    *out = (bk_state){0};
    DF_TRY(words_of(conn, &words, err));
    DF_TRY(df_query_value(conn, words->exists, NULL, 0, arena, &exists, err));
    if (!exists.i) return DF_OK;
    return df_query(conn, words->select, NULL, 0, keep_state, &k, err);
}

enum { STATE_COLUMNS = 6 };

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
    df_buf_printf(out,
                  "CREATE SCHEMA IF NOT EXISTS _dataflow_restore;\n%s;\n%s;\n"
                  "INSERT INTO " TABLE_POSTGRES " VALUES (",
                  bk_postgres_state.create, bk_postgres_state.remove);
    for (size_t i = 0; i < STATE_COLUMNS; i++) {
        df_buf_text(out, i ? ", " : "");
        df_sql_put_literal(df_conn_dialect(conn), out, values.texts[i]);
    }
    df_buf_text(out, ");\n");
}

df_code bk_state_write(df_conn *conn, const bk_state *state, df_error *err)
{
    state_values values;
    df_value params[STATE_COLUMNS];
    const bk_state_words *words;
    DF_TRY(words_of(conn, &words, err));
    fill_values(state, &values);
    for (size_t i = 0; i < STATE_COLUMNS; i++) params[i] = df_v_str(values.texts[i]);
    if (words->create) DF_TRY(df_exec(conn, words->create, NULL, 0, NULL, err));
    /* At no moment there is none. */
    DF_TRY(df_begin(conn, err));
    df_code code = df_exec(conn, words->remove, NULL, 0, NULL, err);
    if (code == DF_OK) code = df_exec(conn, words->insert, params, STATE_COLUMNS, NULL, err);
    if (code == DF_OK) code = df_commit(conn, err);
    df_rollback(conn);
    return code;
}

/* Without its row it means nothing. It may stay where dropping is not wanted (an event trigger may refuse
 * it). */
df_code bk_state_clear(df_conn *conn, df_error *err)
{
    df_error ignored;
    df_arena arena = {0};
    df_value exists;
    const bk_state_words *words;
    DF_TRY(words_of(conn, &words, err));
    df_code code = df_query_value(conn, words->exists, NULL, 0, &arena, &exists, err);
    df_arena_release(&arena);
    if (code != DF_OK || !exists.i) return code;
    DF_TRY(df_exec(conn, words->remove, NULL, 0, NULL, err));
    return words->drop && df_exec(conn, words->drop, NULL, 0, NULL, &ignored) == DF_CONNECT
               ? df_fail(err, DF_CONNECT, "%s", ignored.message)
               : DF_OK;
}

df_code bk_half_done(const bk_loading *l, df_error *err)
{
    df_error_prefix(err, "the restore of %s stopped half-way", l->id);
    if (l->state.safety && *l->state.safety)
        df_error_hint(err,
                      "run the same restore again, or go back to where it began: dataflow backup restore %s",
                      l->state.safety);
    else
        df_error_hint(err, "run the same restore again, or restore another backup");
    if (err) err->code = DF_INCOMPLETE;
    return DF_INCOMPLETE;
}
