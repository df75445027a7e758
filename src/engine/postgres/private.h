/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver's own declarations; nobody outside of this folder includes them. */
#ifndef DF_ENGINE_POSTGRES_PRIVATE_H
#define DF_ENGINE_POSTGRES_PRIVATE_H

#include "engine/driver.h"
#include "engine/postgres/library.h"

typedef struct pg_conn {
    df_conn base;
    PGconn *db;
    PGcancel *cancel; /* made at once, so that another thread need not touch `db` */
} pg_conn;

static inline pg_conn *pg_of(df_conn *conn)
{
    return (pg_conn *)conn;
}

/* connect.c */
df_code pg_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err);
void pg_close(df_conn *conn);

/* error.c */
/* The failure told by `result` (NULL: by the connection); sets c->base.lost when the server is gone. */
df_code pg_fail(pg_conn *c, const PGresult *result, df_error *err);
/* The failure's position: bytes into `sent`, the text that the server saw; false when it told none. */
bool pg_error_offset(const PGresult *result, df_str sent, size_t *offset);

/* query.c */
df_code pg_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
               void *context, int64_t *affected, df_error *err);
/* SQL of our own, without parameters; the command's tag may be asked for (NULL: not). */
df_code pg_simple(pg_conn *c, const char *sql, char tag[64], df_error *err);
/* Reads and forgets what is still to come of the running command. */
void pg_drain(pg_conn *c);

/* bulk.c */
df_code pg_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                     const df_row_source *source, int64_t *loaded, df_error *err);

/* tools.c */
df_code pg_tool_access(df_conn *conn, df_arena *arena, df_tool_access *out, df_error *err);

/* lock.c */
df_code pg_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err);
df_code pg_unlock(df_conn *conn, const char *name, df_error *err);
df_code pg_lock_held(df_conn *conn, const char *name, bool *held, df_error *err);

#endif
