/* SPDX-License-Identifier: Apache-2.0 */
/* Named locks: session-level advisory locks, whose 64-bit key is a hash of schema and name. */
#include "engine/postgres/private.h"

#include "base/hash.h"

#include <stdio.h>

static int64_t key_of(const pg_conn *c, const char *name)
{
    df_buf full = {0};
    df_buf_add(&full, c->base.schema, strlen(c->base.schema) + 1);
    df_buf_text(&full, name);
    int64_t key = (int64_t)df_hash(full.ptr, full.len).low;
    df_buf_release(&full);
    return key;
}

static df_code take_bool(void *context, const df_row *row, df_error *err)
{
    (void)err;
    *(bool *)context = row->values[0].i != 0;
    return DF_OK;
}

static df_code ask(df_conn *conn, const char *sql, const df_value *params, size_t n_params, bool *answer,
                   df_error *err)
{
    int64_t ignored;
    *answer = false;
    return pg_run(conn, sql, params, n_params, take_bool, answer, &ignored, err);
}

df_code pg_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err)
{
    df_value key = df_v_int(key_of(pg_of(conn), name));
    return ask(conn, "SELECT pg_try_advisory_lock(?)", &key, 1, taken, err);
}

df_code pg_unlock(df_conn *conn, const char *name, df_error *err)
{
    bool released;
    df_value key = df_v_int(key_of(pg_of(conn), name));
    DF_TRY(ask(conn, "SELECT pg_advisory_unlock(?)", &key, 1, &released, err));
    return released ? DF_OK : df_fail(err, DF_FAILED, "the lock \"%s\" is not held by this session", name);
}

df_code pg_lock_held(df_conn *conn, const char *name, bool *held, df_error *err)
{
    uint64_t key = (uint64_t)key_of(pg_of(conn), name);
    df_value halves[2] = {df_v_int((int64_t)(key >> 32)), df_v_int((int64_t)(key & 0xFFFFFFFF))};
    return ask(
        conn,
        "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid::bigint = ? AND objid::bigint = ?)",
        halves, 2, held, err);
}
