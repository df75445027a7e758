/* SPDX-License-Identifier: Apache-2.0 */
/* MariaDB and MySQL, through libmariadb. */
#include "engine/mariadb/private.h"

extern const df_driver df_mariadb_driver;

static df_code begin(df_conn *conn, df_error *err)
{
    return my_simple(my_of(conn), "START TRANSACTION", err);
}

static df_code commit(df_conn *conn, df_error *err)
{
    return my_simple(my_of(conn), "COMMIT", err);
}

static void rollback(df_conn *conn)
{
    df_error ignored;
    df_code code = my_simple(my_of(conn), "ROLLBACK", &ignored);
    (void)code; /* a lost connection has rolled back, too */
}

static const char *const schemes[] = {"mariadb", "mysql", NULL};

const df_driver df_mariadb_driver = {
    .name = "mariadb",
    .schemes = schemes,
    .caps = DF_CAP_SERVER | DF_CAP_CONCURRENT_WRITES | DF_CAP_SQL,
    .dialect = &df_sql_mariadb,
    .conn_size = sizeof(my_conn),
    .open = my_open,
    .close = my_close,
    .run = my_run,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .bulk_load = my_bulk_load,
    .try_lock = my_try_lock,
    .unlock = my_unlock,
    .lock_held = my_lock_held,
    .in_transaction = my_in_transaction,
    .set_limits = my_set_limits,
    .reset = my_reset,
    .session_get = my_session_get,
    .savepoint = my_savepoint,
    .rollback_to = my_rollback_to,
    .inspect = my_inspect,
    .object_state = my_object_state,
    .cancel = my_cancel,
    .session_alive = my_session_alive,
    .session_end = my_session_end,
    .session_pooled = my_session_pooled,
    .tool_access = my_tool_access,
};
