/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For authors of engines: the table of functions that a driver fills in. Each driver ends with one
 * constant table, named in the array of engine.c. Callers never see this header.
 *
 * To add an engine: a folder with the file names of the others, a `df_driver` at the end of driver.c,
 * a line in engine.c's array, and the contract suite in tests/engine/ run against it. A client library that
 * is slow to load is loaded in `open` (base/library.h).
 */
#ifndef DF_ENGINE_DRIVER_H
#define DF_ENGINE_DRIVER_H

#include "engine/engine.h"
#include "sql/sql.h"

#include <stdatomic.h>

typedef struct df_driver {
    const char *name;           /* also the folder's name */
    const char *const *schemes; /* URL schemes, NULL-terminated: "postgresql", "postgres" */
    uint32_t caps;
    const df_sql_dialect *dialect;
    size_t conn_size; /* of the driver's struct, whose first member is a df_conn */

    /*
     * ---- required ----
     * engine.c checks the connection's state before each call (not lost, not inside another call, no
     * failed transaction), fills err->engine and keeps in_transaction and failed. A driver sets `lost`
     * when the server is gone, and err->native, err->sql_offset and err->sql_line where it knows them.
     */
    /* `conn` is zeroed, its driver set. On failure the driver frees what it took; close is not called. */
    df_code (*open)(df_conn *conn, const char *url, const df_open_options *options, df_error *err);
    void (*close)(df_conn *conn);
    /* One statement with `?` parameters; fn NULL: rows are discarded. See df_exec and df_query. */
    df_code (*run)(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
                   void *context, int64_t *affected, df_error *err);
    df_code (*begin)(df_conn *conn, df_error *err);
    /* Whatever it returns, no transaction is open afterwards (engine.c calls rollback after a failure). */
    df_code (*commit)(df_conn *conn, df_error *err);
    /* Also when the server has already given the transaction up, or is gone. */
    void (*rollback)(df_conn *conn);
    df_code (*bulk_load)(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                         const df_row_source *source, int64_t *loaded, df_error *err);
    /* Tries once; never blocks. */
    df_code (*try_lock)(df_conn *conn, const char *name, bool *taken, df_error *err);
    df_code (*unlock)(df_conn *conn, const char *name, df_error *err);
    df_code (*lock_held)(df_conn *conn, const char *name, bool *held, df_error *err);

    /* ---- optional: NULL when the engine cannot ---- */
    void (*cancel)(df_conn *conn); /* from another thread */
} df_driver;

struct df_conn {
    const df_driver *driver;
    const char *engine;            /* the driver's name; a wrapper shows the name of what it wraps */
    uint32_t caps;                 /* likewise */
    const df_sql_dialect *dialect; /* likewise */
    bool in_transaction;           /* kept by engine.c */
    bool failed;                   /* a statement failed in the open transaction: only rollback is left */
    bool busy;                     /* inside a call; a row callback must not use the connection */
    bool lost;                     /* set by the driver: the server is gone, nothing works any more */
    atomic_bool cancelled;         /* set by df_cancel, cleared when the next call begins */
    char schema[64];               /* of ?schema=, empty when there is none; filled by open */
    char server[64];               /* filled by open */
};

/* ---- for drivers and wrappers ---- */

/* A zeroed connection of a driver, its common part filled in. Freed with free(). */
df_conn *df_conn_new(const df_driver *driver);
/*
 * Puts "Permission denied", "Disk space exhausted" or "Database connection failed" in front of a server's
 * message, as its code wants, and a hint behind; the message loses line ends. Returns `code`.
 */
df_code df_engine_fail(df_error *err, df_code code, const char *native, const char *message);
/* Says where in `sql` the server saw the error: `offset` 0-based, in bytes. */
void df_engine_fail_at(df_error *err, df_str sql, size_t offset);

#endif
