/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/copy.h"

#include "engine/driver.h"

#include <stdio.h>

/* Wrappers watch statements, and these are none. */
static df_conn *innermost(df_conn *conn)
{
    while (conn->driver->inner) conn = conn->driver->inner(conn);
    return conn;
}

static df_code unsupported(const df_conn *conn, const char *what, df_error *err)
{
    df_fail(err, DF_UNSUPPORTED, "%s %s", df_conn_server(conn), what);
    if (err) snprintf(err->engine, sizeof err->engine, "%s", conn->engine);
    return DF_UNSUPPORTED;
}

df_code df_tool_access_get(df_conn *conn, df_arena *arena, df_tool_access *out, df_error *err)
{
    conn = innermost(conn);
    *out = (df_tool_access){0};
    if (!conn->driver->tool_access) return unsupported(conn, "has no tools that would need an address", err);
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->tool_access(conn, arena, out, err), err);
}

typedef df_code (*copy_fn)(df_conn *conn, const char *path, const df_observer *observer, df_error *err);

static df_code copy(df_conn *conn, copy_fn fn, const char *path, const df_observer *observer, df_error *err)
{
    if (!fn) return unsupported(conn, "does not copy its databases by itself", err);
    if (conn->in_transaction) return df_fail(err, DF_BUG, "a database is not copied inside a transaction");
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, fn(conn, path, observer, err), err);
}

df_code df_backup_to(df_conn *conn, const char *path, const df_observer *observer, df_error *err)
{
    conn = innermost(conn);
    return copy(conn, conn->driver->backup_to, path, observer, err);
}

df_code df_backup_from(df_conn *conn, const char *path, const df_observer *observer, df_error *err)
{
    conn = innermost(conn);
    return copy(conn, conn->driver->backup_from, path, observer, err);
}
