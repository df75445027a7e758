/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite: a file, one writer at a time, many readers. */
#include "engine/sqlite/private.h"

extern const df_driver df_sqlite_driver;

/* Takes the lock for writing at once: a transaction that reads first could not get it later without a retry.
 */
static df_code begin(df_conn *conn, df_error *err)
{
    sl_conn *c = sl_of(conn);
    DF_TRY(sl_ready(c, err));
    return sl_simple(c, c->read_only ? "BEGIN" : "BEGIN IMMEDIATE", err);
}

static df_code commit(df_conn *conn, df_error *err)
{
    return sl_simple(sl_of(conn), "COMMIT", err);
}

/* A full disk or an interrupt may have rolled back already. */
static void rollback(df_conn *conn)
{
    sl_conn *c = sl_of(conn);
    df_error ignored;
    if (sqlite3_get_autocommit(c->db)) return;
    if (sl_simple(c, "ROLLBACK", &ignored) != DF_OK) sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
}

static void cancel(df_conn *conn)
{
    sqlite3 *db = atomic_load(&sl_of(conn)->db);
    if (db) sqlite3_interrupt(db);
}

static const char *const schemes[] = {"sqlite", NULL};

const df_driver df_sqlite_driver = {
    .name = "sqlite",
    .schemes = schemes,
    .caps = DF_CAP_TRANSACTIONAL_DDL | DF_CAP_SQL | DF_CAP_SINGLE_WRITER,
    .dialect = &df_sql_sqlite,
    .conn_size = sizeof(sl_conn),
    .open = sl_open,
    .close = sl_close,
    .run = sl_run,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .bulk_load = sl_bulk_load,
    .try_lock = sl_try_lock,
    .unlock = sl_unlock,
    .lock_held = sl_lock_held,
    .in_transaction = sl_in_transaction,
    .set_limits = sl_set_limits,
    .reset = sl_reset,
    .rehearse_commit = sl_rehearse_commit,
    .session_get = sl_session_get,
    .savepoint = sl_savepoint,
    .rollback_to = sl_rollback_to,
    .inspect = sl_inspect,
    .object_state = sl_object_state,
    .cancel = cancel,
    .backup_to = sl_backup_to,
    .backup_from = sl_backup_from,
};
