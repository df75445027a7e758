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

/* ---- session.h ---- */

static bool fault_in_transaction(const df_conn *conn)
{
    const df_conn *inner = ((const fault_conn *)conn)->inner;
    return inner && df_server_in_transaction(inner);
}

static void fault_on_notice(df_conn *conn)
{
    fault_conn *f = fault_of(conn);
    if (f->inner) df_on_notice(f->inner, conn->notice, conn->notice_context);
}

static df_code fault_set_limits(df_conn *conn, const df_limits *limits, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "set_limits", err));
    return after(f, "set_limits", df_set_limits(f->inner, limits, err), err);
}

static df_code fault_reset(df_conn *conn, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "reset", err));
    return after(f, "reset", df_session_reset(f->inner, err), err);
}

static df_code fault_rehearse_commit(df_conn *conn, bool check, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "rehearse_commit", err));
    return after(f, "rehearse_commit", df_rehearse_commit(f->inner, check, err), err);
}

static df_code fault_session_get(df_conn *conn, df_session *out, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "session_get", err));
    return after(f, "session_get", df_session_get(f->inner, out, err), err);
}

static df_code fault_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "session_alive", err));
    return after(f, "session_alive", df_session_alive(f->inner, session, alive, err), err);
}

static df_code fault_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "session_end", err));
    return after(f, "session_end", df_session_end(f->inner, session, wait_ms, err), err);
}

static df_code fault_session_pooled(df_conn *conn, const char *url, bool *pooled, char how[200],
                                    df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "session_pooled", err));
    return after(f, "session_pooled", df_session_pooled(f->inner, url, pooled, how, err), err);
}

static df_code fault_transaction_id(df_conn *conn, char out[32], df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "transaction_id", err));
    return after(f, "transaction_id", df_transaction_id(f->inner, out, err), err);
}

static df_code fault_transaction_outcome(df_conn *conn, const char *id, df_outcome *out, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "transaction_outcome", err));
    return after(f, "transaction_outcome", df_transaction_outcome(f->inner, id, out, err), err);
}

static df_code fault_savepoint(df_conn *conn, const char *name, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "savepoint", err));
    return after(f, "savepoint", df_savepoint(f->inner, name, err), err);
}

static df_code fault_rollback_to(df_conn *conn, const char *name, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "rollback_to", err));
    return after(f, "rollback_to", df_rollback_to(f->inner, name, err), err);
}

static df_code fault_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add,
                             void *context, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "inspect", err));
    return after(f, "inspect", df_inspect(f->inner, options, add, context, err), err);
}

static df_code fault_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                                  df_buf *out, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "object_state", err));
    return after(f, "object_state", df_object_state(f->inner, kind, schema, name, table, out, err), err);
}

static df_code fault_settle_schema(df_conn *conn, int64_t timeout_ms, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "settle_schema", err));
    return after(f, "settle_schema", df_settle_schema(f->inner, timeout_ms, err), err);
}

static df_code fault_explain(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                             df_arena *arena, df_explanation *out, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "explain", err));
    return after(f, "explain", df_explain(f->inner, sql, params, n_params, arena, out, err), err);
}

static df_code fault_observe(df_conn *conn, df_observer_state *state, df_arena *arena, df_observation *out,
                             df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "observe", err));
    return after(f, "observe", df_observe(f->inner, df_inner_observer(state), arena, out, err), err);
}

static df_code fault_observe_begin(df_conn *conn, df_observer_state **out, df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "observe_begin", err));
    df_code code = df_wrap_observer(f->inner, fault_observe, out, err);
    df_code told = after(f, "observe_begin", code, err);
    if (code == DF_OK && told != DF_OK) {
        df_observe_end(*out);
        *out = NULL;
    }
    return told;
}

static df_code fault_copy_in(df_conn *conn, const char *sql, df_str data, int64_t *rows, df_error *err)
{
    fault_conn *f = fault_of(conn);
    *rows = 0;
    DF_TRY(before(f, "copy_in", err));
    return after(f, "copy_in", df_copy_in(f->inner, sql, data, rows, err), err);
}

/* Counts once, with its BEGIN and COMMIT. What failed "after" has happened, the commit too. */
static df_code fault_exec_many(df_conn *conn, df_command *commands, size_t count, unsigned flags,
                               df_error *err)
{
    fault_conn *f = fault_of(conn);
    DF_TRY(before(f, "exec_many", err));
    df_code code = after(f, "exec_many", df_exec_many(f->inner, commands, count, flags, err), err);
    if (code != DF_OK && f->inner && (flags & DF_MANY_BEGIN))
        df_rollback(f->inner); /* the caller knows of no transaction */
    return code;
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
    .in_transaction = fault_in_transaction,
    .set_limits = fault_set_limits,
    .reset = fault_reset,
    .rehearse_commit = fault_rehearse_commit,
    .session_get = fault_session_get,
    .savepoint = fault_savepoint,
    .rollback_to = fault_rollback_to,
    .inspect = fault_inspect,
    .object_state = fault_object_state,
    .on_notice = fault_on_notice,
    .session_alive = fault_session_alive,
    .session_end = fault_session_end,
    .session_pooled = fault_session_pooled,
    .transaction_id = fault_transaction_id,
    .transaction_outcome = fault_transaction_outcome,
    .observe_begin = fault_observe_begin,
    .copy_in = fault_copy_in,
    .settle_schema = fault_settle_schema,
    .explain = fault_explain,
    .exec_many = fault_exec_many,
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
