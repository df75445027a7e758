/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver's own declarations; nobody outside of this folder includes them. */
#ifndef DF_ENGINE_SQLITE_PRIVATE_H
#define DF_ENGINE_SQLITE_PRIVATE_H

#include "engine/driver.h"

#include <sqlite3.h>

enum { SL_CACHE_SIZE = 32 };

/* A prepared statement that is kept; sql NULL: a free slot. */
typedef struct sl_cached {
    char *sql;
    size_t len;
    sqlite3_stmt *stmt;
    df_value *row;      /* room for one row of the result */
    const char **names; /* of the columns */
    uint64_t used;      /* the clock when it was last used */
    bool pragma;        /* it may change a setting */
} sl_cached;

/* A lock this session holds: the byte of the lock file that stands for its name. */
typedef struct sl_lock {
    int64_t byte;
    int count;
} sl_lock;

typedef struct sl_conn {
    df_conn base;
    _Atomic(sqlite3 *) db; /* NULL until the file is there (see sl_ready); read by cancel */
    char *path;            /* ":memory:", or as given in the URL */
    int flags;             /* for sqlite3_open_v2 */
    bool read_only, memory;
    bool sync_normal, guest;
    int foreign_keys;     /* 1 on, 0 off, -1: what suits guest or owner */
    int64_t busy_ms;      /* how long to wait for another writer */
    bool busy_for_ever;   /* then busy_ms does not matter */
    int64_t statement_ms; /* how long a statement may run; 0: for ever */
    df_limits limits;     /* what df_set_limits asked for, if it was called */
    bool limits_asked;
    double busy_since; /* when the present wait for another writer began */
    double deadline;   /* of the running statement */
    bool timed_out;    /* it was met */
    bool pragmas;      /* a PRAGMA was run since the last reset */

    sl_cached cache[SL_CACHE_SIZE];
    uint64_t clock;

    int lock_fd; /* of the lock file, -1 while not open */
    sl_lock *locks;
    size_t n_locks, locks_cap;
} sl_conn;

static inline sl_conn *sl_of(df_conn *conn)
{
    return (sl_conn *)conn;
}

/* connect.c */
df_code sl_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err);
void sl_close(df_conn *conn);
/* Creates the database file if that was put off until something happens. Before anything that needs c->db. */
df_code sl_ready(sl_conn *c, df_error *err);
void sl_wait_for_writers(sl_conn *c, sqlite3 *db);
/* The settings of this connection that a script may have changed; a code of SQLite's. */
int sl_own_settings(sl_conn *c, sqlite3 *db);

/* error.c: what went wrong in the connection's last call. `sql` may be absent. */
df_code sl_fail(sl_conn *c, int rc, df_str sql, df_error *err);
/* While opening: everything without a code of its own is DF_CONNECT. `db` may be NULL. */
df_code sl_fail_open(sl_conn *c, sqlite3 *db, int rc, df_error *err);

/* query.c */
/* Finds the statement among those kept, or prepares it; *out NULL for a blank text. Reset it after use. */
df_code sl_prepare(sl_conn *c, const char *sql, sl_cached **out, df_error *err);
void sl_forget_statements(sl_conn *c);
int sl_bind(sqlite3_stmt *stmt, int index, const df_value *value);
/* For SQL of our own without parameters and rows. */
df_code sl_simple(sl_conn *c, const char *sql, df_error *err);
df_code sl_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
               void *context, int64_t *affected, df_error *err);

/* bulk.c */
df_code sl_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                     const df_row_source *source, int64_t *loaded, df_error *err);

/* backup.c */
df_code sl_backup_to(df_conn *conn, const char *path, const df_observer *observer, df_error *err);
df_code sl_backup_from(df_conn *conn, const char *path, const df_observer *observer, df_error *err);

/* session.c */
bool sl_in_transaction(const df_conn *conn);
df_code sl_set_limits(df_conn *conn, const df_limits *limits, df_error *err);
/* Around each statement: its time begins, and ends. */
void sl_start_clock(sl_conn *c);
void sl_stop_clock(sl_conn *c);
/* Nothing else changes a setting of the connection. */
bool sl_is_pragma(df_str sql);
df_code sl_reset(df_conn *conn, df_error *err);
df_code sl_rehearse_commit(df_conn *conn, bool check, df_error *err);
df_code sl_session_get(df_conn *conn, df_session *out, df_error *err);
df_code sl_savepoint(df_conn *conn, const char *name, df_error *err);
df_code sl_rollback_to(df_conn *conn, const char *name, df_error *err);

/* inspect.c */
df_code sl_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                   df_error *err);
df_code sl_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                        df_buf *out, df_error *err);

/* table.c */
/* The columns and constraints of a CREATE TABLE as it stands in sqlite_schema, and what is left of it. */
df_code sl_table_objects(df_str schema, df_str table, df_str sql, df_object_fn add, void *context,
                         df_error *err);
/* A statement in canonical form, letters made small where they do not matter (`fold`). */
void sl_put_canonical(df_buf *out, df_str sql, bool fold);

/* lock.c */
df_code sl_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err);
df_code sl_unlock(df_conn *conn, const char *name, df_error *err);
df_code sl_lock_held(df_conn *conn, const char *name, bool *held, df_error *err);

#endif
