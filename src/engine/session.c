/* SPDX-License-Identifier: Apache-2.0 */
/* The thin functions of session.h: the connection's state before and after, and what all engines do the same
 * way. */
#include "engine/driver.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const df_sql_dialect *df_conn_dialect(const df_conn *conn)
{
    return conn->dialect;
}

/* An optional member that the driver leaves out. */
static df_code unsupported(const df_conn *conn, const char *what, df_error *err)
{
    df_fail(err, DF_UNSUPPORTED, "%s %s", df_conn_server(conn), what);
    if (err) snprintf(err->engine, sizeof err->engine, "%s", conn->engine);
    return DF_UNSUPPORTED;
}

/* ---- limits, settings, notices ---- */

df_code df_set_limits(df_conn *conn, const df_limits *limits, df_error *err)
{
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->set_limits(conn, limits, err), err);
}

df_code df_session_reset(df_conn *conn, df_error *err)
{
    if (conn->in_transaction) return df_fail(err, DF_BUG, "a session is not reset inside a transaction");
    if (df_server_in_transaction(conn)) {
        df_fail(err, DF_FAILED, "a script has left a transaction open");
        df_error_hint(err, "end it with COMMIT or ROLLBACK");
        return DF_FAILED;
    }
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->reset(conn, err), err);
}

df_code df_rehearse_commit(df_conn *conn, bool check, df_error *err)
{
    if (!conn->driver->rehearse_commit) return DF_OK;
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->rehearse_commit(conn, check, err), err);
}

void df_transaction_goes_on(df_conn *conn)
{
    for (; conn; conn = conn->driver->inner ? conn->driver->inner(conn) : NULL) conn->failed = false;
}

void df_on_notice(df_conn *conn, df_notice_fn fn, void *context)
{
    conn->notice = fn;
    conn->notice_context = context;
    if (conn->driver->on_notice) conn->driver->on_notice(conn);
}

/* ---- sessions ---- */

df_code df_session_get(df_conn *conn, df_session *out, df_error *err)
{
    memset(out, 0, sizeof *out);
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->session_get(conn, out, err), err);
}

df_code df_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err)
{
    *alive = true;
    if (!conn->driver->session_alive) return unsupported(conn, "has no list of sessions to look into", err);
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->session_alive(conn, session, alive, err), err);
}

df_code df_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err)
{
    if (!conn->driver->session_end) return unsupported(conn, "has no sessions that another could end", err);
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->session_end(conn, session, wait_ms, err), err);
}

df_code df_session_end_wait(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err)
{
    enum { FIRST_PAUSE_MS = 1, LONGEST_PAUSE_MS = 50 };
    double end = df_monotonic_s() + (double)wait_ms / 1000;
    for (int64_t pause = FIRST_PAUSE_MS;; pause = pause < LONGEST_PAUSE_MS ? pause * 2 : pause) {
        bool alive;
        DF_TRY(conn->driver->session_alive(conn, session, &alive, err));
        if (!alive) return DF_OK;
        if (atomic_load(&conn->cancelled)) {
            return df_fail(err, DF_CANCELLED, "interrupted while waiting for session %lld to end",
                           (long long)session->id);
        }
        if (df_monotonic_s() >= end) break;
        nanosleep(&(struct timespec){0, pause * 1000000}, NULL);
    }
    df_fail(err, DF_FAILED, "session %lld was told to end, and is still there after %lld ms",
            (long long)session->id, (long long)wait_ms);
    df_error_hint(err, "it may be undoing a large transaction; look again later");
    return DF_FAILED;
}

df_code df_session_pooled(df_conn *conn, const char *url, bool *pooled, char how[200], df_error *err)
{
    *pooled = false;
    how[0] = '\0';
    if (conn->in_transaction) return df_fail(err, DF_BUG, "a pooler is not looked for inside a transaction");
    if (!conn->driver->session_pooled) return DF_OK;
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->session_pooled(conn, url, pooled, how, err), err);
}

/* ---- transactions ---- */

bool df_server_in_transaction(const df_conn *conn)
{
    return !conn->lost && conn->driver->in_transaction(conn);
}

df_code df_transaction_id(df_conn *conn, char out[32], df_error *err)
{
    out[0] = '\0';
    if (!conn->in_transaction) return df_fail(err, DF_BUG, "there is no transaction to have an id");
    if (!conn->driver->transaction_id) return DF_OK;
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->transaction_id(conn, out, err), err);
}

