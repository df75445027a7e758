/* SPDX-License-Identifier: Apache-2.0 */
/* A driver that tells what another one does. */
#include "engine/wrap/private.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_SQL = 200 };

typedef struct trace_conn {
    df_conn base;
    df_conn *inner;
    const df_observer *observer;
} trace_conn;

static trace_conn *trace_of(df_conn *conn)
{
    return (trace_conn *)conn;
}

/* White space of every kind becomes one blank; long texts are cut. */
static void shorten(const char *sql, char out[SHOWN_SQL + 4])
{
    size_t n = 0;
    for (; *sql && n < SHOWN_SQL; sql++) {
        bool space = *sql == ' ' || (*sql >= '\t' && *sql <= '\r');
        if (space && (n == 0 || out[n - 1] == ' ')) continue;
        out[n++] = space ? ' ' : *sql;
    }
    snprintf(out + n, 4, "%s", *sql ? "..." : "");
}

/* `rows` below 0: not worth telling. Passes `code` on. */
static df_code told(trace_conn *t, const char *call, const char *about, double start, int64_t rows,
                    df_code code, const df_error *err)
{
    double ms = (df_monotonic_s() - start) * 1000;
    char count[40] = "";
    t->base.lost = df_conn_lost(t->inner);
    if (rows >= 0) snprintf(count, sizeof count, ", %lld rows", (long long)rows);
    if (code == DF_OK) {
        df_log(t->observer, DF_LOG_DEBUG, "%s %s %.3f ms%s: %s", t->base.engine, call, ms, count, about);
    } else {
        df_log(t->observer, DF_LOG_DEBUG, "%s %s %.3f ms%s: %s: %s: %s", t->base.engine, call, ms, count,
               about, df_code_name(code), err ? err->message : "");
    }
    return code;
}

static df_code trace_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err)
{
    (void)conn, (void)url, (void)options;
    return df_fail(err, DF_BUG, "a wrapper is not opened by a URL");
}

static void trace_close(df_conn *conn)
{
    df_disconnect(trace_of(conn)->inner);
}

typedef struct counted_fn {
    df_row_fn fn;
    void *context;
    int64_t rows;
} counted_fn;

static df_code count_row(void *context, const df_row *row, df_error *err)
{
    counted_fn *counted = context;
    counted->rows++;
    return counted->fn(counted->context, row, err);
}

static df_code trace_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                         df_row_fn fn, void *context, int64_t *affected, df_error *err)
{
    trace_conn *t = trace_of(conn);
    counted_fn counted = {fn, context, 0};
    char shown[SHOWN_SQL + 4];
    double start = df_monotonic_s();
    df_code code =
        df_inner_run(t->inner, sql, params, n_params, fn ? count_row : NULL, &counted, affected, err);
    shorten(sql, shown);
    return told(t, fn ? "query" : "exec", shown, start, fn ? counted.rows : *affected, code, err);
}

static df_code trace_begin(df_conn *conn, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "begin", "", start, -1, df_begin(t->inner, err), err);
}

static df_code trace_commit(df_conn *conn, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "commit", "", start, -1, df_commit(t->inner, err), err);
}

static void trace_rollback(df_conn *conn)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_rollback(t->inner);
    df_code code = told(t, "rollback", "", start, -1, DF_OK, NULL);
    (void)code;
}

static df_code trace_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                               const df_row_source *source, int64_t *loaded, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_code code = df_bulk_load(t->inner, table, columns, n_columns, source, loaded, err);
    return told(t, "bulk load", table, start, *loaded, code, err);
}

static df_code trace_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_code code = df_lock(t->inner, name, 0, taken, err);
    return told(t, *taken ? "lock (taken)" : "lock (not taken)", name, start, -1, code, err);
}

static df_code trace_unlock(df_conn *conn, const char *name, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "unlock", name, start, -1, df_unlock(t->inner, name, err), err);
}

static df_code trace_lock_held(df_conn *conn, const char *name, bool *held, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_code code = df_lock_held(t->inner, name, held, err);
    return told(t, code == DF_OK && *held ? "look at lock (held)" : "look at lock", name, start, -1, code,
                err);
}

/* ---- session.h ---- */

static bool trace_in_transaction(const df_conn *conn)
{
    return df_server_in_transaction(((const trace_conn *)conn)->inner);
}

static void trace_on_notice(df_conn *conn)
{
    df_on_notice(trace_of(conn)->inner, conn->notice, conn->notice_context);
}

static df_code trace_set_limits(df_conn *conn, const df_limits *limits, df_error *err)
{
    trace_conn *t = trace_of(conn);
    char about[80];
    double start = df_monotonic_s();
    df_code code = df_set_limits(t->inner, limits, err);
    snprintf(about, sizeof about, "lock %lld ms, statement %lld ms", (long long)limits->lock_ms,
             (long long)limits->statement_ms);
    return told(t, "limits", about, start, -1, code, err);
}

static df_code trace_reset(df_conn *conn, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "reset", "", start, -1, df_session_reset(t->inner, err), err);
}

static df_code trace_rehearse_commit(df_conn *conn, bool check, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "rehearse commit", "", start, -1, df_rehearse_commit(t->inner, check, err), err);
}

static df_code trace_session_get(df_conn *conn, df_session *out, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "session", "", start, -1, df_session_get(t->inner, out, err), err);
}

static df_code trace_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_code code = df_session_alive(t->inner, session, alive, err);
    return told(t, "look at session", code == DF_OK && !*alive ? "gone" : "alive", start, -1, code, err);
}

static df_code trace_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "end session", "", start, -1, df_session_end(t->inner, session, wait_ms, err), err);
}

