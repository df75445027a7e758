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

/* ---- graphs ---- */

static df_code graph_enter(df_conn *conn, df_error *err)
{
    if (!conn->driver->dump) return unsupported(conn, "has no graph", err);
    if (conn->in_transaction) return df_fail(err, DF_BUG, "a graph is not copied inside a transaction");
    return df_conn_enter(conn, err);
}

df_code df_content_digest(df_conn *conn, const df_content_options *options, df_content *out, df_error *err)
{
    conn = innermost(conn);
    *out = (df_content){0};
    DF_TRY(graph_enter(conn, err));
    return df_conn_leave(conn, conn->driver->content(conn, options, out, err), err);
}

df_code df_dump(df_conn *conn, const df_dump_options *options, df_write_fn write, void *context,
                df_dump_report *report, df_error *err)
{
    conn = innermost(conn);
    *report = (df_dump_report){0};
    DF_TRY(graph_enter(conn, err));
    return df_conn_leave(conn, conn->driver->dump(conn, options, write, context, report, err), err);
}

df_code df_dump_content(df_conn *conn, const df_content_options *options, df_read_fn read, void *context,
                        df_content *out, df_error *err)
{
    conn = innermost(conn);
    *out = (df_content){0};
    if (!conn->driver->dump_content) return unsupported(conn, "has no graph", err);
    return conn->driver->dump_content(options, read, context, out, err);
}

df_code df_load(df_conn *conn, const df_load_options *options, df_read_fn read, void *context, bool *begun,
                df_error *err)
{
    bool ignored;
    conn = innermost(conn);
    if (!begun) begun = &ignored;
    *begun = false;
    DF_TRY(graph_enter(conn, err));
    return df_conn_leave(conn, conn->driver->load(conn, options, read, context, begun, err), err);
}

df_code df_wipe(df_conn *conn, const df_load_options *options, df_error *err)
{
    conn = innermost(conn);
    DF_TRY(graph_enter(conn, err));
    return df_conn_leave(conn, conn->driver->wipe(conn, options, err), err);
}
