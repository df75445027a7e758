/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL, through libpq. */
#include "engine/postgres/private.h"

extern const df_driver df_postgres_driver;

static df_code begin(df_conn *conn, df_error *err)
{
    return pg_simple(pg_of(conn), "BEGIN", NULL, err);
}

static df_code commit(df_conn *conn, df_error *err)
{
    char tag[64];
    DF_TRY(pg_simple(pg_of(conn), "COMMIT", tag, err));
    if (strcmp(tag, "COMMIT") == 0) return DF_OK;
    return df_fail(err, DF_FAILED, "the transaction had failed, and was rolled back");
}

static void rollback(df_conn *conn)
{
    df_error ignored;
    pg_conn *c = pg_of(conn);
    pg_drain(c);
    df_code code = pg_simple(c, "ROLLBACK", NULL, &ignored);
    (void)code; /* a lost connection has rolled back, too */
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
    .caps = DF_CAP_TRANSACTIONAL_DDL | DF_CAP_SCHEMAS | DF_CAP_SERVER | DF_CAP_CONCURRENT_WRITES | DF_CAP_SQL,
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
    .cancel = cancel,
    .tool_access = pg_tool_access,
};