df_code df_transaction_outcome(df_conn *conn, const char *id, df_outcome *out, df_error *err)
{
    *out = DF_OUTCOME_UNKNOWN;
    if (conn->in_transaction) return df_fail(err, DF_BUG, "an outcome is not asked for inside a transaction");
    if (!conn->driver->transaction_outcome || !*id) return DF_OK;
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->transaction_outcome(conn, id, out, err), err);
}

df_code df_savepoint(df_conn *conn, const char *name, df_error *err)
{
    if (!conn->in_transaction) return df_fail(err, DF_BUG, "a savepoint needs an open transaction");
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->savepoint(conn, name, err), err);
}

df_code df_rollback_to(df_conn *conn, const char *name, df_error *err)
{
    if (!conn->in_transaction) return df_fail(err, DF_BUG, "there is no transaction with a savepoint");
    bool failed = conn->failed;
    conn->failed = false;
    df_code code = df_conn_enter(conn, err);
    if (code == DF_OK) return df_conn_leave(conn, conn->driver->rollback_to(conn, name, err), err);
    conn->failed = failed;
    return code;
}

/* ---- several statements ---- */

/* A row function that stops is not a failed statement, so it is watched. */
typedef struct watched_command {
    df_row_fn fn;
    void *context;
    df_code *stopped; /* of all commands */
} watched_command;

static df_code watch(void *context, const df_row *row, df_error *err)
{
    watched_command *watched = context;
    df_code code = watched->fn(watched->context, row, err);
    if (code != DF_OK) *watched->stopped = code;
    return code;
}

/* All of them in one call of the driver. *stopped: by a row function. */
static df_code at_once(df_conn *conn, df_command *commands, size_t count, unsigned flags, df_code *stopped,
                       df_error *err)
{
    watched_command *watched = df_zalloc((count + 1) * sizeof *watched);
    df_command *copies = df_zalloc((count + 1) * sizeof *copies);
    for (size_t i = 0; i < count; i++) {
        copies[i] = commands[i];
        watched[i] = (watched_command){commands[i].fn, commands[i].context, stopped};
        if (!commands[i].fn) continue;
        copies[i].fn = watch;
        copies[i].context = &watched[i];
    }
    df_code code = conn->driver->exec_many(conn, copies, count, flags, err);
    for (size_t i = 0; i < count; i++) commands[i].affected = copies[i].affected;
    free(watched);
    free(copies);
    return code;
}

/* Between BEGIN and COMMIT, for engines that gain nothing by more. */
static df_code one_by_one(df_conn *conn, df_command *commands, size_t count, df_error *err)
{
    for (size_t i = 0; i < count; i++) {
        df_command *c = &commands[i];
        c->affected = 0;
        df_code code = c->fn ? df_query(conn, c->sql, c->params, c->n_params, c->fn, c->context, err)
                             : df_exec(conn, c->sql, c->params, c->n_params, &c->affected, err);
        if (code == DF_OK) continue;
        if (err) err->statement = (int32_t)i + 1;
        return code;
    }
    return DF_OK;
}

df_code df_exec_many(df_conn *conn, df_command *commands, size_t count, unsigned flags, df_error *err)
{
    bool begin = flags & DF_MANY_BEGIN, commit = flags & DF_MANY_COMMIT;
    if (begin && conn->in_transaction) return df_fail(err, DF_BUG, "a transaction is already open");
    if (!begin && !conn->in_transaction) return df_fail(err, DF_BUG, "there is no open transaction");
    df_code code, stopped = DF_OK;
    if (!conn->driver->exec_many) {
        if (begin) DF_TRY(df_begin(conn, err));
        code = one_by_one(conn, commands, count, err);
        if (code == DF_OK && commit) return df_commit(conn, err);
    } else {
        code = df_conn_enter(conn, err);
        if (code == DF_OK) {
            code = at_once(conn, commands, count, flags, &stopped, err);
            conn->in_transaction = code != DF_OK || !commit;
            if (stopped != DF_OK && !conn->lost)
                conn->busy = false;
            else
                code = df_conn_leave(conn, code, err);
            if (code != DF_OK && commit && conn->lost) {
                df_error_hint(err,
                              "the connection broke near the commit; whether it took effect is not known");
            }
        } else if (begin) {
            return code;
        }
    }
    if (code != DF_OK && (begin || commit) && code != DF_BUG) df_rollback(conn);
    return code;
}

