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
    bool sync_normal;
    int64_t busy_ms;
    double busy_since; /* when the present wait for another writer began */

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

/* lock.c */
df_code sl_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err);
df_code sl_unlock(df_conn *conn, const char *name, df_error *err);
df_code sl_lock_held(df_conn *conn, const char *name, bool *held, df_error *err);

#endif
