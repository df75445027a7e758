/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver's own declarations; nobody outside of this folder includes them. */
#ifndef DF_ENGINE_POSTGRES_PRIVATE_H
#define DF_ENGINE_POSTGRES_PRIVATE_H

#include "base/hash.h"
#include "engine/driver.h"
#include "engine/postgres/library.h"

/* pg_type.h's numbers, which never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_OID = 26,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_NUMERIC = 1700,
};

/* Statements that came through df_exec_many, by their text and the types of their parameters: who comes a
 * second time is prepared, since whoever sends several at once sends them again and again. */
enum { PG_PREPARED = 64 };
typedef struct pg_prepared {
    df_hash128 key;
    bool ready; /* the server has it, as "df_<round>_<key>" */
} pg_prepared;

typedef struct pg_conn {
    df_conn base;
    PGconn *db;
    PGcancel *cancel; /* made at once, so that another thread need not touch `db` */
    bool guest;
    int version;  /* of the server: 150004 */
    df_buf setup; /* the settings of this connection, as SQL: sent when it begins, and by reset */

    /* Limits are sent with the next statement, BEGIN first of all, not when they are set: see session.c. */
    df_limits limits;      /* what df_set_limits asked for */
    df_limits limits_sent; /* what the server has, if limits_known */
    bool limits_asked;     /* df_set_limits was called at all */
    bool limits_known;
    bool limits_in_transaction; /* sent in the open transaction: a rollback takes them back */
    char tag[64];               /* of the last command: "COMMIT" */
    pg_prepared prepared[PG_PREPARED];
    size_t n_prepared;
    unsigned prepared_round; /* of forgetting: what the server has not forgotten is in nobody's way */
} pg_conn;

/* A statement on its way: the text with $1, $2 …, and the parameters as libpq wants them. */
typedef struct pg_request {
    df_arena arena;
    df_buf sql;
    Oid *types;
    const char **values;
    int *lengths, *formats;
} pg_request;

/* Where the rows of a result go, and room for one of them, made at the first. */
typedef struct pg_reader {
    df_row_fn fn;
    void *context;
    int columns;
    Oid *types;
    df_value *values;
    const char **names;
    df_buf bytes; /* decoded blobs of the row */
} pg_reader;

static inline pg_conn *pg_of(df_conn *conn)
{
    return (pg_conn *)conn;
}

/* connect.c */
df_code pg_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err);
void pg_close(df_conn *conn);
/* The connection alone, nothing set on it; `url` without our own parameters. *out may be set on failure, too.
 */
df_code pg_connect(const char *url, const df_open_options *options, PGconn **out, df_error *err);

/* error.c */
/* The failure told by `result` (NULL: by the connection); sets c->base.lost when the server is gone. */
df_code pg_fail(pg_conn *c, const PGresult *result, df_error *err);
/* The failure's position: bytes into `sent`, the text that the server saw; false when it told none. */
bool pg_error_offset(const PGresult *result, df_str sent, size_t *offset);

/* params.c */
/* Translates `?` and binds parameters. Release it in every case. */
df_code pg_request_make(pg_conn *c, df_str sql, const df_value *params, size_t n_params, pg_request *r,
                        df_error *err);
void pg_request_release(pg_request *r);
/* As libpq's function: 0 when it could not be sent. */
int pg_request_send(pg_conn *c, pg_request *r, size_t n_params);
/* Where in the original text a position in the translated one lies. */
size_t pg_original_offset(pg_conn *c, df_str sql, size_t n_params, size_t offset);

/* query.c */
df_code pg_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
               void *context, int64_t *affected, df_error *err);
/* One result of a statement: rows go to the reader, failures into `err`, with their place in `sql`. */
df_code pg_take_result(pg_conn *c, df_str sql, size_t n_params, df_str sent, PGresult *result, pg_reader *r,
                       int64_t *affected, df_error *err);
void pg_reader_release(pg_reader *r);
/* SQL of our own, without parameters, also several statements; leaves the last one's tag in c->tag. */
df_code pg_simple(pg_conn *c, const char *sql, df_error *err);
/* Reads and forgets what is still to come of the running command. */
void pg_drain(pg_conn *c);

/* many.c */
df_code pg_exec_many(df_conn *conn, df_command *commands, size_t count, unsigned flags, df_error *err);
/* The server may have forgotten what was prepared. */
static inline void pg_forget_prepared(pg_conn *c)
{
    c->n_prepared = 0;
    c->prepared_round++;
}
df_code pg_copy_in(df_conn *conn, const char *sql, df_str data, int64_t *rows, df_error *err);

/* session.c */
/* Appends SET statements, each with a ";" before it, for limits that the server does not have yet. */
void pg_put_limits(pg_conn *c, df_buf *sql);
/* After pg_put_limits' statements were sent: the server has them; in a transaction, perhaps. */
void pg_limits_sent(pg_conn *c);
/* Sends limits that are still to be sent. Before every statement that does not send them itself. */
df_code pg_settle(pg_conn *c, df_error *err);
/* What a statement from outside, that ended with `code`, may have done to settings and transaction. Passes
 * `code` on, but for a COMMIT that the server answered with a rollback. */
df_code pg_note_script(pg_conn *c, df_str sql, df_code code, df_error *err);
void pg_note_end(pg_conn *c, bool committed); /* of the transaction */
bool pg_in_transaction(const df_conn *conn);
df_code pg_set_limits(df_conn *conn, const df_limits *limits, df_error *err);
df_code pg_reset(df_conn *conn, df_error *err);
df_code pg_rehearse_commit(df_conn *conn, bool check, df_error *err);
void pg_notice(void *context, const PGresult *result);
df_code pg_session_get(df_conn *conn, df_session *out, df_error *err);
df_code pg_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err);
df_code pg_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err);
df_code pg_savepoint(df_conn *conn, const char *name, df_error *err);
df_code pg_rollback_to(df_conn *conn, const char *name, df_error *err);
df_code pg_transaction_id(df_conn *conn, char out[32], df_error *err);
df_code pg_transaction_outcome(df_conn *conn, const char *id, df_outcome *out, df_error *err);

/* pooled.c */
df_code pg_session_pooled(df_conn *conn, const char *url, bool *pooled, char how[200], df_error *err);

/* observe.c */
df_code pg_observe_begin(df_conn *conn, df_observer_state **out, df_error *err);

/* inspect.c */
df_code pg_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                   df_error *err);

/* state.c */
df_code pg_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                        df_buf *out, df_error *err);

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