static df_code trace_session_pooled(df_conn *conn, const char *url, bool *pooled, char how[200],
                                    df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_code code = df_session_pooled(t->inner, url, pooled, how, err);
    return told(t, "look for a pooler", how, start, -1, code, err);
}

static df_code trace_transaction_id(df_conn *conn, char out[32], df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_code code = df_transaction_id(t->inner, out, err);
    return told(t, "transaction id", out, start, -1, code, err);
}

static df_code trace_transaction_outcome(df_conn *conn, const char *id, df_outcome *out, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "transaction outcome", id, start, -1, df_transaction_outcome(t->inner, id, out, err), err);
}

static df_code trace_savepoint(df_conn *conn, const char *name, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "savepoint", name, start, -1, df_savepoint(t->inner, name, err), err);
}

static df_code trace_rollback_to(df_conn *conn, const char *name, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "rollback to", name, start, -1, df_rollback_to(t->inner, name, err), err);
}

static df_code trace_observe(df_conn *conn, df_observer_state *state, df_arena *arena, df_observation *out,
                             df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_code code = df_observe(t->inner, df_inner_observer(state), arena, out, err);
    return told(t, "observe", "", start, -1, code, err);
}

static df_code trace_observe_begin(df_conn *conn, df_observer_state **out, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    df_code code = df_wrap_observer(t->inner, trace_observe, out, err);
    return told(t, "observe", "", start, -1, code, err);
}

static df_code trace_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add,
                             void *context, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "inspect", "", start, -1, df_inspect(t->inner, options, add, context, err), err);
}

static df_code trace_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                                  df_buf *out, df_error *err)
{
    trace_conn *t = trace_of(conn);
    char about[120];
    double start = df_monotonic_s();
    df_code code = df_object_state(t->inner, kind, schema, name, table, out, err);
    snprintf(about, sizeof about, "%s %.*s", kind, name.len < 80 ? (int)name.len : 80,
             name.ptr ? name.ptr : "");
    return told(t, "object state", about, start, -1, code, err);
}

static df_code trace_settle_schema(df_conn *conn, int64_t timeout_ms, df_error *err)
{
    trace_conn *t = trace_of(conn);
    double start = df_monotonic_s();
    return told(t, "settle schema", "", start, -1, df_settle_schema(t->inner, timeout_ms, err), err);
}

static df_code trace_explain(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                             df_arena *arena, df_explanation *out, df_error *err)
{
    trace_conn *t = trace_of(conn);
    char shown[SHOWN_SQL + 4];
    double start = df_monotonic_s();
    df_code code = df_explain(t->inner, sql, params, n_params, arena, out, err);
    shorten(sql, shown);
    return told(t, "explain", shown, start, -1, code, err);
}

static df_code trace_copy_in(df_conn *conn, const char *sql, df_str data, int64_t *rows, df_error *err)
{
    trace_conn *t = trace_of(conn);
    char shown[SHOWN_SQL + 4];
    double start = df_monotonic_s();
    df_code code = df_copy_in(t->inner, sql, data, rows, err);
    shorten(sql, shown);
    return told(t, "copy", shown, start, *rows, code, err);
}

static df_code trace_exec_many(df_conn *conn, df_command *commands, size_t count, unsigned flags,
                               df_error *err)
{
    trace_conn *t = trace_of(conn);
    char shown[SHOWN_SQL + 4], about[SHOWN_SQL + 80];
    double start = df_monotonic_s();
    df_code code = df_exec_many(t->inner, commands, count, flags, err);
    shorten(count ? commands[0].sql : "", shown);
    snprintf(about, sizeof about, "%s%zu statements%s: %s", flags & DF_MANY_BEGIN ? "begin, " : "", count,
             flags & DF_MANY_COMMIT ? ", commit" : "", shown);
    return told(t, "exec", about, start, -1, code, err);
}

static void trace_cancel(df_conn *conn)
{
    df_cancel(trace_of(conn)->inner);
}

static df_conn *trace_inner(df_conn *conn)
{
    return trace_of(conn)->inner;
}

static const char *const no_schemes[] = {NULL};

static const df_driver trace_driver = {
    .name = "trace",
    .schemes = no_schemes,
    .conn_size = sizeof(trace_conn),
    .open = trace_open,
    .close = trace_close,
    .run = trace_run,
    .begin = trace_begin,
    .commit = trace_commit,
    .rollback = trace_rollback,
    .bulk_load = trace_bulk_load,
    .try_lock = trace_try_lock,
    .unlock = trace_unlock,
    .lock_held = trace_lock_held,
    .in_transaction = trace_in_transaction,
    .set_limits = trace_set_limits,
    .reset = trace_reset,
    .rehearse_commit = trace_rehearse_commit,
    .session_get = trace_session_get,
    .savepoint = trace_savepoint,
    .rollback_to = trace_rollback_to,
    .inspect = trace_inspect,
    .object_state = trace_object_state,
    .on_notice = trace_on_notice,
    .session_alive = trace_session_alive,
    .session_end = trace_session_end,
    .session_pooled = trace_session_pooled,
    .transaction_id = trace_transaction_id,
    .transaction_outcome = trace_transaction_outcome,
    .observe_begin = trace_observe_begin,
    .copy_in = trace_copy_in,
    .settle_schema = trace_settle_schema,
    .explain = trace_explain,
    .exec_many = trace_exec_many,
    .cancel = trace_cancel,
    .inner = trace_inner,
};

df_conn *df_wrap_trace(df_conn *inner, const df_observer *observer)
{
    df_conn *conn = df_wrapper_new(&trace_driver, inner);
    trace_of(conn)->inner = inner;
    trace_of(conn)->observer = observer;
    return conn;
}