df_code df_copy_in(df_conn *conn, const char *sql, df_str data, int64_t *rows, df_error *err)
{
    int64_t ignored;
    if (!conn->driver->copy_in) return unsupported(conn, "has no COPY FROM STDIN", err);
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->copy_in(conn, sql, data, rows ? rows : &ignored, err), err);
}

/* ---- what a transaction does ---- */

df_code df_observe_begin(df_conn *conn, df_observer_state **out, df_error *err)
{
    *out = NULL;
    if (!conn->driver->observe_begin) return unsupported(conn, "does not tell what a transaction locks", err);
    if (!conn->in_transaction) return df_fail(err, DF_BUG, "there is no transaction to observe");
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->observe_begin(conn, out, err), err);
}

df_code df_observe(df_conn *conn, df_observer_state *state, df_arena *arena, df_observation *out,
                   df_error *err)
{
    memset(out, 0, sizeof *out);
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, state->observe(conn, state, arena, out, err), err);
}

void df_observe_end(df_observer_state *state)
{
    if (state) state->end(state);
}

/* ---- the schema ---- */

typedef struct collected {
    df_arena arena;
    const df_inspect_options *options;
    df_object *objects;
    size_t count, cap;
} collected;

/* What hangs on it has its name as parent. */
static bool is_relation(df_str kind)
{
    static const char *const kinds[] = {"table", "foreign table", "view", "materialized view", "sequence"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (df_str_is(kind, kinds[i])) return true;
    }
    return false;
}

static bool left_out(const df_inspect_options *options, const df_object *object)
{
    if (options->schema && !df_str_is(object->schema, options->schema) &&
        !(df_str_is(object->kind, "schema") && df_str_is(object->name, options->schema))) {
        return true;
    }
    for (const char *const *glob = options->exclude; glob && *glob; glob++) {
        if (object->parent.ptr && df_str_glob(object->parent, *glob)) return true;
        if (is_relation(object->kind) && df_str_glob(object->name, *glob)) return true;
    }
    return false;
}

static df_code collect(void *context, const df_object *object, df_error *err)
{
    (void)err;
    collected *c = context;
    if (left_out(c->options, object)) return DF_OK;
    DF_PUSH(c->objects, c->count, c->cap) = (df_object){
        .kind = df_arena_str(&c->arena, object->kind),
        .schema = df_arena_str(&c->arena, object->schema),
        .parent = df_arena_str(&c->arena, object->parent),
        .name = df_arena_str(&c->arena, object->name),
        .definition = df_arena_str(&c->arena, object->definition),
    };
    return DF_OK;
}

static int by_identity(const void *left, const void *right)
{
    const df_object *a = left, *b = right;
    int order = df_str_cmp(a->kind, b->kind);
    if (!order) order = df_str_cmp(a->schema, b->schema);
    if (!order) order = df_str_cmp(a->parent, b->parent);
    if (!order) order = df_str_cmp(a->name, b->name);
    return order ? order : df_str_cmp(a->definition, b->definition);
}

df_code df_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn fn, void *context,
                   df_error *err)
{
    static const df_inspect_options everything = {0};
    collected c = {.options = options ? options : &everything};
    DF_TRY(df_conn_enter(conn, err));
    df_code code = df_conn_leave(conn, conn->driver->inspect(conn, c.options, collect, &c, err), err);
    if (c.count) qsort(c.objects, c.count, sizeof *c.objects, by_identity);
    for (size_t i = 0; code == DF_OK && i < c.count; i++) code = fn(context, &c.objects[i], err);
    free(c.objects);
    df_arena_release(&c.arena);
    return code;
}

df_code df_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                        df_buf *out, df_error *err)
{
    df_buf_clear(out);
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->object_state(conn, kind, schema, name, table, out, err), err);
}

df_code df_settle_schema(df_conn *conn, int64_t timeout_ms, df_error *err)
{
    if (conn->in_transaction)
        return df_fail(err, DF_BUG, "schema changes are not waited for inside a transaction");
    if (!conn->driver->settle_schema) return DF_OK;
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->settle_schema(conn, timeout_ms, err), err);
}

df_code df_explain(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_arena *arena,
                   df_explanation *out, df_error *err)
{
    *out = (df_explanation){.estimated_rows = -1};
    if (!conn->driver->explain) return unsupported(conn, "does not explain every kind of statement", err);
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->explain(conn, sql, params, n_params, arena, out, err), err);
}
