/* SPDX-License-Identifier: Apache-2.0 */
/* A driver that fails when it is told to: for tests of what follows a failure. */
#include "engine/wrap/private.h"

#include <stdlib.h>

typedef struct fault_conn {
    df_conn base;
    df_conn *inner; /* NULL once the connection was "lost" */
    df_fault *plan;
} fault_conn;

static fault_conn *fault_of(df_conn *conn)
{
    return (fault_conn *)conn;
}

static df_code fail_now(fault_conn *f, const char *call, df_error *err)
{
    f->plan->fired = true;
    f->plan->call = call;
    if (!f->plan->lost) {
        return df_fail(err, f->plan->code ? f->plan->code : DF_FAILED, "injected fault: call %lld (%s)",
                       (long long)f->plan->at, call);
    }
    df_disconnect(f->inner); /* as when the server notices: what was not committed is gone */
    f->inner = NULL;
    f->base.lost = true;
    return df_fail(err, DF_CONNECT, "Database connection failed: injected fault: call %lld (%s)",
                   (long long)f->plan->at, call);
}

/* Before the call: counts it; DF_OK when it is to be made. */
static df_code before(fault_conn *f, const char *call, df_error *err)
{
    f->plan->calls++;
    if (f->plan->calls != f->plan->at || f->plan->after) return DF_OK;
    return fail_now(f, call, err);
}

/* After the call, which ended with `code`. */
static df_code after(fault_conn *f, const char *call, df_code code, df_error *err)
{
    f->base.lost = df_conn_lost(f->inner);
    if (code != DF_OK || f->plan->calls != f->plan->at || !f->plan->after) return code;
    return fail_now(f, call, err);
}

static df_code fault_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err)
{
    (void)conn, (void)url, (void)options;
    return df_fail(err, DF_BUG, "a wrapper is not opened by a URL");
}

static void fault_close(df_conn *conn)
{
    df_disconnect(fault_of(conn)->inner);
}

static df_code fault_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                         df_row_fn fn, void *context, int64_t *affected, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "run", err));
    return after(f, "run", df_inner_run(f->inner, sql, params, n_params, fn, context, affected, err), err);
}

static df_code fault_begin(df_conn *conn, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "begin", err));
    df_code code = after(f, "begin", df_begin(f->inner, err), err);
    if (code != DF_OK && f->inner) df_rollback(f->inner); /* the caller knows of no transaction */
    return code;
}

static df_code fault_commit(df_conn *conn, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "commit", err));
    return after(f, "commit", df_commit(f->inner, err), err);
}

static void fault_rollback(df_conn *conn)
{
    fault_conn *f = fault_of(conn);
    if (f->inner) df_rollback(f->inner);
}

static df_code fault_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                               const df_row_source *source, int64_t *loaded, df_error *err)
{
    fault_conn *f = fault_of(conn);
    *loaded = 0;
    DF_TRY(before(f, "bulk_load", err));
    df_code code = df_bulk_load(f->inner, table, columns, n_columns, source, loaded, err);
    return after(f, "bulk_load", code, err);
}

static df_code fault_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "try_lock", err));
    return after(f, "try_lock", df_lock(f->inner, name, 0, taken, err), err);
}

static df_code fault_unlock(df_conn *conn, const char *name, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "unlock", err));
    return after(f, "unlock", df_unlock(f->inner, name, err), err);
}

static df_code fault_lock_held(df_conn *conn, const char *name, bool *held, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "lock_held", err));
    return after(f, "lock_held", df_lock_held(f->inner, name, held, err), err);
}

static void fault_cancel(df_conn *conn)
{
    fault_conn *f = fault_of(conn);
    if (f->inner) df_cancel(f->inner);
}

static df_conn *fault_inner(df_conn *conn)
{
    return fault_of(conn)->inner;
}

static const char *const no_schemes[] = {NULL};

static const df_driver fault_driver = {
    .name = "fault",
    .schemes = no_schemes,
    .conn_size = sizeof(fault_conn),
    .open = fault_open,
    .close = fault_close,
    .run = fault_run,
    .begin = fault_begin,
    .commit = fault_commit,
    .rollback = fault_rollback,
    .bulk_load = fault_bulk_load,
    .try_lock = fault_try_lock,
    .unlock = fault_unlock,
    .lock_held = fault_lock_held,
    .cancel = fault_cancel,
    .inner = fault_inner,
};

df_conn *df_wrap_fault(df_conn *inner, df_fault *plan)
{
    df_conn *conn = df_wrapper_new(&fault_driver, inner);
    fault_of(conn)->inner = inner;
    fault_of(conn)->plan = plan;
    return conn;
}
