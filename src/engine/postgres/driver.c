/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL, through libpq. */
#include "engine/postgres/private.h"

extern const df_driver df_postgres_driver;

static df_code begin(df_conn *conn, df_error *err)
{
    pg_conn *c = pg_of(conn);
    df_buf sql = {0};
    df_buf_text(&sql, "BEGIN");
    pg_put_limits(c, &sql);
    df_code code = pg_simple(c, df_buf_cstr(&sql), err);
    if (code == DF_OK) pg_limits_sent(c);
    df_buf_release(&sql);
    return code;
}

static df_code commit(df_conn *conn, df_error *err)
{
    pg_conn *c = pg_of(conn);
    DF_TRY(pg_simple(c, "COMMIT", err));
    bool committed = strcmp(c->tag, "COMMIT") == 0;
    pg_note_end(c, committed);
    if (committed) return DF_OK;
    return df_fail(err, DF_FAILED, "the transaction had failed, and was rolled back");
}

static void rollback(df_conn *conn)
{
    df_error ignored;
    pg_conn *c = pg_of(conn);
    pg_drain(c);
    if (pg_in_transaction(conn)) {
        df_code code = pg_simple(c, "ROLLBACK", &ignored);
        (void)code; /* a lost connection has rolled back, too */
    }
    pg_note_end(c, false);
}

static void cancel(df_conn *conn)
{
    char ignored[256];
    pg_conn *c = pg_of(conn);
    if (c->cancel) pq->cancel(c->cancel, ignored, sizeof ignored);
}

static const char *const schemes[] = {"postgresql", "postgres", NULL};

const df_driver df_postgres_driver = {
    .name = "postgres",
    .schemes = schemes,
    .caps = DF_CAP_TRANSACTIONAL_DDL | DF_CAP_SCHEMAS | DF_CAP_SERVER | DF_CAP_CONCURRENT_WRITES |
            DF_CAP_SQL | DF_CAP_OBSERVE | DF_CAP_XACT_OUTCOME,
    .dialect = &df_sql_postgres,
    .conn_size = sizeof(pg_conn),
    .open = pg_open,
    .close = pg_close,
    .run = pg_run,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .bulk_load = pg_bulk_load,
    .try_lock = pg_try_lock,
    .unlock = pg_unlock,
    .lock_held = pg_lock_held,
    .in_transaction = pg_in_transaction,
    .set_limits = pg_set_limits,
    .reset = pg_reset,
    .rehearse_commit = pg_rehearse_commit,
    .session_get = pg_session_get,
    .savepoint = pg_savepoint,
    .rollback_to = pg_rollback_to,
    .inspect = pg_inspect,
    .object_state = pg_object_state,
    .cancel = cancel,
    .tool_access = pg_tool_access,
    .session_alive = pg_session_alive,
    .session_end = pg_session_end,
    .session_pooled = pg_session_pooled,
    .transaction_id = pg_transaction_id,
    .transaction_outcome = pg_transaction_outcome,
    .observe_begin = pg_observe_begin,
    .copy_in = pg_copy_in,
    .exec_many = pg_exec_many,
};
