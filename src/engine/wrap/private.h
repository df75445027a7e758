/* SPDX-License-Identifier: Apache-2.0 */
/* What the wrappers share; nobody outside of this folder includes it. */
#ifndef DF_ENGINE_WRAP_PRIVATE_H
#define DF_ENGINE_WRAP_PRIVATE_H

#include "engine/driver.h"
#include "engine/wrap/wrap.h"

/* A connection of `driver` that looks like `inner`. */
static inline df_conn *df_wrapper_new(const df_driver *driver, const df_conn *inner)
{
    df_conn *conn = df_conn_new(driver);
    conn->engine = inner->engine;
    conn->caps = inner->caps;
    conn->dialect = inner->dialect;
    conn->in_transaction = inner->in_transaction;
    memcpy(conn->schema, inner->schema, sizeof conn->schema);
    memcpy(conn->server, inner->server, sizeof conn->server);
    return conn;
}

/* A query or a statement, as the wrapper was asked for it. */
static inline df_code df_inner_run(df_conn *inner, const char *sql, const df_value *params, size_t n_params,
                                   df_row_fn fn, void *context, int64_t *affected, df_error *err)
{
    *affected = 0;
    if (fn) return df_query(inner, sql, params, n_params, fn, context, err);
    return df_exec(inner, sql, params, n_params, affected, err);
}

/* The observation of an inner connection, seen through a wrapper. */
typedef struct df_wrapped_observer {
    df_observer_state base;
    df_observer_state *inner;
} df_wrapped_observer;

static inline df_observer_state *df_inner_observer(df_observer_state *state)
{
    return ((df_wrapped_observer *)state)->inner;
}

/* wrap.c */
df_code df_wrap_observer(df_conn *inner,
                         df_code (*observe)(df_conn *conn, df_observer_state *state, df_arena *arena,
                                            df_observation *out, df_error *err),
                         df_observer_state **out, df_error *err);

#endif
